/** An error of the API, of the network, or of this client. `code` is stable; the message is for users. */
export class ApiError extends Error {
  /**
   * @param {{code?: string, message?: string, error?: string, statusCode?: number, retryable?: boolean,
   *   retryAfter?: number, data?: any, validation?: any}} body
   */
  constructor(body) {
    super(body.message ?? body.error ?? body.code ?? "error");
    this.name = "ApiError";
    this.statusCode = body.statusCode ?? 0;
    this.code = body.code ?? CODES[this.statusCode] ?? "error";
    this.retryable = body.retryable ?? RETRYABLE.includes(this.statusCode);
    /** Seconds to wait before the next attempt. */
    this.retryAfter = body.retryAfter;
    this.data = body.data;
    this.validation = body.validation;
  }

  /** True if a new token may help. */
  get isAuth() {
    return this.statusCode === 401 && this.code !== "bad_credentials";
  }

  /**
   * Returns the error of a request without an answer.
   *
   * @param {"offline"|"timeout"|"aborted"} code
   * @param {string} [message]
   */
  static local(code, message) {
    return new ApiError({ code, message: message ?? code, retryable: code !== "aborted" });
  }
}

/** @type {Record<number, string>} */
const CODES = {
  400: "validation",
  401: "unauthorized",
  403: "forbidden",
  404: "not_found",
  413: "too_large",
  429: "rate_limited",
  500: "internal",
  503: "unavailable",
};
const RETRYABLE = [408, 429, 500, 502, 503, 504];

/**
 * Returns any thrown value as an ApiError.
 *
 * @param {unknown} error
 * @returns {ApiError}
 */
export function asApiError(error) {
  if (error instanceof ApiError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const isAborted = error instanceof Error && error.name === "AbortError";
  return ApiError.local(isAborted ? "aborted" : "offline", message);
}
