import { asApiError } from "./errors.js";
import { syncByPages } from "./pages.js";
import { Parts } from "./parts.js";
import { uuid } from "./random.js";
import { Sync } from "./sync.js";

/** @typedef {import("./types.js").Conversation} Conversation */
/** @typedef {import("./types.js").SyncAnswer} SyncAnswer */

const PAGE = 50;

/** The layer that reads: the list of conversations, and pages of messages. */
export class Reader extends Parts {
  #hasSync = true;
  /** @type {string|undefined} */
  #listCursor;
  /** @type {Map<string, Promise<void>>} */
  #loading = new Map();
  /** @type {Set<string>} */
  #changed = new Set();

  /** @param {import("./parts.js").Options} options */
  constructor(options) {
    super(options);
    /** @protected */
    this.sync = new Sync({
      conversations: this.store,
      call: (payload) => this.#callSync(payload),
      read: (id) => this.readHead(id),
      list: () => this.#readList(),
      window: options.window ?? { limit: PAGE, messages: 0 },
      random: this.random,
      applied: (answer, news) => this.inner.emit("applied", { answer, news }),
      idle: () => this.emit("synced", undefined),
    });
    this.inner.on("changed", ({ id, what }) => this.#noteChange(id, what));
  }

  /** The known conversations, most recently active first. */
  conversations() {
    return this.store.list;
  }

  /**
   * Returns a conversation, or undefined.
   *
   * @param {string} id
   */
  conversation(id) {
    return this.store.heads.get(id);
  }

  /** True if `loadMoreConversations` finds more. */
  get hasMoreConversations() {
    return this.store.hasMore;
  }

  /** Adds the next page to the list of conversations. */
  async loadMoreConversations() {
    const held = this.store.heads.size;
    const limit = this.#listCursor ? PAGE : Math.min(held + PAGE, 200);
    this.#listCursor = await this.#page({ limit, cursor: this.#listCursor });
    this.store.hasMore = this.#listCursor !== undefined;
    this.#noteChange("", "head");
  }

  /**
   * Returns the direct conversation with a user; it is created if it does not exist.
   *
   * @param {string} userId
   * @returns {Promise<Conversation>}
   */
  async openDirect(userId) {
    return this.took(await this.http.json("PUT", `/conversations/direct/${userId}`));
  }

  /**
   * Creates a group. A repetition with the same `msgId` returns the same group.
   *
   * @param {{title: string, memberIds: string[], history?: "all"|"joined", msgId?: string}} group
   * @returns {Promise<Conversation>}
   */
  async createGroup({ msgId = uuid(this.random), ...group }) {
    return this.took(await this.http.json("POST", "/conversations/group", { body: { ...group, msgId } }));
  }

  /**
   * Reads a conversation again, with the receipts of its members.
   *
   * @param {string} id
   * @returns {Promise<Conversation>}
   */
  async readConversation(id) {
    return this.took(await this.readHead(id));
  }

  /**
   * Changes a group.
   *
   * @param {string} id
   * @param {{title?: string, avatar?: string|null, history?: "all"|"joined"}} change
   * @returns {Promise<Conversation>}
   */
  async updateConversation(id, change) {
    return this.took(await this.http.json("PATCH", `/conversations/${id}`, { body: change }));
  }

  /**
   * Deletes a group for all.
   *
   * @param {string} id
   */
  async deleteConversation(id) {
    await this.http.json("DELETE", `/conversations/${id}`);
    this.store.remove(id);
  }

  /**
   * Leaves a group.
   *
   * @param {string} id
   */
  async leave(id) {
    await this.removeMember(id, this.userId);
    this.store.remove(id);
  }

  /**
   * Shows a conversation: reads its newest messages if none are held, and keeps all in memory until `hide`.
   *
   * @param {string} id
   */
  async show(id) {
    this.store.setOpen(id, true);
    if (!this.store.timelines.has(id)) await this.#loadNewest(id);
  }

  /**
   * Ends `show`.
   *
   * @param {string} id
   */
  hide(id) {
    this.store.setOpen(id, false);
  }

  /**
   * Returns true if `loadOlder` finds more.
   *
   * @param {string} id
   */
  hasOlder(id) {
    const timeline = this.store.timelines.get(id);
    return timeline ? !timeline.isComplete : true;
  }

  /**
   * Reads the page before the oldest message that is held.
   *
   * @param {string} id
   * @returns {Promise<void>}
   */
  loadOlder(id) {
    return this.#once(`older/${id}`, async () => {
      const timeline = this.store.timelines.get(id);
      if (!timeline) return this.#loadNewest(id);
      if (timeline.isComplete) return undefined;
      const generation = timeline.await();
      try {
        const query = { before: timeline.first, limit: PAGE };
        const page = await this.http.json("GET", `/messages/${id}`, { query });
        if (generation === timeline.generation) timeline.prepend(page.messages, !page.hasMore);
      } finally {
        timeline.stopAwaiting();
      }
      this.store.touch(id);
    });
  }

  /**
   * Takes the head of an answer. If events have overtaken the answer, the head is read again.
   *
   * @protected
   * @param {Conversation} head
   */
  took(head) {
    if (!this.store.takeHead(head)) this.sync.need(head.id);
    return /** @type {Conversation} */ (this.conversation(head.id));
  }

  /**
   * @protected
   * @param {string} id
   * @returns {Promise<Conversation>}
   */
  async readHead(id) {
    return { receipts: {}, ...(await this.http.json("GET", `/conversations/${id}`)) };
  }

  /**
   * Removes the state that was read.
   *
   * @protected
   */
  forgetList() {
    this.store.clear();
    this.#listCursor = undefined;
  }

  /**
   * Sends the request by the socket if it is connected, else by HTTP.
   *
   * @param {any} payload
   * @returns {Promise<SyncAnswer>}
   */
  async #callSync(payload) {
    if (this.#hasSync) {
      try {
        if (!this.connection.isOnline) return await this.http.json("POST", "/sync", { body: payload });
        const { ok: _, ...answer } = await this.connection.emitWithAck("sync", payload, 20_000);
        return answer;
      } catch (thrown) {
        const error = asApiError(thrown);
        if (error.statusCode !== 404) throw error;
        this.#hasSync = false; // a table may leave it out
      }
    }
    return syncByPages(this.http, payload);
  }

  /** @param {string} id */
  #loadNewest(id) {
    return this.#once(`newest/${id}`, () => this.#readNewest(id));
  }

  /** @param {string} id */
  async #readNewest(id) {
    // The head is read first, so the page is newer. A change may be in both, but is not missed.
    const held = this.conversation(id);
    const { changeSeq = 0 } = held?.receipts ? held : await this.readConversation(id).catch((thrown) => {
      const error = asApiError(thrown);
      if (held && error.statusCode === 404) return held; // a table may leave it out; the page decides
      throw error;
    });
    const page = await this.http.json("GET", `/messages/${id}`, { query: { limit: PAGE } });
    if (this.store.timelines.has(id)) return;
    const position = { messages: page.messages, seq: page.lastSeq, changeSeq, isComplete: !page.hasMore };
    this.store.resetTimeline(id, position);
    if (this.store.isBehind(id)) this.sync.need();
  }

  /**
   * Runs `work` once for all concurrent callers.
   *
   * @param {string} key
   * @param {() => Promise<void>} work
   * @returns {Promise<void>}
   */
  #once(key, work) {
    const running = this.#loading.get(key) ?? work().finally(() => this.#loading.delete(key));
    this.#loading.set(key, running);
    return running;
  }

  async #readList() {
    const wanted = Math.max(this.store.heads.size, PAGE);
    let seen = 0;
    /** @type {string|undefined} */
    let cursor;
    do {
      const limit = Math.min(200, wanted - seen);
      cursor = await this.#page({ limit, cursor });
      seen += limit;
    } while (cursor && seen < wanted);
    this.#listCursor = cursor;
    this.store.hasMore = cursor !== undefined;
  }

  /** @param {{limit: number, cursor?: string}} query */
  async #page(query) {
    const response = await this.http.request("GET", "/conversations", { query });
    for (const head of await response.json()) this.took(head);
    return response.headers.get("x-next-cursor") ?? undefined;
  }

  /**
   * Calls listeners once for all changes in one turn of the event loop.
   *
   * @param {string} id
   * @param {"head"|"messages"} what
   */
  #noteChange(id, what) {
    if (!this.#changed.size) queueMicrotask(() => this.#tellChanges());
    this.#changed.add(`${what}/${id}`);
  }

  #tellChanges() {
    const changed = [...this.#changed].map((name) => name.split("/"));
    this.#changed.clear();
    const ids = changed.filter(([what]) => what === "head").map(([, id]) => id);
    if (ids.length) this.emit("conversations", { ids: ids.filter(Boolean) });
    // The messages show the receipts of the head.
    for (const conversationId of new Set(changed.map(([, id]) => id))) {
      if (conversationId) this.emit("messages", { conversationId });
    }
  }
}
