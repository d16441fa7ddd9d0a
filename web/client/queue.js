import { ApiError, asApiError } from "./errors.js";
import { backoff } from "./random.js";

/** @typedef {import("./types.js").Entry} Entry */
/** @typedef {import("./types.js").Storage} Storage */

const PREFIX = "queue/";
const AT_ONCE = 4; // lanes
const LONGEST = 30_000; // milliseconds between two attempts
const LIMIT = 1000; // entries
const OF_SESSION = 401;

/**
 * The queue of events for the server. It sends the entries of a lane in order, until they are acknowledged, also after a
 * restart. A repetition is the same request with the same `msgId`, so the server does everything once.
 *
 * If a repetition does not help against an error, only that entry fails. One of several clients of a storage sends
 * (`isSender`). The others put their entries into the storage, and get the results by the storage's channel.
 */
export class Queue {
  #parts;
  /** @type {import("./types.js").Channel|undefined} */
  #channel;
  /** @type {(() => void)|null} */
  #unsubscribe = null;
  /** @type {Map<string, Entry>} */
  #entries = new Map();
  /** @type {Set<string>} */
  #busy = new Set();
  /** @type {Map<string, {resolve: (ack: any) => void, reject: (error: ApiError) => void}>} */
  #waiting = new Map();
  /** @type {Map<string, {attempts: number, until: number}>} */
  #pauses = new Map();
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;
  #count = 0;
  #isOnline = false;
  #isSender = false;

  /**
   * @param {object} parts
   * @param {Storage} parts.storage
   * @param {(entry: Entry) => Promise<any>} parts.send  resolves with the acknowledgement
   * @param {() => number} parts.now
   * @param {() => number} parts.random
   * @param {(entry: Entry|null) => void} parts.changed
   * @param {(result: {entry: Entry, ack: any, error: ApiError|null, isAwaited: boolean}) => void} parts.done
   *   called once for each entry that has ended, before the promise of `add`; `isAwaited` is false for an entry of an
   *   earlier run or of another client
   */
  constructor(parts) {
    this.#parts = parts;
  }

  /** The entries in their order. */
  get entries() {
    return [...this.#entries.values()].sort((one, other) => (one.key < other.key ? -1 : 1));
  }

  /** Reads the entries that an earlier run or another client has put into the storage. */
  async load() {
    this.#channel ??= this.#parts.storage.channel?.();
    if (this.#channel && !this.#unsubscribe) this.#unsubscribe = this.#channel.subscribe((message) => this.#hear(message));
    const stored = await this.#parts.storage.transaction(async (operations) => {
      const keys = await operations.keys(PREFIX);
      return Promise.all(keys.map((key) => operations.get(key)));
    });
    for (const entry of stored) {
      if (entry && !this.#entries.has(entry.key)) {
        this.#entries.set(entry.key, { ...entry, state: entry.state === "failed" ? "failed" : "queued" });
      }
    }
    this.#parts.changed(null);
    this.#run();
  }

