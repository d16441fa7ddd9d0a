import { asApiError } from "./errors.js";
import { Sender } from "./sender.js";

/** @typedef {import("./types.js").Account} Account */
/** @typedef {import("./types.js").ConnectionState} ConnectionState */

const SAVE = 300; // milliseconds in which changes are stored together

/**
 * A chat client without a user interface: connection, catch-up, state, queue. It runs in browsers, React Native and Node.
 * This layer starts and stops the client: the session, the connection, and the stored state.
 */
export class Client extends Sender {
  /** @type {AbortController|null} */
  #leading = null;
  #isLeader = false;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #saving;
  #isBackground = false;
  /** @type {import("./types.js").Channel|undefined} */
  #channel;

  /** @param {import("./parts.js").Options} options */
  constructor(options) {
    super(options);
    this.connection.on("state", (state) => this.#noteState(state));
    this.inner.on("ended", (reason) => void this.#leave(reason));
    this.inner.on("changed", () => this.#saveSoon());
    this.inner.on("applied", () => this.#saveSoon());
  }

  /** The state of the connection. */
  get state() {
    return this.connection.state;
  }

  /** True if the state includes all known changes. */
  get isCurrent() {
    return this.connection.isOnline && this.sync.isIdle;
  }

  /** Reads the storage, and connects if a user is signed in; returns true then. Call it once. */
  async start() {
    this.#listen();
    await this.session.load();
    if (!this.session.user) {
      this.connection.stop("signed_out");
      return false;
    }
    await this.store.load(this.storage);
    this.#begin();
    return true;
  }

  /**
   * Opens an account and signs in.
   *
   * @param {{fullName: string, email: string, password: string}} form
   */
  register(form) {
    return this.#enter("/register", form);
  }

  /**
   * Signs in.
   *
   * @param {{email: string, password: string}} form
   */
  signIn(form) {
    return this.#enter("/login", form);
  }

  /** Signs out and removes all stored data. If the server can be reached, the session also ends there. */
  async signOut() {
    if (this.session.user) await this.http.json("POST", "/logout", { timeout: 5000 }).catch(() => undefined);
    await this.#leave("signed_out");
  }

  /**
   * Erases the account.
   *
   * @param {string} password
   */
  async deleteAccount(password) {
    await this.http.json("DELETE", "/me", { body: { password }, isLast: true });
    await this.#leave("erased");
  }

  /**
   * Changes the user's profile.
   *
   * @param {{fullName?: string, about?: string, avatar?: string|null, settings?: Record<string, unknown>}} change
   */
  async updateMe(change) {
    const profile = await this.http.json("PATCH", "/me", { body: change });
    await this.session.update({ fullName: profile.fullName });
    this.emit("account", { profile });
    return profile;
  }

  /** Ends the connection and all timers; the stored data stays. A closed client cannot be used again. */
  async close() {
    const saving = Promise.all([this.#save(), this.pointers.flush()]);
    this.#stopLeading();
    this.sync.pause();
    this.queue.close();
    this.connection.stop("offline", "closed");
    this.typists.clear();
    this.#channel?.close();
    this.#channel = undefined;
    await saving;
  }

  /** Connects now, for example after `replaced`, or before the planned attempt. */
  connect() {
    if (this.session.user && !this.#isBackground) this.connection.start();
  }

  /** Disconnects while the app is in the background: a suspended app does not notice that a connection is dead. */
  background() {
    this.#isBackground = true;
    void this.pointers.flush(); // the system may end the app at any time
    void this.#save();
    this.#stopLeading();
    this.sync.pause();
    if (this.session.user) this.connection.stop("offline", "background");
  }

  /** Connects again when the app is in the foreground. */
  foreground() {
    this.#isBackground = false;
    if (!this.session.user) return;
    this.#lead();
    this.connection.start();
  }

  /**
   * Takes the state of the network from the system: true connects at once, false disconnects.
   *
   * @param {boolean} isOnline
   */
  networkChanged(isOnline) {
    if (!this.session.user || this.#isBackground) return;
    if (isOnline) this.connection.isOnline ? void this.#probe() : this.connection.start();
    else this.connection.restart("network");
  }

  /** Catches up now, also without a socket, for example after a push. Raises ApiError. */
  async catchUp() {
    await this.sync.now();
    await this.#save();
  }

  /**
   * @param {string} path
   * @param {any} form
   */
  async #enter(path, form) {
    if (this.session.user) await this.#leave("signed_out");
    await this.session.keep(await this.http.json("POST", path, { body: form, auth: false }));
    this.#listen();
    this.#channel?.post({ kind: "signed_in" });
    this.#begin();
    return /** @type {Account} */ (this.session.user);
  }

  /** Signs in and out together with the other clients of the storage. */
  #listen() {
    if (this.#channel || !this.storage.channel) return;
    this.#channel = this.storage.channel();
    this.#channel.subscribe((message) => {
      if (message.kind === "signed_out" && this.session.user) void this.#leave("signed_out", false);
      if (message.kind === "signed_in" && !this.session.user) this.start().catch((error) => this.complain(error));
    });
  }

  #begin() {
    this.#isBackground = false;
    void this.queue.load().catch((error) => this.complain(error));
    this.#lead();
    this.connection.start();
  }

  /**
   * @param {string} reason
   * @param {boolean} [isFirst]  false if another tab has signed out
   */
  async #leave(reason, isFirst = true) {
    this.#stopLeading();
    this.sync.pause();
    this.connection.stop("signed_out", reason);
    clearTimeout(this.#saving);
    this.typists.clear();
    this.watched.clear();
    this.people.clear();
    this.forgetList();
    this.pointers.clear();
    const isOwn = await this.session.forget();
    if (!isOwn) void this.start().catch((error) => this.complain(error));
    else if (isFirst) {
      this.#channel?.post({ kind: "signed_out" });
      await this.queue.clear();
      for (const prefix of ["head/", "timeline/", "list"]) {
        for (const key of await this.storage.keys(prefix)) await this.storage.delete(key);
      }
    }
    this.emit("conversations", { ids: [] });
  }

  /** One client of a storage sends the queue and stores the state. Another one takes over when it ends. */
  #lead() {
    if (this.#leading) return;
    const leading = new AbortController();
    this.#leading = leading;
    const work = async () => {
      if (leading.signal.aborted) return;
      this.#isLeader = true;
      this.store.unsaveAll();
      this.queue.set({ isSender: true });
      await new Promise((resolve) => leading.signal.addEventListener("abort", resolve));
    };
    this.locks.hold("leader", work, leading.signal).catch((error) => this.complain(error));
  }

  #stopLeading() {
    this.#leading?.abort();
    this.#leading = null;
    this.#isLeader = false;
    this.queue.set({ isSender: false });
  }

  /** @param {ConnectionState} state */
  #noteState(state) {
    if (state.state !== "online") {
      this.queue.set({ isOnline: false });
      this.sync.pause();
      this.typists.clear();
    } else this.#connected();
    this.emit("state", state);
  }

  #connected() {
    this.sync.resume();
    this.queue.set({ isOnline: true });
    if (this.watched.ids.length) void this.tellWatched();
  }

  /** Sends an event to the server, and ends the connection if there is no answer. */
  async #probe() {
    try {
      await this.sync.now();
    } catch (error) {
      if (!asApiError(error).statusCode) this.connection.restart("network");
    }
  }

  #saveSoon() {
    this.#saving ??= setTimeout(() => void this.#save(), SAVE);
  }

  async #save() {
    clearTimeout(this.#saving);
    this.#saving = undefined;
    if (!this.#isLeader || !this.session.user) return;
    try {
      await this.store.save(this.storage);
    } catch (error) {
      this.complain(error); // such as a full disk: the app continues, and the next start reads more from the server
    }
  }
}
