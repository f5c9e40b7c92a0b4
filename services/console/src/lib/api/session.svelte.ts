/** Who is logged in, and what happens when the session ends while somebody works. */
import type { LoggedIn, Login, Whoami } from './schema';
import { ApiProblem, NoAnswer } from './problem';

class Session {
  /** `undefined` until the first answer, `null` when nobody is logged in. */
  who = $state.raw<Whoami | null | undefined>(undefined);
  /** The session ended under somebody's hands: the dialog that asks for the password stands over the page. */
  expired = $state(false);
  #renewed: (() => void)[] = [];

  get isAdmin(): boolean {
    return this.who?.admin_role !== undefined;
  }

  /** May change things on the platform. */
  get isOperator(): boolean {
    return this.who?.admin_role === 'owner' || this.who?.admin_role === 'operator';
  }

  get isOwner(): boolean {
    return this.who?.admin_role === 'owner';
  }

  /** The slug of the tenant to whom this person belongs. */
  get tenant(): string | undefined {
    return this.who?.tenant;
  }

  /** May back up, restore and edit users: operators everywhere, managers in their own tenant. */
  get mayWrite(): boolean {
    return this.isOperator || this.who?.user_role === 'manager';
  }

  async load(): Promise<void> {
    const response = await request('/api/auth/session');
    if (response.status === 401) this.who = null;
    else if (response.ok) this.who = (await response.json()) as Whoami;
    else throw await ApiProblem.from(response);
  }

  async login(credentials: Login): Promise<void> {
    const response = await request('/api/auth/login', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(credentials),
    });
    if (!response.ok) throw await ApiProblem.from(response);
    const { whoami } = (await response.json()) as LoggedIn;
    const another = this.expired && this.who?.id !== whoami.id;
    this.who = whoami;
    this.expired = false;
    if (another) location.assign('/');
    for (const goOn of this.#renewed.splice(0)) goOn();
  }

  async logout(): Promise<void> {
    const response = await request('/api/auth/logout', { method: 'POST' });
    if (!response.ok && response.status !== 401) throw await ApiProblem.from(response);
    location.assign('/');
  }

  /** Resolves once the person has logged in again. */
  renewed(): Promise<void> {
    this.expired = true;
    return new Promise((resolve) => this.#renewed.push(resolve));
  }
}

async function request(path: string, init?: RequestInit): Promise<Response> {
  try {
    return await fetch(path, { ...init, headers: { accept: 'application/json', ...init?.headers } });
  } catch (cause) {
    throw new NoAnswer(cause);
  }
}

export const session = new Session();
