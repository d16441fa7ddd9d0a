import { ApiError, asApiError } from "./errors.js";
import { Emitter } from "./emitter.js";
import { backoff } from "./random.js";

/** @typedef {import("./types.js").ConnectionState} ConnectionState */
/** @typedef {import("./session.js").Session} Session */

/**
 * @typedef {object} Socket  the used part of a socket of socket.io-client
 * @property {boolean} connected
 * @property {() => any} connect
 * @property {() => any} disconnect
 * @property {(event: string, listener: (...values: any[]) => void) => any} on
 * @property {(listener: (event: string, ...values: any[]) => void) => any} onAny
 * @property {(milliseconds: number) => {emitWithAck: (event: string, data: any) => Promise<any>}} timeout
 */

const LONGEST = 5000; // milliseconds between two attempts, ± 50 %
const CONNECT = 10_000; // milliseconds that an attempt may take
const ACK = 10_000;

/** Reasons of `kicked` after which the client asks for a new token. The server decides whether it gets one. */
const OF_SESSION = ["expired", "token_expired", "revoked", "banned", "erased", "unauthorized"];

/**
 * One socket, and the state machine around it: `signed_out`, `offline` (with the time of the next attempt, if one is
 * planned), `connecting`, `online`. Each attempt asks the session for a token.
 *
 * Events: `state` (a ConnectionState), `event` (`{name, data}`, from the server).
 *
 * @extends {Emitter<{state: ConnectionState, event: {name: string, data: any}}>}
 */
export class Connection extends Emitter {
  #parts;
  /** @type {Socket|null} */
  #socket = null;
  /** @type {ConnectionState} */
  #state = { state: "signed_out" };
  #isWanted = false;
  #attempts = 0;
  #pause = 0; // milliseconds that the server has asked for
  #reason = "";
  /** @type {string|null} */
  #token = null; // the token of the last attempt
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;
  #turn = 0;

  /**
   * @param {object} parts
   * @param {(address: string, options: any) => any} parts.io  `io` of socket.io-client
   * @param {string} parts.address  of the server, with the namespace
   * @param {string} parts.path
   * @param {Session} parts.session
   * @param {() => number} parts.now
   * @param {() => number} parts.random
   */
  constructor(parts) {
    super();
    this.#parts = parts;
  }

  /** The current state. */
  get state() {
    return this.#state;
  }

  /** True while events can be sent. */
  get isOnline() {
    return this.#state.state === "online";
  }

  /**
   * Replaces the socket's token, which expires soon, by a new one. Raises ApiError.
   *
   * @returns {Promise<void>}
   */
  async renew() {
    const token = await this.#parts.session.renew(this.#token);
    await this.emitWithAck("auth:refresh", { token });
    this.#token = token;
  }

