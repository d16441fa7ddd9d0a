import { asApiError } from "./errors.js";
import { backoff } from "./random.js";

/** @typedef {import("./types.js").SyncAnswer} SyncAnswer */
/** @typedef {import("./types.js").Conversation} Conversation */
/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./conversations.js").Conversations} Conversations */

const GIVEN = 200; // conversations of one request
const SETTLE = 100; // milliseconds in which further gaps are joined into one catch-up
const LONGEST = 15_000;
const OFTEN = 600_000; // milliseconds between two catch-ups without a gap: a lost event of the user's state leaves no gap

/**
 * Catch-up from the held state to the present one. One catch-up runs at a time; a gap that is noticed meanwhile causes
 * another one. A failed catch-up is repeated until it succeeds or `pause` is called.
 */
export class Sync {
  #parts;
  /** @type {Set<string>} */
  #stale = new Set();
  /** Conversations whose head events changed while a catch-up was read. @type {Set<string>|null} */
  #touched = null;
  /** @type {Promise<void>|null} */
  #running = null;
  #isWanted = false;
  #isPaused = true;
  #attempts = 0;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;

  /**
   * @param {object} parts
   * @param {Conversations} parts.conversations
   * @param {(payload: any) => Promise<SyncAnswer>} parts.call
   * @param {(id: string) => Promise<Conversation>} parts.read  a single head
   * @param {() => Promise<void>} parts.list  reads the list of conversations again
   * @param {{limit: number, messages: number}} parts.window  of the first catch-up
   * @param {() => number} parts.random
   * @param {(answer: SyncAnswer, news: Message[]) => void} parts.applied
   * @param {() => void} parts.idle  nothing is missing any more
   */
  constructor(parts) {
    this.#parts = parts;
  }

  /** True if all known gaps are filled. */
  get isIdle() {
    return !this.#running && !this.#isWanted && this.#stale.size === 0;
  }

  /** Starts to catch up, now and for each gap. */
  resume() {
    this.#isPaused = false;
    this.#attempts = 0;
    void this.now().catch(() => undefined);
  }

  /** Stops. A running catch-up is not repeated if it fails. */
  pause() {
    this.#isPaused = true;
    clearTimeout(this.#timer);
  }

  /**
   * Reports a gap. A catch-up follows soon, together with other gaps.
   *
   * @param {string} [id]  a conversation whose head must be read by itself
   */
  need(id) {
    if (id) this.#stale.add(id);
    else this.#isWanted = true;
    if (!this.#isPaused && !this.#running) this.#soon();
  }

  #soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.now().catch(() => undefined), SETTLE * (0.5 + this.#parts.random()));
  }

  /**
   * Reports that an event has replaced the private part of a head. A concurrent answer may be older or newer.
   *
   * @param {string} id
   */
  touch(id) {
    this.#touched?.add(id);
  }

  /**
   * Catches up now, or waits for the running catch-up and for the next one. Raises the ApiError of the first failure.
   *
   * @returns {Promise<void>}
   */
  async now() {
    this.#isWanted = true;
    while (this.#running) await this.#running;
    if (!this.#isWanted) return;
    clearTimeout(this.#timer);
    this.#running = this.#run().finally(() => (this.#running = null));
    try {
      await this.#running;
      this.#attempts = 0;
    } catch (thrown) {
      const error = asApiError(thrown);
      this.#isWanted = true;
      const delay = Math.max(backoff(this.#attempts++, LONGEST, this.#parts.random), (error.retryAfter ?? 0) * 1000);
      clearTimeout(this.#timer);
      if (!this.#isPaused) this.#timer = setTimeout(() => void this.now().catch(() => undefined), delay);
      throw error;
    }
    if (this.isIdle) {
      this.#parts.idle();
      if (!this.#isPaused) this.#timer = setTimeout(() => void this.now().catch(() => undefined), OFTEN * (0.9 + 0.2 * this.#parts.random()));
    } else if (!this.#isPaused && !this.#running) this.#soon();
  }

  async #run() {
    this.#isWanted = false;
    const held = [...this.#parts.conversations.timelines.keys()].reverse();
    // The first request moves the cursor. Further requests name the other conversations.
    for (let start = 0; start === 0 || start < held.length; start += GIVEN) await this.#part(held.slice(start, start + GIVEN));
    await this.#heads();
  }

  /** @param {string[]} ids */
  async #part(ids) {
    const { timelines, cursor } = this.#parts.conversations;
    /** @type {Record<string, {seq: number, changeSeq: number}>} */
    const given = {};
    for (const id of ids) {
      const timeline = timelines.get(id);
      if (timeline) given[id] = { seq: timeline.seq, changeSeq: timeline.changeSeq };
    }
    this.#touched = new Set();
    try {
      const answer = await this.#parts.call({ conversations: given, ...(cursor ? { cursor } : { window: this.#parts.window }) });
      const news = this.#apply(answer, given, !cursor);
      if (answer.more) await this.#parts.list();
      this.#parts.conversations.cursor = answer.cursor;
      this.#parts.applied(answer, news);
      for (const id of this.#touched) this.#stale.add(id);
    } finally {
      this.#touched = null;
    }
  }

  /**
   * @param {SyncAnswer} answer
   * @param {Record<string, {seq: number, changeSeq: number}>} given
   * @param {boolean} isFirst
   */
  #apply(answer, given, isFirst) {
    const { heads, timelines } = this.#parts.conversations;
    /** @type {Message[]} */
    const news = [];
    for (const id of answer.removed) this.#parts.conversations.remove(id);
    for (const head of answer.heads) {
      const id = head.id;
      const former = heads.get(id)?.lastSeq;
      if (this.#parts.conversations.takeHead(head)) this.#stale.delete(id);
      else this.#stale.add(id);
      const messages = answer.messages[id];
      const timeline = timelines.get(id);
      const position = { messages: messages ?? [], seq: head.lastSeq, changeSeq: head.changeSeq ?? 0 };
      if (answer.limited.includes(id)) {
        if (timeline) this.#reset(id, position, head);
      } else if (timeline && given[id]) {
        timeline.extend(messages ?? [], head.lastSeq);
        for (const change of answer.changes[id] ?? []) timeline.replace(change, { isNew: true });
        timeline.changeSeq = Math.max(timeline.changeSeq, position.changeSeq);
        this.#parts.conversations.touch(id);
      } else if (messages && !timeline) this.#reset(id, position, head);
      if (this.#parts.conversations.isBehind(id)) this.#isWanted = true;
      if (former !== undefined) news.push(...(messages ?? []).filter(({ seq }) => seq > former));
    }
    if (isFirst) this.#parts.conversations.hasMore = answer.heads.length >= this.#parts.window.limit;
    return news;
  }

  /**
   * @param {string} id
   * @param {{messages: Message[], seq: number, changeSeq: number}} position
   * @param {Conversation} head
   */
  #reset(id, position, head) {
    const oldest = position.messages[0]?.seq ?? position.seq + 1;
    const isComplete = oldest <= (head.firstSeq ?? 1);
    this.#parts.conversations.resetTimeline(id, { ...position, isComplete });
  }

  async #heads() {
    for (const id of [...this.#stale]) {
      this.#stale.delete(id);
      try {
        if (!this.#parts.conversations.takeHead(await this.#parts.read(id))) this.#stale.add(id);
        if (this.#parts.conversations.isBehind(id)) this.#isWanted = true;
      } catch (thrown) {
        const error = asApiError(thrown);
        if (error.statusCode === 404) this.#parts.conversations.remove(id);
        else if (error.retryable) {
          this.#stale.add(id);
          throw error;
        }
      }
    }
  }
}
