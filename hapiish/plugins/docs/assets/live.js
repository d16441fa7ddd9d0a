// Sockets: a connection for each namespace, forms that send events, and the log of what arrives.

import { withCookies } from "./auth.js";
import { announce, copyButton, field, fill, h, icon, put } from "./dom.js";
import { block, indented } from "./json.js";
import { sample } from "./sample.js";

const KEPT = 300;
const ACK_TIMEOUT = 10_000;
const CONNECT_TIMEOUT = 10_000;

/** The connections of the page and their log. `settings` are `{path, transports}`. */
export class Live {
  constructor(settings, credentials) {
    this.settings = settings;
    this.credentials = credentials;
    this.connections = new Map();
    this.dock = new Dock();
  }

  /** Returns the connection of a namespace group. */
  of(group) {
    if (!this.connections.has(group)) this.connections.set(group, new Connection(this, group));
    return this.connections.get(group);
  }
}

class Connection {
  constructor(live, group) {
    this.live = live;
    this.group = group;
    this.socket = null;
    this.state = "disconnected";
    this.reason = "";
    this.params = {};
    this.handshake = () => ({});
    this.listeners = new Set();
    this.received = new Map();
  }

  get name() {
    let address = this.group.address;
    for (const [name, value] of Object.entries(this.params)) address = address.replace(`{${name}}`, () => value);
    return address;
  }

  set(state, reason = "") {
    this.state = state;
    this.reason = reason;
    this.listeners.forEach((changed) => changed());
    this.live.dock.draw([...this.live.connections.values()]);
  }

  /** Opens the namespace; resolves when it is open and rejects with the reason of a refusal. */
  async connect() {
    if (this.socket?.connected) return;
    this.disconnect();
    const given = this.handshake();
    this.set("connecting");
    const { io } = await import("./socket.io.esm.min.js");
    const { token, query, cookies } = this.live.credentials.handshake(this.group.security);
    const { path, transports } = this.live.settings;
    await withCookies(cookies, () => {
      const socket = io(location.origin + (this.name === "/" ? "" : this.name), {
        path,
        transports,
        query: { ...given.query, ...query },
        auth: { ...given.auth, ...(token !== undefined && { token }) },
        forceNew: true,
        reconnectionAttempts: 5,
        timeout: CONNECT_TIMEOUT,
      });
      this.socket = socket;
      this.watch(socket);
      return new Promise((resolve, reject) => {
        socket.once("connect", resolve);
        socket.once("connect_error", reject);
        socket.once("disconnect", () => reject(new Error("disconnected")));
      });
    });
  }

  watch(socket) {
    const { dock } = this.live;
    const isMine = () => this.socket === socket;
    socket.on("connect", () => {
      dock.add("open", this.name, "connected", [{ id: socket.id, transport: socket.io.engine?.transport?.name }]);
      if (isMine()) this.set("connected");
    });
    socket.on("connect_error", (error) => {
      dock.add("error", this.name, "refused", [error.data ?? error.message]);
      // A refusal by the server is final; a transport that failed is tried again.
      if (isMine()) this.set(socket.active ? "connecting" : "disconnected", error.message);
    });
    socket.on("disconnect", (reason) => {
      dock.add("close", this.name, "disconnected", [reason]);
      if (isMine()) this.set(socket.active ? "connecting" : "disconnected", reason);
    });
    socket.io.on("reconnect_failed", () => isMine() && this.set("disconnected", "the server does not answer"));
    socket.onAny((event, ...args) => {
      if (typeof args.at(-1) === "function") args.pop()();
      const entry = { count: (this.received.get(event)?.count ?? 0) + 1, args };
      this.received.set(event, entry);
      dock.add("in", this.name, event, args);
      this.listeners.forEach((changed) => changed());
    });
  }

  disconnect() {
    const { socket } = this;
    this.socket = null;
    if (socket) {
      const wasOpen = socket.connected;
      socket.disconnect();
      if (!wasOpen) socket.io.engine?.close?.();
    }
    this.set("disconnected");
  }

  /** Sends an event and returns the arguments of its acknowledgement. */
  async send(event, args) {
    await this.connect();
    this.live.dock.add("out", this.name, event, args);
    const reply = await new Promise((resolve, reject) => {
      this.socket.timeout(ACK_TIMEOUT).emit(event, ...args, (error, ...answer) => (error ? reject(new Error(`no acknowledgement within ${ACK_TIMEOUT / 1000} seconds`)) : resolve(answer)));
    });
    this.live.dock.add("ack", this.name, event, reply);
    return reply;
  }
}

