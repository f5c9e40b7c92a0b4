/**
 * A form's life: values, what the service refused by field, and what to do when somebody else was faster (412). Values are
 * never thrown away by a failure; leaving with unsaved ones asks first.
 */
import { ApiProblem, ContentKey, NoAnswer, type FieldError, type Versioned } from '$lib/api';
import { fieldRefusal, refusal } from '$lib/refusals';
import { router } from '$lib/router';
import type { Changer } from './changer';
import { formWords } from './words';

type Values = Record<string, unknown>;

export interface FormOptions<V extends Values> {
  initial: V;
  /** Sends the values. `key` is the idempotency key of this very content. */
  submit: (values: V, key: string) => Promise<void>;
  /** Fetches what the row is now, after a 412. Left out, a conflict is told like any other refusal. */
  current?: () => Promise<Present<V>>;
  /** From now on the form is about this version: what is typed is saved over it. */
  rebase?: (etag: string) => void;
  /** A form in which nothing precious is typed, a search for example. */
  careless?: boolean;
}

/** What the row is now, and who made it so, where that is known. */
export interface Present<V> extends Versioned<V> {
  by?: Changer;
}

export interface Conflict<V> {
  theirs: V;
  etag: string;
  by?: Changer;
  /** The fields that both changed, and not to the same. */
  both: (keyof V & string)[];
  /** The fields that only they changed: saving leaves them as they are now. */
  onlyTheirs: (keyof V & string)[];
}

const same = (left: unknown, right: unknown): boolean => JSON.stringify(left) === JSON.stringify(right);

const told = (wrong: FieldError | undefined): string | undefined => wrong && fieldRefusal(wrong);

export class Form<V extends Values> {
  values = $state() as V;
  busy = $state(false);
  failure = $state.raw<Error | undefined>(undefined);
  conflict = $state.raw<Conflict<V> | undefined>(undefined);
  /** The element to which the form's errors bring the focus. */
  element: HTMLFormElement | undefined;
  #base = $state.raw() as V;
  #options: FormOptions<V>;
  #key = new ContentKey();

  constructor(options: FormOptions<V>) {
    this.#options = options;
    this.#base = structuredClone(options.initial);
    this.values = structuredClone(options.initial);
    if (!options.careless) $effect(() => router.guard(() => this.dirty && !this.busy));
  }

  readonly dirty = $derived.by(() => !same(this.values, this.#base));

  /** The fields that the person changed: what a merge patch is to hold. */
  changes(): Partial<V> {
    const values = $state.snapshot(this.values) as V;
    return Object.fromEntries(
      Object.entries(values).filter(([key, value]) => !same(value, this.#base[key])),
    ) as Partial<V>;
  }

  /** What the service says of the field at this JSON pointer, `/slug`. */
  error(pointer: string): string | undefined {
    if (!(this.failure instanceof ApiProblem)) return undefined;
    return told(this.failure.fields.find((field) => field.pointer === pointer));
  }

  /** The first thing that is wrong at this pointer or below it: of a list that one field holds. */
  errorWithin(pointer: string): string | undefined {
    if (!(this.failure instanceof ApiProblem)) return undefined;
    const within = (at: string): boolean => at === pointer || at.startsWith(`${pointer}/`);
    return told(this.failure.fields.find((field) => within(field.pointer)));
  }

  /** Takes what is stored as the new start. */
  reset(values: V): void {
    this.#base = structuredClone(values);
    this.values = structuredClone(values);
    this.failure = undefined;
    this.conflict = undefined;
  }

  submit = async (event?: SubmitEvent): Promise<void> => {
    event?.preventDefault();
    if (this.busy) return;
    this.busy = true;
    this.failure = undefined;
    try {
      const values = $state.snapshot(this.values) as V;
      await this.#options.submit(values, this.#key.of(values));
      this.#key.done();
      this.#base = structuredClone(values);
      this.conflict = undefined;
    } catch (error) {
      await this.#failed(error);
    } finally {
      this.busy = false;
    }
  };

  async #failed(error: unknown): Promise<void> {
    const { current } = this.#options;
    const collided = error instanceof ApiProblem && error.status === 412 && current !== undefined;
    const failure = collided ? await this.#compare(current) : error;
    if (failure !== undefined) {
      if (!(failure instanceof ApiProblem) && !(failure instanceof NoAnswer)) throw failure;
      this.failure = failure;
    }
    queueMicrotask(() => this.#focusWhatIsWrong());
  }

  /** To the first field that was refused, else to what is said above the form: it may be out of sight. */
  #focusWhatIsWrong(): void {
    const find = (what: string) => this.element?.querySelector<HTMLElement>(what);
    (find('[aria-invalid="true"]') ?? find('[data-refused]'))?.focus();
  }

  /** Sees what others changed since this form began; answers why that cannot be seen. */
  async #compare(current: () => Promise<Present<V>>): Promise<unknown> {
    try {
      const { row: theirs, etag, by } = await current();
      const changed = Object.keys(theirs).filter((key) => !same(theirs[key], this.#base[key]));
      const both = changed.filter((key) => this.#typed(key) && !same(theirs[key], this.values[key]));
      const onlyTheirs = changed.filter((key) => !this.#typed(key));
      this.conflict = { theirs, etag, by, both, onlyTheirs };
      return undefined;
    } catch (failure) {
      return failure;
    }
  }

  #typed = (key: keyof V): boolean => !same(this.values[key], this.#base[key]);

  /** After a conflict: sends what was typed on top of what stands there now. */
  saveOnTop = (): void => {
    if (this.conflict === undefined) return;
    const { theirs, etag } = this.conflict;
    const ours = $state.snapshot(this.values) as V;
    const kept = Object.entries(theirs).filter(([key]) => !this.#typed(key));
    this.values = { ...ours, ...(structuredClone(Object.fromEntries(kept)) as Partial<V>) };
    this.#base = structuredClone(theirs);
    this.#options.rebase?.(etag);
    this.element?.requestSubmit();
  };

  /** What to say above the form: what no field says already. */
  get summary(): string | undefined {
    if (this.failure === undefined) return undefined;
    if (this.failure instanceof NoAnswer) return formWords.noAnswer;
    const problem = this.failure as ApiProblem;
    return problem.fields.length > 0 ? formWords.fields(problem.fields.length) : refusal(problem);
  }
}
