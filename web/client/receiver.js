import { Typing, Watch } from "./live.js";
import { People } from "./people.js";
import { Reader } from "./reader.js";

/** @typedef {import("./types.js").Conversation} Conversation */
/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./types.js").Person} Person */
/** @typedef {import("./types.js").Presence} Presence */
/** @typedef {import("./types.js").SyncAnswer} SyncAnswer */

/** The layer that receives: events of the server, and answers of catch-ups. */
export class Receiver extends Reader {
  #skew = 0;

  /** @param {import("./parts.js").Options} options */
  constructor(options) {
    super(options);
    /** @protected */
    this.typists = new Typing(this.now, (conversationId) =>
      this.emit("typing", { conversationId, userIds: this.typists.in(conversationId) }),
    );
    /** @protected */
    this.watched = new Watch();
    /** @protected */
    this.people = new People((id) => this.http.json("GET", `/users/${id}`));
    this.connection.on("event", ({ name, data }) => this.#receive(name, data));
    this.inner.on("applied", ({ answer, news }) => this.#caughtUp(answer, news));
  }

  /**
   * Returns the ids of the users who are typing.
   *
   * @param {string} id
   */
  typingIn(id) {
    return this.typists.in(id);
  }

  /**
   * Returns the presence of a watched user, or undefined.
   *
   * @param {string} userId
   */
  presence(userId) {
    return this.watched.states.get(userId);
  }

  /**
   * Returns a user's name and picture. They are kept in memory, and the event `person` reports changes.
   *
   * @param {string} userId
   * @returns {Promise<Person>}
   */
  person(userId) {
    return this.people.get(userId);
  }

  /**
   * @protected
   * @param {Message} message
   * @param {boolean} isLive
   */
  take(message, isLive) {
    const id = message.conversationId;
    const known = this.conversation(id)?.lastSeq ?? 0;
    if (!this.store.takeMessage(message, this.userId)) this.sync.need();
    if (message.userId === this.userId) this.#settle(message);
    if (isLive && message.seq > known) this.#announce(message, true);
  }

  /**
   * @protected
   * @param {{conversationId: string, changeSeq?: number}} data
   * @param {Message|{seq: number, hidden: true}} change
   */
  takeChange({ conversationId, changeSeq }, change) {
    if (!this.store.takeChange(conversationId, changeSeq, change)) this.sync.need();
  }

  /**
   * Takes the user's marks of a conversation. Marks that wait to be sent are newer than the server's.
   *
   * @param {string} id
   * @param {Partial<Conversation>} state
   * @protected
   */
  takeState(id, { readSeq = 0, unreadFrom, mutedUntil, draft }) {
    const former = this.conversation(id)?.readSeq ?? 0;
    this.store.patch(id, {
      ...(!this.pointers.isPending("read", id) && { readSeq: Math.max(former, readSeq), unreadFrom }),
      ...(!this.pointers.isPending("mute", id) && { mutedUntil }),
      ...(!this.pointers.isPending("draft", id) && { draft }),
    });
  }

  /**
   * @protected
   * @param {string} userId
   * @param {Presence} state
   */
  takePresence(userId, { online, lastSeen }) {
    if (!this.watched.ids.includes(userId)) return;
    const state = { online, ...(lastSeen && { lastSeen }) };
    this.watched.states.set(userId, state);
    this.emit("presence", { userId, ...state });
  }

  /**
   * @protected
   * @param {string} msgId
   */
  entryOf(msgId) {
    return this.queue.entries.find(({ event, data }) => event === "message" && data.msgId === msgId);
  }

  /** @protected */
  time() {
    return new Date(this.now() + this.#skew).toISOString();
  }

  /**
   * Takes an event of the server.
   *
   * @param {string} name
   * @param {any} data
   */
  #receive(name, data) {
    const handle = this.#handlers[name];
    if (!handle || typeof data !== "object" || data === null) return;
    handle(data);
  }

  /** @type {Record<string, (data: any) => void>} */
  #handlers = {
    message: (data) => this.#receiveMessage(data),
    "message:edited": (data) => this.takeChange(data, data.message),
    "message:deleted": (data) => this.takeChange(data, data.message),
    "message:reacted": (data) => this.takeChange(data, data.message),
    "message:hidden": (data) => this.takeChange(data, { seq: data.seq, hidden: true }),
    "message:delta": (data) => this.store.takeDelta(data),
    receipt: (data) => {
      const { conversationId, userId } = data;
      if (userId === this.userId) this.#receivePointers(data);
      else this.#receiveReceipt(data);
      this.#changeSeq(conversationId, data.changeSeq);
      this.emit("receipt", { conversationId, userId });
    },
    "conversation:new": ({ conversation }) => {
      this.sync.touch(conversation.id);
      this.took(conversation);
      this.pointers.delivered(conversation);
    },
    "conversation:updated": ({ conversation }) => {
      this.sync.touch(conversation.id);
      const before = this.conversation(conversation.id)?.changeSeq ?? 0;
      const isWhole = "lastSeq" in conversation && "readSeq" in conversation;
      const { changeSeq, lastSeq, updatedAt, ...head } = conversation;
      if (isWhole) this.store.takeHead({ ...head, lastSeq, updatedAt, changeSeq: before });
      else this.store.patch(conversation.id, { avatar: undefined, pins: undefined, ...head });
      // A conversation with only the shared keys has no preview of the newest message.
      if (lastSeq > (this.conversation(conversation.id)?.lastSeq ?? 0)) this.sync.need();
      this.#changeSeq(conversation.id, changeSeq);
    },
    "conversation:removed": ({ conversationId }) => {
      this.store.remove(conversationId);
      this.emit("removed", { conversationId });
    },
    "conversation:state": (data) => {
      this.sync.touch(data.conversationId);
      this.takeState(data.conversationId, data);
    },
    "members:changed": (data) => {
      const { conversationId, joined = [], left = [], roles = {}, memberCount, changeSeq } = data;
      const head = this.conversation(conversationId);
      if (head) {
        const receipts = { ...head.receipts };
        for (const userId of left) delete receipts[userId];
        const role = roles[this.userId] ?? head.role;
        this.store.patch(conversationId, { memberCount, role, ...(head.receipts && { receipts }) });
        // Only the head has the receipts of users who join.
        if (joined.length) this.sync.need(conversationId);
      }
      this.#changeSeq(conversationId, changeSeq);
      this.emit("members", { conversationId, joined, left, roles, memberCount });
    },
    typing: (data) => {
      if (data.userId !== this.userId) this.typists.take(data, this.#skew);
    },
    presence: ({ userId, online, lastSeen }) => this.takePresence(userId, { online, lastSeen }),
    "account:updated": (data) => this.emit("account", data),
    "person:updated": ({ person }) => {
      this.people.take(person);
      this.emit("person", person);
    },
    ready: ({ serverTime }) => this.#takeTime(serverTime),
    heads: ({ heads }) => this.#compare(heads ?? {}),
    "auth:expiring": () => void this.connection.renew().catch((error) => this.complain(error)),
  };

  /** @param {any} live */
  #receiveMessage(live) {
    const { senderId, receiverId: _, ...rest } = live;
    this.take({ ...rest, userId: senderId }, true);
  }

  /**
   * @param {Message} message
   * @param {boolean} isLive
   */
  #announce(message, isLive) {
    if (message.userId === this.userId) return;
    const conversation = this.conversation(message.conversationId);
    this.typists.take({ conversationId: message.conversationId, userId: message.userId, on: false }, 0);
    if (conversation) this.pointers.delivered(conversation);
    this.emit("message", { message, conversation, isLive });
  }

