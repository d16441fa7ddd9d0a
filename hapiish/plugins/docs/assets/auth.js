// Credentials by security scheme. They stay in memory, or in sessionStorage if the user wants: never in a file or URL
// of their own, and never in localStorage.

import { announce, field, fill, h, icon, put } from "./dom.js";
import { markdown } from "./markdown.js";

const TOKEN_KEYS = ["token", "access_token", "accessToken", "id_token", "idToken", "jwt"];

/** The credentials of one page; `changed` is called after each change. */
export class Credentials {
  constructor(schemes, key) {
    this.schemes = schemes;
    this.key = key;
    this.values = {};
    this.listeners = new Set();
    this.isKept = false;
    try {
      const kept = JSON.parse(sessionStorage.getItem(key) ?? "null");
      if (kept && typeof kept === "object") {
        this.isKept = true;
        for (const [name, value] of Object.entries(kept)) if (Object.hasOwn(schemes, name)) this.values[name] = value;
      }
    } catch {
      // Without storage, credentials live as long as the page.
    }
  }

  /** Sets the credentials of a scheme: `{username, password}` or `{value}`; undefined removes them. */
  set(name, value) {
    if (value === undefined) delete this.values[name];
    else this.values[name] = value;
    this.save();
  }

  keep(isKept) {
    this.isKept = isKept;
    this.save();
  }

  save() {
    try {
      if (this.isKept) sessionStorage.setItem(this.key, JSON.stringify(this.values));
      else sessionStorage.removeItem(this.key);
    } catch {
      // See above.
    }
    this.listeners.forEach((changed) => changed());
  }

  has(name) {
    return Object.hasOwn(this.values, name);
  }

  /** Returns the names of the first alternative of which all credentials are known, [] for none. */
  chosen(security) {
    const known = security.map((each) => Object.keys(each)).find((names) => names.length && names.every((name) => this.has(name)));
    return known ?? [];
  }

  /** Returns the `{headers, query, cookies}` that a request with this `security` needs. */
  parts(security) {
    const out = { headers: {}, query: {}, cookies: {} };
    for (const name of this.chosen(security)) {
      const scheme = this.schemes[name];
      const { value, username, password } = this.values[name];
      if (scheme.type === "apiKey") out[scheme.in === "header" ? "headers" : scheme.in === "query" ? "query" : "cookies"][scheme.name] = value;
      else if (isBasic(scheme)) out.headers.Authorization = `Basic ${base64(`${username}:${password}`)}`;
      else out.headers.Authorization = `${prefix(scheme)} ${value}`;
    }
    return out;
  }

  /**
   * Returns the credentials mode of a request. To a challenge for HTTP Basic the browser would reply with a dialog of its
   * own, which `omit` prevents; the header Authorization is sent all the same, and only cookies are not.
   */
  mode(security) {
    const names = this.chosen(security);
    const concerned = names.length ? names : security.flatMap((each) => Object.keys(each));
    const schemes = concerned.map((name) => this.schemes[name]).filter(Boolean);
    return schemes.some(isBasic) && !schemes.some((scheme) => scheme.in === "cookie") ? "omit" : "same-origin";
  }

  /** Returns what a Socket.IO handshake needs: `{token, query, cookies}`. */
  handshake(security) {
    const { query, cookies } = this.parts(security);
    const [name] = this.chosen(security).filter((each) => !(this.schemes[each].type === "apiKey" && this.schemes[each].in !== "header"));
    const { value, username, password } = this.values[name] ?? {};
    return { token: name && isBasic(this.schemes[name]) ? base64(`${username}:${password}`) : value, query, cookies };
  }
}

const isBasic = (scheme) => scheme.type === "http" && String(scheme.scheme).toLowerCase() === "basic";
const prefix = (scheme) => (scheme.type === "http" && scheme.scheme && scheme.scheme.toLowerCase() !== "bearer" ? scheme.scheme : "Bearer");

function base64(text) {
  return btoa(Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join(""));
}

/** Runs `act` while these cookies are set for the origin; they are removed afterwards. */
export async function withCookies(cookies, act) {
  const names = Object.keys(cookies);
  for (const name of names) document.cookie = `${name}=${cookies[name]}; path=/; SameSite=Strict`;
  try {
    return await act();
  } finally {
    for (const name of names) document.cookie = `${name}=; path=/; max-age=0; SameSite=Strict`;
  }
}

