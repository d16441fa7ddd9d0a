/** @typedef {import("./types.js").Message} Message */
/** @typedef {Message | {seq: number, hidden: true}} Change */

const QUOTE = 200; // characters of a message that an answer to it shows

/**
 * The held messages of one conversation: a run without gaps up to `seq`, in the state of `changeSeq`. Hidden
 * and removed messages leave holes in the numbers, so `seq` and `first` need not be numbers of held messages.
 */
export class Timeline {
  /** Every message up to this number is known. */
  seq = 0;
  /** Every change up to this number is applied. */
  changeSeq = 0;
  /** The first number of the run. The next older page ends before it. */
  first = 1;
  /** False if the conversation has older messages than the run. */
  isComplete = true;
  /** Increases when the run is replaced. A page that was requested earlier then does not fit any more. */
  generation = 0;
  /** @type {Map<number, Message>} */
  #messages = new Map();
  /** Changes of messages that the requested older page may have in a former state. @type {Map<number, Message>|null} */
  #awaited = null;
  /** The numbers of the answers to a message. @type {Map<number, Set<number>>} */
  #answers = new Map();
  /** Messages that the user has deleted for herself. A page that was read before must not add them again. */
  #hidden = new Set();
  /** @type {Message[]|null} */
  #sorted = null;

  /** The messages, oldest first. */
  get messages() {
    this.#sorted ??= [...this.#messages.values()].sort((one, other) => one.seq - other.seq);
    return this.#sorted;
  }

  /** The number of messages that are held. */
  get size() {
    return this.#messages.size;
  }

  /**
   * Returns a message by its number.
   *
   * @param {number} seq
   */
  at(seq) {
    return this.#messages.get(seq);
  }

  /**
   * Replaces the run.
   *
   * @param {{messages: Message[], seq: number, changeSeq: number, isComplete: boolean}} page
   */
  reset({ messages, seq, changeSeq, isComplete }) {
    this.#messages = new Map();
    this.#answers.clear();
    for (const message of messages) this.#put(message);
    this.#sorted = null;
    this.seq = Math.max(seq, messages.at(-1)?.seq ?? 0);
    this.changeSeq = changeSeq;
    this.first = isComplete ? 1 : (messages[0]?.seq ?? this.seq + 1);
    this.isComplete = isComplete;
    this.generation++;
  }

  /**
   * Takes a message: the next one, or one in the range of the run. Returns "next", "known", or "gap" if messages before
   * it are missing; then nothing changes.
   *
   * @param {Message} message
   * @returns {"next"|"known"|"gap"}
   */
  take(message) {
    if (message.seq > this.seq + 1) return "gap";
    if (message.seq <= this.seq) {
      this.replace(message, { isNew: false });
      return "known";
    }
    this.#put(message);
    this.seq = message.seq;
    return "next";
  }

  /**
   * Takes the messages after `seq` of a catch-up. `seq` becomes `upTo`, because the last messages may be hidden.
   *
   * @param {Message[]} messages
   * @param {number} upTo
   */
  extend(messages, upTo) {
    for (const message of messages) {
      if (message.seq > this.seq) this.#put(message);
      else this.replace(message, { isNew: true });
    }
    this.seq = Math.max(this.seq, upTo, messages.at(-1)?.seq ?? 0);
  }

  /**
   * Takes the present state of a message. An older state than the held one is ignored.
   *
   * @param {Change} change
   * @param {{isNew: boolean}} [options]  `isNew`: also a message of the range that is not held
   * @returns {boolean}  true if something changed
   */
  replace(change, { isNew } = { isNew: false }) {
    const held = this.#messages.get(change.seq);
    if ("hidden" in change) {
      this.#hidden.add(change.seq);
      this.#sorted = null;
      return this.#messages.delete(change.seq);
    }
    if (change.seq < this.first) {
      this.#awaited?.set(change.seq, change);
      this.#sorted = null;
      this.#quote(change);
    } else if (held ? (change.rev ?? 0) >= (held.rev ?? 0) : isNew && change.seq <= this.seq) {
      this.#put(change);
      return true;
    }
    return false;
  }

  /** Marks the begin of reading an older page. From now on, changes of its messages are kept. */
  await() {
    this.#awaited ??= new Map();
    return this.generation;
  }

  /**
   * Adds an older page at the front, with the changes that have arrived since it was requested.
   *
   * @param {Message[]} messages
   * @param {boolean} isComplete
   */
  prepend(messages, isComplete) {
    const changes = this.#awaited ?? new Map();
    this.#awaited = null;
    const before = this.first;
    this.first = isComplete ? 1 : (messages[0]?.seq ?? this.first);
    this.isComplete = isComplete;
    for (const message of messages) if (message.seq < before) this.#put(message);
    for (const change of changes.values()) this.replace(change);
  }

  /** Ends the reading of an older page that has failed. */
  stopAwaiting() {
    this.#awaited = null;
  }

  /**
   * Drops the oldest messages until `count` are left.
   *
   * @param {number} count
   */
  trim(count) {
    const surplus = this.messages.slice(0, Math.max(0, this.size - count));
    if (!surplus.length) return;
    for (const { seq } of surplus) this.#messages.delete(seq);
    this.#sorted = null;
    this.first = this.messages[0]?.seq ?? this.seq + 1;
    this.isComplete = false;
    this.generation++;
  }

  /**
   * Returns the state to store, with the newest `count` messages.
   *
   * @param {number} count
   */
  stored(count) {
    const messages = this.messages.slice(-count);
    const isWhole = messages.length === this.size;
    return {
      messages,
      seq: this.seq,
      changeSeq: this.changeSeq,
      isComplete: this.isComplete && isWhole,
      first: isWhole ? this.first : messages[0].seq,
    };
  }

  /**
   * Returns the timeline of `stored`.
   *
   * @param {ReturnType<Timeline["stored"]>} stored
   */
  static restored(stored) {
    const timeline = new Timeline();
    timeline.reset(stored);
    timeline.first = stored.first;
    return timeline;
  }

  /** @param {Message} message */
  #put(message) {
    this.#sorted = null;
    this.#quote(message);
    if (this.#hidden.has(message.seq)) return;
    const { replyTo } = message;
    if (replyTo) this.#answers.set(replyTo.seq, (this.#answers.get(replyTo.seq) ?? new Set()).add(message.seq));
    const quoted = replyTo && this.#messages.get(replyTo.seq);
    this.#messages.set(message.seq, quoted ? { ...message, replyTo: { ...replyTo, text: short(quoted.text) } } : message);
  }

  /**
   * Updates the answers to a message with its present text.
   *
   * @param {Message} message
   */
  #quote({ seq, text }) {
    for (const key of this.#answers.get(seq) ?? []) {
      const answer = this.#messages.get(key);
      if (answer?.replyTo) this.#messages.set(key, { ...answer, replyTo: { ...answer.replyTo, text: short(text) } });
    }
  }
}

/** @param {string} text */
function short(text) {
  return [...text.slice(0, 2 * QUOTE)].slice(0, QUOTE).join("");
}
