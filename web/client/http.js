import { ApiError, asApiError } from "./errors.js";

/** @typedef {import("./session.js").Session} Session */

/**
 * @typedef {object} RequestOptions
 * @property {any} [body]  sent as JSON
 * @property {any} [raw]  sent as it is, in place of `body`
 * @property {Record<string, unknown>} [query]  undefined values are left out
 * @property {Record<string, string>} [headers]
 * @property {boolean} [auth]  false: without the token
 * @property {AbortSignal} [signal]
 * @property {number} [timeout]  milliseconds until the answer begins; 0: no limit
 * @property {boolean} [isLast]  true: the answer counts although the session may end before it
 */

/** Requests to the API with the token of the session. */
export class Http {
  #base;
  #fetch;
  /** @type {Session|null} */
  session = null;

  /**
   * @param {string} base  the address of the API, without a slash at its end
   * @param {typeof globalThis.fetch} fetch
   */
  constructor(base, fetch) {
    this.#base = base;
    this.#fetch = fetch;
  }

  /**
   * Returns the decoded body of a response; undefined if it is empty. Raises ApiError.
   *
   * @param {string} method
   * @param {string} path
   * @param {RequestOptions} [options]
   * @returns {Promise<any>}
   */
  async json(method, path, options) {
    const check = this.#ofUser(options);
    const body = await decoded(await this.request(method, path, options));
    check();
    return body;
  }

  /**
   * Returns a successful response. A refused token is renewed once. Raises ApiError; `aborted` if the user has signed
   * out meanwhile, so that nobody else is shown the answer.
   *
   * @param {string} method
   * @param {string} path
   * @param {RequestOptions} [options]
   * @returns {Promise<Response>}
   */
  async request(method, path, options = {}) {
    const session = options.auth === false ? null : this.session;
    const check = this.#ofUser(options);
    const token = session ? await session.fresh() : null;
    const response = await this.#send(method, path, options, token);
    check();
    if (response.ok) return response;
    const error = await errorOf(response);
    if (!session || !error.isAuth) throw error;
    const renewed = await session.renew(token);
    const second = await this.#send(method, path, options, renewed);
    check();
    if (second.ok) return second;
    throw await errorOf(second);
  }

  /**
   * Returns the address of a path.
   *
   * @param {string} path
   * @param {Record<string, unknown>} [query]
   */
  address(path, query = {}) {
    const pairs = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
    const text = pairs.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join("&");
    return this.#base + path + (text && `?${text}`);
  }

  /**
   * Returns a function that raises ApiError if the present user has signed out.
   *
   * @param {RequestOptions} [options]
   */
  #ofUser({ auth, isLast } = {}) {
    const asker = this.session?.userId;
    return () => {
      if (auth !== false && !isLast && this.session?.userId !== asker) throw ApiError.local("aborted", "signed out");
    };
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {RequestOptions} options
   * @param {string|null} token
   */
  async #send(method, path, { body, raw, query, headers, signal, timeout = 30_000 }, token) {
    const aborting = new AbortController();
    const abort = () => aborting.abort();
    signal?.addEventListener("abort", abort);
    if (signal?.aborted) abort();
    let isLate = false;
    const timer = timeout
      ? setTimeout(() => {
          isLate = true;
          abort();
        }, timeout)
      : undefined;
    try {
      return await this.#fetch(this.address(path, query), {
        method,
        headers: {
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...(token ? { authorization: `Bearer ${token}` } : {}),
          ...headers,
        },
        body: body === undefined ? raw : JSON.stringify(body),
        signal: aborting.signal,
      });
    } catch (error) {
      signal?.removeEventListener("abort", abort); // after an answer it still ends the body
      throw isLate ? ApiError.local("timeout") : asApiError(error);
    } finally {
      clearTimeout(timer);
    }
  }
}

/**
 * @param {Response} response
 * @returns {Promise<any>}
 */
async function decoded(response) {
  try {
    const text = await response.text();
    return text ? JSON.parse(text) : undefined;
  } catch (error) {
    throw asApiError(error);
  }
}

/**
 * @param {Response} response
 * @returns {Promise<ApiError>}
 */
async function errorOf(response) {
  const body = await decoded(response).catch(() => undefined);
  const given = typeof body === "object" && body !== null ? body : {};
  const after = Number(response.headers.get("retry-after")) || undefined;
  return new ApiError({ retryAfter: after, ...given, statusCode: response.status });
}