/** Returns the token in the JSON of a response, undefined for none. */
export function tokenIn(value) {
  if (!value || typeof value !== "object") return undefined;
  const key = TOKEN_KEYS.find((each) => typeof value[each] === "string" && value[each]);
  return key && value[key];
}

/** Returns the schemes that take a token. */
export const tokenSchemes = (schemes) =>
  Object.keys(schemes).filter((name) => !isBasic(schemes[name]) && !(schemes[name].type === "apiKey" && schemes[name].in !== "header"));

/** Returns how a scheme is used, in a few words. */
export function schemeText(scheme) {
  if (isBasic(scheme)) return "user name and password (HTTP Basic)";
  if (scheme.type === "apiKey") return { header: `key in the header ${scheme.name}`, query: `key in the query parameter ${scheme.name}`, cookie: `cookie ${scheme.name}` }[scheme.in];
  if (scheme.type === "oauth2") return "OAuth 2 access token";
  if (scheme.type === "openIdConnect") return "OpenID Connect token";
  return `${prefix(scheme)} token${scheme.bearerFormat ? ` (${scheme.bearerFormat})` : ""} in the header Authorization`;
}

/** Returns the dialog for credentials; `logins` are items that need no credentials and probably return a token. */
export function authDialog(credentials, logins) {
  const forms = h("div", { class: "schemes" });
  const keep = h("input", { type: "checkbox", checked: credentials.isKept });
  keep.addEventListener("change", () => credentials.keep(keep.checked));
  const dialog = h(
    "dialog",
    { class: "dialog", "aria-labelledby": "auth-title" },
    h(
      "header",
      null,
      h("h2", { id: "auth-title" }, "Authorize"),
      h("button", { type: "button", class: "ghost icon-button", "aria-label": "Close", on: { click: () => dialog.close() } }, icon("close")),
    ),
    forms,
    logins.length > 0 &&
      h(
        "p",
        { class: "muted" },
        "To get a token or a cookie, send ",
        logins.slice(0, 4).map((item, at) => [
          at ? ", " : "",
          h("a", { href: `#${item.anchor}`, on: { click: () => dialog.close() } }, `${item.method.toUpperCase()} ${item.path}`),
        ]),
        ".",
      ),
    h("label", { class: "check" }, keep, " Keep the credentials until this tab is closed"),
    h("p", { class: "muted small" }, "Otherwise they are forgotten when the page is left. They are sent to this API only."),
  );
  // A click on the backdrop is a click on the dialog itself.
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  const draw = () => fill(forms, Object.entries(credentials.schemes).map(([name, scheme]) => schemeForm(credentials, name, scheme)));
  draw();
  credentials.listeners.add(draw);
  document.body.append(dialog);
  return dialog;
}

function schemeForm(credentials, name, scheme) {
  const isSet = credentials.has(name);
  const value = credentials.values[name] ?? {};
  const controls = [];
  const input = (label, key, type) => {
    const control = h("input", { type, value: value[key] ?? "", autocomplete: "off", spellcheck: "false", autocapitalize: "off", "data-scheme": name, "data-key": key });
    controls.push(control);
    return field(label, control);
  };
  const form = h("form", { class: "scheme", "aria-label": name });
  put(
    form,
    h("div", { class: "scheme-head" }, h("h3", null, name), isSet && h("span", { class: "badge ok" }, "set")),
    h("p", { class: "muted" }, schemeText(scheme)),
    scheme.description && h("div", { class: "text" }, markdown(scheme.description)),
    scheme.type === "apiKey" && scheme.in === "cookie" && h("p", { class: "muted small" }, "A login by a request on this page sets the cookie in the browser, which sends it by itself. A value is needed only without such a login."),
    isBasic(scheme) ? [input("User name", "username", "text"), input("Password", "password", "password")] : input(scheme.type === "apiKey" ? "Key" : "Token", "value", "password"),
    h("div", { class: "row" }, h("button", { type: "submit", class: "primary" }, isSet ? "Update" : "Authorize"), isSet && h("button", { type: "button", class: "ghost", on: { click: () => { credentials.set(name); announce(`${name}: forgotten`); } } }, "Forget")),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const given = Object.fromEntries(controls.map((control) => [control.dataset.key, control.value.trim()]));
    if (scheme.type !== "apiKey" && given.value !== undefined) given.value = given.value.replace(/^Bearer\s+/i, "");
    if (!(given.value ?? given.username)) return controls[0].focus();
    credentials.set(name, given);
    announce(`${name}: set`);
    return undefined;
  });
  return form;
}
