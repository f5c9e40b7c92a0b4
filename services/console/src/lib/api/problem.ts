/** What the service refuses, as RFC 9457 tells it, and what happens when it does not answer at all. */
import type { FieldError, Problem } from './schema';

/** The service answered, and refused. `code` is stable; `detail` is for people. */
export class ApiProblem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly detail: string | undefined,
    readonly fields: FieldError[],
    readonly traceId: string | undefined,
    readonly retryAfter: number | undefined,
  ) {
    super(detail ?? title);
    this.name = 'ApiProblem';
  }

  static async from(response: Response, body?: unknown): Promise<ApiProblem> {
    const told = (body ?? (await response.json().catch(() => undefined))) as Partial<Problem> | undefined;
    const wait = Number(response.headers.get('retry-after'));
    return new ApiProblem(
      response.status,
      told?.code ?? `http_${response.status}`,
      told?.title ?? response.statusText,
      told?.detail,
      told?.errors ?? [],
      told?.trace_id ?? response.headers.get('x-trace-id') ?? undefined,
      Number.isFinite(wait) && wait > 0 ? wait : undefined,
    );
  }
}

/** No answer: the change may or may not have been saved. */
export class NoAnswer extends Error {
  constructor(cause: unknown) {
    super('no answer', { cause });
    this.name = 'NoAnswer';
  }
}

export const isProblem = (error: unknown, code?: string): error is ApiProblem =>
  error instanceof ApiProblem && (code === undefined || error.code === code);
