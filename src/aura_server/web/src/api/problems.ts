import type { FieldError, Problem } from "./schema";

/** The server refused: what it said, as it said it. Its words are text and never markup. */
export class ApiProblem extends Error {
  readonly status: number;
  readonly requestId: string | null;
  readonly fields: readonly FieldError[];
  readonly retryAfterSeconds: number | null;

  constructor(status: number, problem: Partial<Problem>, retryAfterSeconds: number | null = null) {
    super(problem.detail || problem.title || `HTTP ${status}`);
    this.name = "ApiProblem";
    this.status = status;
    this.requestId = problem.request_id ?? null;
    this.fields = problem.errors ?? [];
    this.retryAfterSeconds = retryAfterSeconds;
  }

  /** What is wrong with one field of the request, or undefined. */
  of(field: string): string | undefined {
    return this.fields.find((each) => each.field === field)?.message;
  }
}

/** The server could not be reached: nothing is known of what became of the request. */
export class Unreachable extends Error {
  constructor(cause: unknown) {
    super("the server can not be reached", { cause });
    this.name = "Unreachable";
  }
}

/** The problem that a response that is not ok carries. */
export async function problemOf(response: Response): Promise<ApiProblem> {
  const after = Number(response.headers.get("retry-after"));
  const seconds = Number.isFinite(after) && after > 0 ? after : null;
  try {
    return new ApiProblem(response.status, (await response.json()) as Problem, seconds);
  } catch {
    return new ApiProblem(response.status, { title: response.statusText }, seconds);
  }
}

/** Whether asking again by itself can help: the server is away, or says that it is busy. */
export function isPassing(error: unknown): boolean {
  return error instanceof Unreachable || (error instanceof ApiProblem && [408, 502, 503, 504].includes(error.status));
}
