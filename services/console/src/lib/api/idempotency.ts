/** `Idempotency-Key`: by it the service knows that a `POST` which creates is the same that it has answered before. */

/** For a request that nothing is typed for: one key each time that it is asked for. */
export const idempotencyKey = (): string => crypto.randomUUID();

/**
 * The same content keeps its key: a repetition after a lost answer is an echo, not a second row. All that is typed counts,
 * secrets too: the service compares without them. Once it is `done`, the same content is a new wish.
 */
export class ContentKey {
  #key = '';
  #content = '';

  of(content: unknown): string {
    const text = JSON.stringify(content);
    if (text !== this.#content) this.#key = idempotencyKey();
    this.#content = text;
    return this.#key;
  }

  done(): void {
    this.#content = '';
  }
}