  /**
   * Adds an entry. When it is stored, returns it with the promise of its acknowledgement. If another client sends the
   * entry, the promise resolves without an acknowledgement.
   *
   * @param {Pick<Entry, "lane"|"event"|"data"|"slot"|"isKept"|"attachments">} given
   * @returns {Promise<{entry: Entry, acknowledged: Promise<any>}>}
   */
  async add(given) {
    if (this.#entries.size >= LIMIT) throw new ApiError({ code: "queue_full", message: "Too much waits to be sent" });
    const moment = this.#parts.now();
    const order = `${String(moment).padStart(15, "0")}-${String(++this.#count).padStart(6, "0")}`;
    const key = `${order}-${Math.floor(this.#parts.random() * 1e9).toString(36)}`;
    /** @type {Entry} */
    const entry = { ...given, key, state: "queued", createdAt: new Date(moment).toISOString() };
    const replaced = given.slot ? this.entries.find(({ slot, state }) => slot === given.slot && state !== "sending") : undefined;
    if (replaced) this.#end(replaced, undefined, null);
    const acknowledged = new Promise((resolve, reject) => this.#waiting.set(key, { resolve, reject }));
    acknowledged.catch(() => undefined);
    this.#entries.set(key, entry);
    this.#parts.changed(entry);
    if (entry.isKept) {
      await this.#parts.storage.set(PREFIX + key, entry);
      this.#channel?.post({ kind: "added", entry });
    }
    this.#run();
    return { entry, acknowledged };
  }

  /**
   * Sends a failed entry again.
   *
   * @param {string} key
   */
  async retry(key) {
    const entry = this.#entries.get(key);
    if (!entry || entry.state !== "failed") return;
    const again = { ...entry, state: /** @type {const} */ ("queued") };
    delete again.error;
    this.#entries.set(key, again);
    await this.#parts.storage.set(PREFIX + key, again);
    this.#channel?.post({ kind: "added", entry: again });
    this.#parts.changed(again);
    this.#run();
  }

  /**
   * Removes an entry; returns false if it is being sent.
   *
   * @param {string} key
   */
  async discard(key) {
    const entry = this.#entries.get(key);
    if (!entry || entry.state === "sending") return false;
    this.#end(entry, undefined, ApiError.local("aborted", "discarded"));
    return true;
  }

  /**
   * Ends an entry whose effect has arrived: its acknowledgement was lost, or another client has sent it.
   *
   * @param {string} key
   * @param {any} ack
   */
  settle(key, ack) {
    const entry = this.#entries.get(key);
    if (entry && entry.state !== "sending") this.#end(entry, ack, null);
  }

  /**
   * Sends while `isOnline` and `isSender` are true.
   *
   * @param {{isOnline?: boolean, isSender?: boolean}} change
   */
  set({ isOnline = this.#isOnline, isSender = this.#isSender }) {
    const isNew = isSender && !this.#isSender;
    if (isOnline && !this.#isOnline) this.#pauses.clear();
    this.#isOnline = isOnline;
    this.#isSender = isSender;
    if (isNew) {
      this.#channel?.post({ kind: "leading" });
      void this.load().catch(() => undefined);
    }
    this.#run();
  }

  /** Ends the use of the storage. The entries stay in it, and waiting callers get the error `aborted`. */
  close() {
    clearTimeout(this.#timer);
    this.#isOnline = false;
    for (const { reject } of this.#waiting.values()) reject(ApiError.local("aborted", "closed"));
    this.#waiting.clear();
    this.#unsubscribe?.();
    this.#unsubscribe = null;
    this.#channel?.close();
    this.#channel = undefined;
  }

  /** Removes all entries. Waiting callers get the error `aborted`. */
  async clear() {
    for (const entry of this.entries) this.#end(entry, undefined, ApiError.local("aborted", "signed out"));
    for (const key of await this.#parts.storage.keys(PREFIX)) await this.#parts.storage.delete(key);
  }

  #run() {
    clearTimeout(this.#timer);
    if (!this.#isOnline) return;
    let next = Infinity;
    const seen = new Set(this.#busy);
    for (const entry of this.entries) {
      if (entry.state !== "queued" || seen.has(entry.lane)) continue;
      if (entry.isKept && !this.#isSender) continue;
      seen.add(entry.lane);
      const wait = (this.#pauses.get(entry.lane)?.until ?? 0) - this.#parts.now();
      if (wait > 0) next = Math.min(next, wait);
      else if (this.#busy.size < AT_ONCE) void this.#attempt(entry);
    }
    if (next < Infinity) this.#timer = setTimeout(() => this.#run(), next);
  }

  /** @param {Entry} entry */
  async #attempt(entry) {
    this.#busy.add(entry.lane);
    this.#entries.set(entry.key, { ...entry, state: "sending" });
    this.#parts.changed(entry);
    try {
      const ack = await this.#parts.send(entry);
      this.#pauses.delete(entry.lane);
      this.#end(entry, ack, null);
    } catch (thrown) {
      const error = asApiError(thrown);
      if (!this.#entries.has(entry.key)) return;
      if (error.retryable || error.statusCode === OF_SESSION) this.#pause(entry, error);
      else this.#fail(entry, error);
    } finally {
      this.#busy.delete(entry.lane);
      this.#run();
    }
  }

  /**
   * @param {Entry} entry
   * @param {ApiError} error
   */
  #pause(entry, error) {
    const attempts = (this.#pauses.get(entry.lane)?.attempts ?? 0) + 1;
    const delay = Math.max(backoff(attempts, LONGEST, this.#parts.random), (error.retryAfter ?? 0) * 1000);
    this.#pauses.set(entry.lane, { attempts, until: this.#parts.now() + delay });
    const waiting = { ...entry, state: /** @type {const} */ ("queued") };
    this.#entries.set(entry.key, waiting);
    this.#parts.changed(waiting);
  }

  /**
   * @param {Entry} entry
   * @param {ApiError} error
   */
  #fail(entry, error) {
    this.#pauses.delete(entry.lane);
    if (entry.event !== "message") {
      this.#end(entry, undefined, error);
      return;
    }
    // The user decides about a failed message: it stays until the user sends it again or discards it.
    const { code, message, statusCode } = error;
    const failed = { ...entry, state: /** @type {const} */ ("failed"), error: { code, message, statusCode } };
    this.#entries.set(entry.key, failed);
    void this.#parts.storage.set(PREFIX + entry.key, failed).catch(() => undefined);
    this.#channel?.post({ kind: "added", entry: failed });
    const waiting = this.#waiting.get(entry.key);
    this.#waiting.delete(entry.key);
    waiting?.reject(error);
    this.#parts.done({ entry: failed, ack: undefined, error, isAwaited: Boolean(waiting) });
    this.#parts.changed(failed);
  }

  /**
   * @param {Entry} entry
   * @param {any} ack
   * @param {ApiError|null} error
   */
  #end(entry, ack, error) {
    if (!this.#entries.delete(entry.key)) return;
    if (entry.isKept) {
      void this.#parts.storage.delete(PREFIX + entry.key).catch(() => undefined);
      this.#channel?.post({ kind: "ended", key: entry.key, ack, error: error && { ...error, message: error.message } });
    }
    this.#finish(entry, ack, error);
  }

  /**
   * @param {Entry} entry
   * @param {any} ack
   * @param {ApiError|null} error
   */
  #finish(entry, ack, error) {
    const waiting = this.#waiting.get(entry.key);
    this.#parts.done({ entry, ack, error, isAwaited: Boolean(waiting) });
    this.#waiting.delete(entry.key);
    if (error) waiting?.reject(error);
    else waiting?.resolve(ack);
    this.#parts.changed(null);
  }

  /** @param {any} message */
  #hear(message) {
    if (message.kind === "leading") {
      // The former sender may have ended between a result and its message on the channel, so waiting entries are sent again.
      for (const entry of this.entries) {
        if (!entry.isKept || entry.state === "failed" || !this.#waiting.has(entry.key)) continue;
        const again = { ...entry, state: /** @type {const} */ ("queued") };
        void this.#parts.storage.set(PREFIX + entry.key, again).catch(() => undefined);
        this.#channel?.post({ kind: "added", entry: again });
      }
    }
    if (message.kind === "added") {
      const { key, state, error } = message.entry;
      this.#entries.set(key, message.entry);
      if (state === "failed") {
        this.#waiting.get(key)?.reject(new ApiError(error));
        this.#waiting.delete(key);
      }
      this.#parts.changed(message.entry);
      this.#run();
    } else if (message.kind === "ended") {
      const entry = this.#entries.get(message.key);
      if (!entry) return;
      this.#entries.delete(message.key);
      this.#finish(entry, message.ack, message.error && new ApiError(message.error));
    }
  }
}