  /**
   * Ends the entry of a message that has arrived, but not by its acknowledgement.
   *
   * @param {Message} message
   */
  #settle(message) {
    const entry = this.entryOf(message.msgId);
    if (entry) this.queue.settle(entry.key, { ok: true, message, duplicate: true });
  }

  /**
   * @param {string} id
   * @param {number|undefined} changeSeq
   */
  #changeSeq(id, changeSeq) {
    if (!this.store.takeChangeSeq(id, changeSeq)) {
      this.sync.need();
      if (!this.store.timelines.has(id)) this.sync.need(id);
    }
  }

  /** @param {{conversationId: string, userId: string, readSeq: number, deliveredSeq: number, changeSeq: number}} receipt */
  #receiveReceipt({ conversationId, userId, changeSeq, ...pointers }) {
    const head = this.conversation(conversationId);
    if (!head?.receipts) return; // opening the conversation reads all receipts
    // This is a late receipt of a user who has left.
    if (!head.receipts[userId] && changeSeq <= (head.changeSeq ?? 0)) return;
    this.store.receipt(conversationId, userId, pointers);
  }

  /** @param {{conversationId: string, readSeq?: number, deliveredSeq?: number}} pointers */
  #receivePointers({ conversationId, readSeq = 0, deliveredSeq = 0 }) {
    const head = this.conversation(conversationId);
    if (!head) return;
    this.store.patch(conversationId, {
      readSeq: Math.max(head.readSeq ?? 0, readSeq),
      deliveredSeq: Math.max(head.deliveredSeq ?? 0, deliveredSeq),
    });
  }

  /** @param {Record<string, {seq: number, changeSeq: number}>} heads */
  #compare(heads) {
    for (const [id, { seq, changeSeq }] of Object.entries(heads)) {
      const head = this.conversation(id);
      if (!head || head.lastSeq < seq || (head.changeSeq ?? 0) < changeSeq || this.store.isBehind(id)) {
        this.sync.need();
        if (head && (head.changeSeq ?? 0) < changeSeq) this.sync.need(id);
      }
    }
  }

  /**
   * @param {SyncAnswer} answer
   * @param {Message[]} news
   */
  #caughtUp(answer, news) {
    this.#takeTime(answer.serverTime);
    for (const list of Object.values(answer.messages)) {
      for (const message of list) if (message.userId === this.userId) this.#settle(message);
    }
    for (const message of news) this.#announce(message, false);
    for (const head of answer.heads) this.pointers.delivered(head);
    if (answer.account) this.emit("account", answer.account);
    for (const conversationId of answer.removed) this.emit("removed", { conversationId });
  }

  /** @param {string|undefined} serverTime */
  #takeTime(serverTime) {
    if (serverTime) this.#skew = Date.parse(serverTime) - this.now();
  }
}
