/** Everything the platform can refuse, by name: its HTTP status and whether trying again can help. */
export const ERRORS = {
  BODY_MALFORMED: { status: 400, retryable: false },
  BODY_TOO_SLOW: { status: 408, retryable: true },
  BODY_TOO_LARGE: { status: 413, retryable: false },
  BATCH_TOO_LARGE: { status: 413, retryable: false },
  CONTENT_TYPE_UNSUPPORTED: { status: 415, retryable: false },
  REQUEST_INVALID: { status: 400, retryable: false },
  SOURCE_MAP_INVALID: { status: 400, retryable: false },
  UNAUTHENTICATED: { status: 401, retryable: false },
  FORBIDDEN: { status: 403, retryable: false },
  ORIGIN_NOT_ALLOWED: { status: 403, retryable: false },
  NOT_FOUND: { status: 404, retryable: false },
  CONFLICT: { status: 409, retryable: false },
  PRECONDITION_FAILED: { status: 412, retryable: false },
  APPROVAL_REQUIRED: { status: 409, retryable: false },
  TRANSITION_REFUSED: { status: 409, retryable: false },
  IDEMPOTENCY_KEY_REUSED: { status: 422, retryable: false },
  QUOTA_EXCEEDED: { status: 429, retryable: true },
  RATE_LIMITED: { status: 429, retryable: true },
  FLUSH_POISONED: { status: 500, retryable: false },
  UNAVAILABLE: { status: 503, retryable: true },
  INTERNAL: { status: 500, retryable: true },
} as const;

export type ErrorCode = keyof typeof ERRORS;

interface Details {
  readonly cause?: unknown;
  /** Becomes the `Retry-After` header. */
  readonly retryAfterSeconds?: number;
  /** More members of the problem that is answered, such as the group to look at instead. */
  readonly facts?: Readonly<Record<string, string>>;
}

/** A refusal by name. The only error class of ours. */
export class PlatformError extends Error {
  readonly code: ErrorCode;
  readonly retryAfterSeconds: number | undefined;
  readonly facts: Readonly<Record<string, string>> | undefined;

  constructor(code: ErrorCode, message: string, options: Details = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'PlatformError';
    this.code = code;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.facts = options.facts;
  }
}
