/** Logging in: as an admin, or as somebody of a reseller's team; with a code when the account asks for one. */
import { ApiProblem, isProblem, session } from '$lib/api';
import { told } from '$lib/ui/told';
import { shellWords } from '../words';

const KEY = 'chiliview.reseller';

export class LoginForm {
  username = $state('');
  password = $state('');
  /** The reseller's slug, of one of its people. */
  tenant = $state('');
  asTeam = $state(false);
  code = $state('');
  codeAsked = $state(false);
  busy = $state(false);
  failure = $state.raw<unknown>(undefined);

  constructor(known?: { username: string; tenant?: string }) {
    this.username = known?.username ?? '';
    const asked = new URLSearchParams(location.search).get('tenant') ?? localStorage.getItem(KEY) ?? '';
    this.tenant = known ? (known.tenant ?? '') : asked;
    this.asTeam = this.tenant !== '';
  }

  get message(): string | undefined {
    if (this.failure === undefined) return undefined;
    if (this.failure instanceof ApiProblem && this.failure.status === 401) return shellWords.loginFailed;
    return told(this.failure);
  }

  submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    if (this.busy) return;
    this.busy = true;
    this.failure = undefined;
    try {
      await session.login({
        username: this.username.trim(),
        password: this.password,
        ...(this.asTeam ? { tenant: this.tenant.trim() } : {}),
        ...(this.codeAsked ? { code: this.code.trim() } : {}),
      });
      localStorage.setItem(KEY, this.asTeam ? this.tenant.trim() : '');
    } catch (failure) {
      if (isProblem(failure, 'totp_required')) this.codeAsked = true;
      else this.failure = failure;
    } finally {
      this.busy = false;
    }
  };
}