/** Returns the panel that opens and closes a namespace. */
export function connectionPanel(group, app) {
  const connection = app.live.of(group);
  const state = h("span", { role: "status" });
  const button = h("button", { type: "button", class: "primary" });
  const problem = h("p", { class: "error", role: "alert", hidden: true });
  const names = [...new Set([...group.address.matchAll(/\{(\w+)[?*]?\d*\}/g)].map((found) => found[1]))];
  const inputs = names.map((name) => {
    const control = h("input", { type: "text", autocomplete: "off", spellcheck: "false", autocapitalize: "off" });
    control.addEventListener("input", () => (connection.params[name] = control.value));
    return field(name, control);
  });
  const { token, ...others } = Object(group.handshake?.payload === undefined ? {} : sample(group.doc, group.handshake.payload));
  const hasMore = Object.keys(others).length > 0;
  const more = h("textarea", { rows: 3, spellcheck: "false", placeholder: "{}", value: hasMore ? indented(others) : "" });
  const query = h("input", { type: "text", autocomplete: "off", spellcheck: "false", placeholder: group.query.map((name) => `${name}=`).join("&") || "name=value" });
  connection.handshake = () => {
    const auth = more.value.trim() ? JSON.parse(more.value) : {};
    return { auth, query: Object.fromEntries(new URLSearchParams(query.value)) };
  };
  const draw = () => {
    const isOff = connection.state === "disconnected";
    fill(state, h("span", { class: `dot ${connection.state}` }), connection.state === "connecting" ? "connecting …" : connection.state);
    fill(button, isOff ? "Connect" : "Disconnect");
    button.setAttribute("aria-label", `${isOff ? "Connect to" : "Disconnect from"} ${group.address}`);
    problem.hidden = !connection.reason;
    problem.textContent = connection.reason;
  };
  button.addEventListener("click", async () => {
    if (connection.state !== "disconnected") return connection.disconnect();
    try {
      await connection.connect();
    } catch (error) {
      if (connection.state !== "disconnected" || !connection.reason) connection.set(connection.state === "connecting" && !connection.socket?.active ? "disconnected" : connection.state, error.message);
    }
    return undefined;
  });
  connection.listeners.add(draw);
  draw();
  return h(
    "div",
    { class: "try connection" },
    inputs,
    authState(group, app),
    h("details", { class: "nested", open: hasMore || group.query.length > 0 }, h("summary", null, "Handshake"), field("auth, as JSON beside the token", more), field("Query", query)),
    h("div", { class: "row" }, button, state),
    problem,
  );
}

function authState(group, app) {
  const wanted = [...new Set(group.security.flatMap((each) => Object.keys(each)))];
  if (!wanted.length) return false;
  const line = h("p", { class: "auth-line" });
  const draw = () => {
    const names = app.credentials.chosen(group.security);
    fill(line, icon("lock"), names.length ? `Sends ${names.join(" and ")} as auth.token ` : `Needs ${wanted.join(" or ")} `, h("button", { type: "button", class: "link", on: { click: () => app.authorize() } }, names.length ? "change" : "authorize"));
  };
  draw();
  app.credentials.listeners.add(draw);
  return line;
}

/** Returns the form that sends an event of a client. */
export function eventPanel(item, app) {
  const connection = app.live.of(item.group);
  const { takesArguments } = item;
  const name = item.event === "*" && h("input", { type: "text", value: "event", autocomplete: "off", spellcheck: "false" });
  const examples = item.examples.length ? item.examples : [{ name: "example", value: item.payload === undefined ? undefined : sample(item.doc, item.payload) }];
  const hasPayload = item.payload !== undefined || item.examples.length > 0;
  const text = h("textarea", { rows: 5, spellcheck: "false", autocapitalize: "off", autocomplete: "off" });
  const show = ({ value }) => {
    text.value = value === undefined ? "" : indented(value);
    text.rows = Math.min(Math.max(text.value.split("\n").length + 1, 3), 18);
  };
  show(examples[0]);
  const choose = examples.length > 1 && field("Example", h("select", { on: { change: (event) => show(examples[event.target.selectedIndex]) } }, examples.map(({ name }) => h("option", null, name ?? "example"))));
  const result = h("div", { class: "result", role: "status" });
  const send = h("button", { type: "submit", class: "primary" });
  const form = h("form", { class: "try", "aria-label": `Send ${item.event}`, novalidate: true }, name && field("Event", name), choose, field(takesArguments ? "Arguments (JSON list)" : "Payload (JSON)", text), !hasPayload && h("p", { class: "muted small" }, "The table has no schema for the payload."), h("div", { class: "row" }, send, copyButton("Copy as JavaScript", () => script(connection, item, text.value))), result);
  const draw = () => fill(send, icon("up"), connection.state === "connected" ? "Send" : "Connect and send");
  connection.listeners.add(draw);
  draw();
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    let args;
    try {
      args = text.value.trim() ? JSON.parse(text.value) : [];
      args = takesArguments || (Array.isArray(args) && !text.value.trim()) ? [args].flat() : [args];
    } catch (error) {
      fill(result, h("p", { class: "error" }, `The payload is not JSON: ${error.message}`));
      return text.focus();
    }
    fill(result, h("p", { class: "muted" }, "Waiting for the acknowledgement …"));
    send.disabled = true;
    const started = performance.now();
    try {
      const reply = await connection.send(name ? name.value : item.event, args);
      const isFailed = reply[0]?.ok === false;
      fill(
        result,
        h("p", { class: "response-head" }, h("span", { class: `status ${isFailed ? "s4" : "s2"}` }, isFailed ? `${reply[0].error?.statusCode ?? ""} ${reply[0].error?.error ?? "error"}` : "acknowledged"), h("span", { class: "muted" }, `${Math.round(performance.now() - started)} ms`)),
        reply.length ? reply.map((value) => block(indented(value), "Acknowledgement")) : h("p", { class: "muted" }, "Without data"),
      );
    } catch (error) {
      fill(result, h("p", { class: "error" }, error.data ? indented(error.data) : error.message));
    }
    send.disabled = false;
    return undefined;
  });
  return form;
}