  /** Connects now, and again after every loss, until `stop`. A planned attempt starts at once. */
  start() {
    this.#isWanted = true;
    if (this.isOnline || this.#state.state === "connecting") return;
    this.#attempts = 0;
    void this.#attempt();
  }

  /**
   * Disconnects, and does not connect again until `start`.
   *
   * @param {"signed_out"|"offline"} state
   * @param {string} [reason]
   */
  stop(state, reason) {
    this.#isWanted = false;
    this.#turn++;
    clearTimeout(this.#timer);
    this.#drop();
    this.#change({ state, ...(reason && { reason }) });
  }

  /**
   * Ends a connection that may be dead, and connects again.
   *
   * @param {string} reason
   */
  restart(reason) {
    if (!this.#isWanted) return;
    this.#turn++;
    this.#drop();
    this.#attempts = 0;
    this.#change({ state: "offline", reason });
    void this.#attempt();
  }

  /**
   * Sends an event; returns its acknowledgement. Raises ApiError, also if the socket is not connected.
   *
   * @param {string} event
   * @param {any} data
   * @param {number} [timeout]
   * @returns {Promise<any>}
   */
  async emitWithAck(event, data, timeout = ACK) {
    const socket = this.#socket;
    if (!socket?.connected) throw ApiError.local("offline");
    let ack;
    try {
      ack = await socket.timeout(timeout).emitWithAck(event, data);
    } catch (error) {
      throw ApiError.local("timeout", String(error));
    }
    if (ack?.ok) return ack;
    throw new ApiError(ack?.error ?? { code: "internal", statusCode: 500 });
  }

  async #attempt() {
    const turn = ++this.#turn;
    clearTimeout(this.#timer);
    this.#drop();
    this.#change({ state: "connecting" });
    try {
      this.#token = await this.#parts.session.fresh();
    } catch (error) {
      if (turn === this.#turn) this.#later(asApiError(error));
      return;
    }
    if (turn !== this.#turn || !this.#isWanted) return;
    this.#pause = 0;
    this.#reason = "";
    const socket = /** @type {Socket} */ (
      this.#parts.io(this.#parts.address, {
        path: this.#parts.path,
        transports: ["websocket"],
        // This class handles delays, the renewal of tokens and reasons, so the library must not reconnect by itself.
        reconnection: false,
        forceNew: true,
        multiplex: false,
        autoConnect: false,
        timeout: CONNECT,
        auth: (/** @type {(data: any) => void} */ give) => give({ token: this.#token }),
      })
    );
    this.#socket = socket;
    const isCurrent = () => turn === this.#turn && this.#socket === socket;
    // The library limits the time for the transport, but not for the answer to the handshake.
    this.#timer = setTimeout(() => isCurrent() && this.#lost(ApiError.local("timeout")), CONNECT * 1.5);
    socket.on("connect", () => {
      if (!isCurrent()) return;
      clearTimeout(this.#timer);
      this.#attempts = 0;
      this.#change({ state: "online" });
    });
    socket.on("connect_error", (/** @type {Error & {data?: any}} */ error) => {
      if (!isCurrent()) return;
      const refusal = typeof error.data === "object" && error.data ? new ApiError(error.data) : ApiError.local("offline", error.message);
      void this.#lost(refusal);
    });
    socket.on("disconnect", (/** @type {string} */ reason) => {
      if (isCurrent()) void this.#lost(ApiError.local("offline", reason));
    });
    socket.onAny((name, data) => {
      if (!isCurrent()) return;
      if (name === "server:draining") this.#pause = Number(data?.reconnectAfterMs) || 0;
      if (name === "kicked") this.#reason = String(data?.reason ?? "");
      this.emit("event", { name, data });
    });
    socket.connect();
  }

  /**
   * Determines the next step after the end of a connection or of an attempt.
   *
   * @param {ApiError} error
   */
  async #lost(error) {
    const turn = ++this.#turn;
    clearTimeout(this.#timer);
    this.#drop();
    if (!this.#isWanted) return;
    if (this.#reason === "replaced") {
      this.#isWanted = false;
      this.#change({ state: "offline", reason: "replaced" });
      return;
    }
    if (OF_SESSION.includes(this.#reason) || error.isAuth || error.statusCode === 403) {
      this.#change({ state: "connecting" });
      try {
        await this.#parts.session.renew(this.#token);
      } catch (thrown) {
        if (turn === this.#turn) this.#later(asApiError(thrown));
        return;
      }
      if (turn !== this.#turn) return;
      // If the new token is refused, too, a pause prevents an endless loop.
      if (this.#attempts++ === 0) void this.#attempt();
      else this.#later(error);
      return;
    }
    this.#later(error);
  }

  /** @param {ApiError} error */
  #later(error) {
    if (!this.#isWanted) return;
    const planned = this.#pause || backoff(this.#attempts++, LONGEST, this.#parts.random);
    const delay = Math.max(planned, (error.retryAfter ?? 0) * 1000);
    this.#pause = 0;
    this.#change({ state: "offline", reason: this.#reason || error.code, retryAt: this.#parts.now() + delay });
    this.#timer = setTimeout(() => void this.#attempt(), delay);
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    socket?.disconnect();
  }

  /** @param {ConnectionState} state */
  #change(state) {
    this.#state = state;
    this.emit("state", state);
  }
}
