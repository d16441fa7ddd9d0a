import { ApiError, asApiError } from "./errors.js";

/** @typedef {import("./types.js").Tokens} Tokens */
/** @typedef {import("./types.js").Account} Account */
/** @typedef {Tokens & {renewAt: number|null}} Kept  with the time from which a token is renewed before it is used */
/** @typedef {import("./types.js").Storage} Storage */
/** @typedef {import("./http.js").Http} Http */
/** @typedef {import("./locks.js").Locks} Locks */

const KEY = "session";
const EARLY = 30_000; // milliseconds before the end of a token at which it is renewed, at most a tenth of its lifetime

/**
 * The tokens of the signed-in user. Concurrent callers and tabs share one renewal, because a refresh token is valid once.
 */
export class Session {
  #parts;
  /** @type {Kept|null} */
  #tokens = null;
  /** @type {Promise<string>|null} */
  #renewing = null;

  /**
   * @param {{http: Http, storage: Storage, locks: Locks, now: () => number, ended: (reason: string) => void}} parts
   *   `ended` is called when the server refuses the session
   */
  constructor(parts) {
    this.#parts = parts;
  }

  /** The account, or null while signed out. */
  get user() {
    return this.#tokens?.user ?? null;
  }

  /** The id of the user; "" while signed out. */
  get userId() {
    return this.#tokens?.user?.myId ?? "";
  }

  /** Reads the tokens that an earlier run has stored. */
  async load() {
    this.#tokens = (await this.#parts.storage.get(KEY)) ?? null;
  }

  /**
   * Stores the answer of a registration, a sign-in or a renewal.
   *
   * @param {Tokens} answer
   */
  async keep(answer) {
    const left = Date.parse(answer.expiresAt) - this.#parts.now();
    // If the clock is far ahead, every token looks expired. Then a token is renewed only after the server has refused it.
    const renewAt = left > 0 ? this.#parts.now() + left - Math.min(EARLY, left / 10) : Infinity;
    await this.#store({ ...answer, user: answer.user ?? this.#tokens?.user, renewAt });
  }

  /**
   * Changes the stored account, after a change of the profile.
   *
   * @param {Partial<Account>} change
   */
  async update(change) {
    if (this.#tokens?.user) await this.#store({ ...this.#tokens, user: { ...this.#tokens.user, ...change } });
  }

  /** Removes the tokens. Returns false if another tab has signed in meanwhile: its tokens stay in the storage. */
  async forget() {
    const own = this.#tokens?.token;
    this.#tokens = null;
    return this.#parts.storage.transaction(async (operations) => {
      const stored = await operations.get(KEY);
      if (stored && stored.token !== own) return false;
      await operations.delete(KEY);
      return true;
    });
  }

  /** Returns a token that is valid for a while; null while signed out. Raises ApiError. */
  async fresh() {
    const tokens = this.#tokens;
    if (!tokens) return null;
    const isDue = this.#parts.now() > (tokens.renewAt ?? Infinity); // stored as null: not known
    return isDue && tokens.refreshToken ? this.renew(tokens.token) : tokens.token;
  }

  /**
   * Returns a token other than the refused one. Raises ApiError; if the server refuses the renewal, the session ends.
   *
   * @param {string|null} refused
   * @returns {Promise<string>}
   */
  renew(refused) {
    if (this.#tokens && this.#tokens.token !== refused) return Promise.resolve(this.#tokens.token);
    this.#renewing ??= this.#renew(refused).finally(() => (this.#renewing = null));
    return this.#renewing;
  }

  /**
   * @param {string|null} refused
   * @returns {Promise<string>}
   */
  async #renew(refused) {
    try {
      const token = await this.#parts.locks.hold("refresh", async () => {
        const stored = await this.#parts.storage.get(KEY);
        if (stored && stored.token !== refused) this.#tokens = stored; // another tab has renewed it
        else await this.#exchange(stored?.refreshToken);
        return this.#tokens?.token;
      });
      return token ?? "";
    } catch (thrown) {
      const error = asApiError(thrown);
      if (!error.retryable) this.#parts.ended(error.code);
      throw error;
    }
  }

  /** @param {Kept} tokens */
  async #store(tokens) {
    this.#tokens = tokens;
    await this.#parts.storage.set(KEY, tokens);
  }

  /** @param {string|undefined} refreshToken */
  async #exchange(refreshToken) {
    if (!refreshToken) throw new ApiError({ statusCode: 401, code: "token_expired" });
    await this.keep(await this.#parts.http.json("POST", "/token/refresh", { body: { refreshToken }, auth: false }));
  }
}