function script(connection, item, payload) {
  const { path, transports } = connection.live.settings;
  return `import { io } from "socket.io-client";

const socket = io(${JSON.stringify(location.origin + (connection.name === "/" ? "" : connection.name))}, {
  path: ${JSON.stringify(path)},
  transports: ${JSON.stringify(transports)},
  auth: { token },
});
const reply = await socket.emitWithAck(${JSON.stringify(item.event)}, ${payload.trim() || "null"});
`;
}

/** Returns the panel of an event that the server sends: the last one received. */
export function emitPanel(item, app) {
  const connection = app.live.of(item.group);
  const place = h("div", { class: "try received", role: "status" });
  let shown = -1;
  const draw = () => {
    const found = connection.received.get(item.event);
    if (shown === (found?.count ?? 0) && place.firstChild) return;
    shown = found?.count ?? 0;
    fill(
      place,
      found
        ? [h("p", { class: "response-head" }, h("span", { class: "status s2" }, `${found.count} received`), h("span", { class: "muted" }, "the last one:")), found.args.map((value) => block(indented(value), "Received"))]
        : h("p", { class: "muted" }, "Connect to the namespace to see events as they arrive."),
    );
  };
  connection.listeners.add(draw);
  draw();
  return place;
}

const SIGNS = { in: "down", out: "up", ack: "down" };
const WORDS = { in: "received", out: "sent", ack: "acknowledged", open: "", close: "", error: "" };

/** The log at the lower edge of the page. */
class Dock {
  constructor() {
    this.entries = h("ol", { class: "entries", role: "log", "aria-label": "Live events", tabindex: "0" });
    this.summary = h("span", { class: "dock-state" });
    this.counter = h("span", { class: "count" }, "0");
    this.total = 0;
    this.toggle = h("button", { type: "button", class: "dock-toggle", "aria-expanded": "false" }, icon("chevron"), "Live events", this.counter);
    const clear = h("button", { type: "button", class: "ghost icon-button", "aria-label": "Clear the log", title: "Clear the log" }, icon("trash"));
    this.element = h("section", { class: "dock", "aria-label": "Live events", hidden: true }, h("div", { class: "dock-bar" }, this.toggle, this.summary, clear), this.entries);
    this.toggle.addEventListener("click", () => this.open(!this.element.classList.contains("open")));
    clear.addEventListener("click", () => {
      this.entries.replaceChildren();
      this.total = 0;
      this.counter.textContent = "0";
    });
  }

  open(isOpen) {
    this.element.classList.toggle("open", isOpen);
    this.toggle.setAttribute("aria-expanded", String(isOpen));
    this.entries.scrollTop = this.entries.scrollHeight;
  }

  draw(connections) {
    const used = connections.filter((each) => each.socket || each.state !== "disconnected");
    if (used.length) this.element.hidden = false;
    document.body.classList.toggle("has-dock", !this.element.hidden);
    fill(this.summary, used.length ? used.map((each) => h("span", { class: "chip" }, h("span", { class: `dot ${each.state}` }), each.name)) : h("span", { class: "muted" }, "not connected"));
  }

  add(kind, namespace, event, args) {
    const isAtEnd = this.entries.scrollHeight - this.entries.scrollTop - this.entries.clientHeight < 40;
    const time = new Date().toLocaleTimeString([], { hour12: false });
    const text = args.map((value) => (typeof value === "string" ? value : JSON.stringify(value))).join(", ");
    const line = h("span", { class: "entry-text" }, text.length > 2000 ? `${text.slice(0, 2000)} …` : text);
    const head = [h("time", null, time), h("span", { class: `sign ${kind}` }, SIGNS[kind] ? icon(SIGNS[kind]) : h("span", { class: `dot ${kind === "open" ? "connected" : "disconnected"}` }), h("span", { class: "visually-hidden" }, WORDS[kind])), h("span", { class: "chip" }, namespace), h("strong", null, kind === "ack" ? `ack ${event}` : event)];
    this.entries.append(h("li", { class: kind }, head, put(line)));
    while (this.entries.childElementCount > KEPT) this.entries.firstElementChild.remove();
    if (isAtEnd) this.entries.scrollTop = this.entries.scrollHeight;
    if (kind === "in") {
      this.total += 1;
      this.counter.textContent = String(this.total);
      announce(`${event} received`);
    }
  }
}
