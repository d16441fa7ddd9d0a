/** @typedef {import("./types.js").Presence} Presence */

const EVERY = 3000; // milliseconds between two `typing` events of a conversation
const LONGEST = 10_000; // milliseconds for which a user is shown as typing without another event
const WATCHED = 100;

/** The users who are typing, by conversation. An entry ends by itself. */
export class Typing {
  #now;
  #changed;
  /** @type {Map<string, Map<string, ReturnType<typeof setTimeout>>>} */
  #typing = new Map();
  /** @type {Map<string, number>} */
  #told = new Map();

  /**
   * @param {() => number} now
   * @param {(conversationId: string) => void} changed
   */
  constructor(now, changed) {
    this.#now = now;
    this.#changed = changed;
  }

  /**
   * Returns the ids of the users who are typing in a conversation.
   *
   * @param {string} conversationId
   */
  in(conversationId) {
    return [...(this.#typing.get(conversationId)?.keys() ?? [])];
  }

  /**
   * Takes an event.
   *
   * @param {{conversationId: string, userId: string, on: boolean, expiresAt?: string}} event
   * @param {number} skew  milliseconds by which the server's clock is ahead
   */
  take({ conversationId, userId, on, expiresAt }, skew) {
    const users = this.#typing.get(conversationId) ?? new Map();
    clearTimeout(users.get(userId));
    users.delete(userId);
    if (on) {
      const left = expiresAt ? Date.parse(expiresAt) - skew - this.#now() : LONGEST;
      const end = () => this.take({ conversationId, userId, on: false }, skew);
      users.set(userId, setTimeout(end, Math.min(Math.max(left, 0), LONGEST)));
    }
    if (users.size) this.#typing.set(conversationId, users);
    else this.#typing.delete(conversationId);
    this.#changed(conversationId);
  }

  /**
   * Returns true if an event must be sent: at the first key, then every few seconds, and once at the end.
   *
   * @param {string} conversationId
   * @param {boolean} on
   */
  isDue(conversationId, on) {
    const told = this.#told.get(conversationId);
    if (!on) return this.#told.delete(conversationId);
    if (told !== undefined && this.#now() - told < EVERY) return false;
    this.#told.set(conversationId, this.#now());
    return true;
  }

  /** Forgets everything. */
  clear() {
    for (const [conversationId, users] of [...this.#typing]) {
      for (const timer of users.values()) clearTimeout(timer);
      this.#typing.delete(conversationId);
      this.#changed(conversationId);
    }
    this.#told.clear();
  }
}

/** The presence of the watched users; of more than a hundred, the newest. */
export class Watch {
  /** @type {Map<string, Presence>} */
  states = new Map();
  /** @type {Map<string, number>} */
  #watched = new Map();

  /** The ids of the watched users. */
  get ids() {
    return [...this.#watched.keys()].slice(-WATCHED);
  }

  /**
   * Adds watchers; returns true if `ids` has changed.
   *
   * @param {string[]} userIds
   */
  add(userIds) {
    const before = this.ids.sort().join();
    for (const userId of userIds) {
      const count = (this.#watched.get(userId) ?? 0) + 1;
      this.#watched.delete(userId);
      this.#watched.set(userId, count);
    }
    return this.ids.sort().join() !== before;
  }

  /**
   * Removes watchers; returns true if `ids` has changed.
   *
   * @param {string[]} userIds
   */
  remove(userIds) {
    let isChanged = false;
    for (const userId of userIds) {
      const count = (this.#watched.get(userId) ?? 0) - 1;
      if (count > 0) this.#watched.set(userId, count);
      else isChanged = this.#watched.delete(userId) || isChanged;
      if (count <= 0) this.states.delete(userId);
    }
    return isChanged;
  }

  /** Forgets everything. */
  clear() {
    this.states.clear();
    this.#watched.clear();
  }
}
