// Loads the documents of the table and lays out the page.

import { authDialog, Credentials, schemeText, tokenIn } from "./auth.js";
import { copyButton, fill, h, icon, put } from "./dom.js";
import { block, indented } from "./json.js";
import { connectionPanel, emitPanel, eventPanel, Live } from "./live.js";
import { markdown } from "./markdown.js";
import { mediaTypes, modelOf } from "./model.js";
import { direction, navigation, searchByKey, themeButton } from "./nav.js";
import { examplesOf, requestPanel } from "./request.js";
import { sample } from "./sample.js";
import { constraints, resolved, schemaView, typeText } from "./schema.js";

const settings = document.documentElement.dataset;
const address = (relative) => new URL(relative, document.baseURI.replace(/[?#].*$/s, "")).href;

class App {
  constructor(model) {
    this.model = model;
    this.root = address(settings.root);
    this.tries = settings.try === "true";
    this.credentials = new Credentials(model.schemes, `hapiish-docs-auth ${new URL(this.root).pathname}`);
    if (settings.socket && this.tries) {
      this.live = new Live({ path: new URL(address(settings.socket)).pathname, transports: settings.transports.split(" ") }, this.credentials);
    }
  }

  /** Returns the address that the path of an item follows, with a slash at its end. */
  baseOf(item) {
    const given = item.servers[0]?.url;
    if (!/^https?:\/\//.test(given ?? "")) return this.root;
    const url = new URL(given.replace(/\{[^}]*\}/g, ""));
    if (url.hostname === location.hostname) return this.root;
    // Without `server.uri`, the table knows the name of a virtual host, and the page its scheme and port.
    if (!/^https?:/.test(item.doc.servers?.[0]?.url ?? "")) {
      url.protocol = location.protocol;
      url.port = location.port;
      url.pathname = new URL(this.root).pathname;
    }
    return url.href.endsWith("/") ? url.href : `${url.href}/`;
  }

  isSameOrigin(item) {
    return new URL(this.baseOf(item)).origin === location.origin;
  }

  authorize() {
    this.dialog ??= authDialog(this.credentials, this.logins());
    this.dialog.showModal();
  }

  /** Returns the routes without authentication whose response has a token, or which set credentials by their name. */
  logins() {
    const items = this.model.groups.flatMap((group) => group.items).filter((item) => item.kind === "http" && item.method === "post" && !item.security.some((each) => Object.keys(each).length));
    const gives = (item) => item.responses.some(({ status, content }) => /^2/.test(status) && tokenIn(sample(item.doc, content?.["application/json"]?.schema ?? {}, { all: true })));
    return items.filter((item) => gives(item) || /\b(log-?in|sign-?in|sessions?|auth|token)\b/i.test(`${item.path} ${item.id}`));
  }
}

/** Returns the address with the query of the page, which may have the key of a strategy that protects the page. */
function withQuery(relative) {
  const [path, own] = relative.split("?");
  const query = [own, location.search.slice(1)].filter(Boolean).join("&");
  return address(path) + (query ? `?${query}` : "");
}

async function load(url) {
  if (!url) return null;
  const response = await fetch(withQuery(url), { cache: "no-cache", credentials: "same-origin" });
  if (!response.ok) throw new Error(`${new URL(response.url).pathname}: ${response.status} ${response.statusText}`);
  return { json: await response.json(), tag: response.headers.get("etag") };
}

async function start() {
  const place = document.querySelector("#app");
  try {
    const hosts = (settings.hosts ?? "").split(" ").filter(Boolean);
    const urls = settings.openapi ? [settings.openapi, ...hosts.map((host) => `${settings.openapi}?vhost=${host}`)] : [];
    const [asyncapi, ...openapis] = await Promise.all([load(settings.asyncapi), ...urls.map(load)]);
    draw(place, new App(modelOf(openapis.map(({ json }) => json), asyncapi?.json)));
    watch([...urls.map((url, at) => [url, openapis[at].tag]), [settings.asyncapi, asyncapi?.tag]]);
  } catch (error) {
    console.error(error);
    fill(place, h("main", { class: "loading" }, h("h1", null, document.title), h("p", { class: "error", role: "alert" }, `The documentation cannot be shown. ${error.message}`)));
  }
}

function draw(place, app) {
  const { model } = app;
  const title = settings.title ?? model.info.title ?? "API";
  const close = () => setMenu(false);
  const nav = navigation(model, (anchor) => {
    close();
    go(anchor);
  });
  const menu = h("button", { type: "button", class: "ghost icon-button menu", "aria-label": "Contents", "aria-controls": "nav", "aria-expanded": "false" }, icon("menu"));
  const setMenu = (isOpen) => {
    document.body.classList.toggle("menu-open", isOpen);
    menu.setAttribute("aria-expanded", String(isOpen));
  };
  menu.addEventListener("click", () => setMenu(!document.body.classList.contains("menu-open")));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && document.body.classList.contains("menu-open")) {
      setMenu(false);
      menu.focus();
    }
  });
  const hasSchemes = app.tries && Object.keys(model.schemes).length > 0;
  const authorize = hasSchemes && h("button", { type: "button", class: "ghost authorize", on: { click: () => app.authorize() } }, icon("lock"), h("span", null, "Authorize"));
  const header = h(
    "header",
    { class: "bar" },
    menu,
    h("a", { class: "brand", href: "#top" }, title),
    model.info.version && h("span", { class: "version" }, model.info.version),
    h("span", { class: "spacer" }),
    authorize,
    themeButton(),
  );
  const main = h("main", { id: "main", tabindex: "-1" }, intro(title, app), model.groups.map((group) => groupSection(group, app)));
  nav.element.append(h("p", { class: "made" }, "Made by hapiish. ", h("a", { href: new URL("./LICENSES.txt", import.meta.url).href }, "Licenses")));
  if (!model.groups.length) put(main, h("p", { class: "muted" }, "The table has no routes and no events to show."));
  const skip = h("a", { class: "skip", href: "#main" }, "Skip to the content");
  skip.addEventListener("click", (event) => {
    event.preventDefault();
    main.focus();
  });
  fill(place, skip, header, nav.element, main, app.live?.dock.element);
  main.addEventListener("click", close);
  const mark = () => authorize && authorize.classList.toggle("is-set", Object.keys(app.credentials.values).length > 0);
  app.credentials.listeners.add(mark);
  mark();
  searchByKey(nav.input, () => setMenu(true));
  follow(main, nav);
}

function intro(title, app) {
  const { info, schemes } = app.model;
  const documents = [["OpenAPI", settings.openapi], ["AsyncAPI", settings.asyncapi]].filter(([, url]) => url);
  const names = Object.entries(schemes);
  return h(
    "section",
    { id: "top", class: "intro" },
    h("h1", null, title, info.version && h("span", { class: "version" }, info.version)),
    info.description && h("div", { class: "text lead" }, markdown(info.description)),
    h(
      "ul",
      { class: "facts" },
      app.model.groups.some(({ kind }) => kind === "http") && h("li", null, h("span", { class: "fact-name" }, "Base URL"), h("code", null, app.root.replace(/\/$/, "")), copyButton("Copy the base URL", () => app.root.replace(/\/$/, ""))),
      settings.socket && h("li", null, h("span", { class: "fact-name" }, "Socket.IO"), h("code", null, new URL(address(settings.socket)).pathname), h("span", { class: "muted" }, settings.transports.split(" ").join(", "))),
      names.length > 0 && h("li", null, h("span", { class: "fact-name" }, "Authentication"), h("span", null, names.map(([name, scheme], at) => [at ? ", " : "", h("strong", null, name), `: ${schemeText(scheme)}`]))),
      documents.length > 0 && h("li", null, h("span", { class: "fact-name" }, "Documents"), documents.map(([name, url]) => h("a", { href: withQuery(url) }, name))),
    ),
  );
}

function groupSection(group, app) {
  const isNamespace = group.kind === "namespace";
  const body = [
    h("div", { class: "group-head" }, h("h2", null, isNamespace && h("span", { class: "nav-kind" }, "Events"), group.title), group.text && h("div", { class: "text" }, markdown(group.text))),
    isNamespace && namespaceCard(group, app),
    group.items.map((item) => card(item, app)),
  ];
  return h("section", { class: "group", id: group.anchor }, body);
}

function namespaceCard(group, app) {
  const events = group.items.filter(({ kind }) => kind === "event");
  const emits = group.items.filter(({ kind }) => kind === "emit");
  const names = (items) => items.map((item, at) => [at ? ", " : "", h("a", { href: `#${item.anchor}` }, item.event)]);
  return h(
    "article",
    { class: "card" },
    h(
      "div",
      { class: "doc" },
      h("h3", null, "Connection"),
      h("p", null, "Clients connect with socket.io-client to the namespace ", h("code", null, group.address), "."),
      events.length > 0 && h("p", null, "Clients send ", names(events), "."),
      emits.length > 0 && h("p", null, "The server sends ", names(emits), "."),
      securityText(group.security, app),
      group.handshake?.text && h("div", { class: "text" }, markdown(group.handshake.text)),
      handshake(group),
    ),
    app.live && h("div", { class: "panel" }, panelHead(h("span", { class: "panel-title" }, "Connection")), connectionPanel(group, app)),
  );
}

function handshake({ doc, handshake: given }) {
  if (!given) return false;
  const [refusal] = given.replies;
  const payload = given.payload !== undefined && [h("h4", null, "Handshake", h("code", { class: "muted" }, "auth")), schemaView(doc, given.payload)];
  const refusals = refusal.examples.length > 0 && [h("h4", null, "Refusals", h("code", { class: "muted" }, "connect_error")), h("div", { class: "responses" }, refusal.examples.map(errorRow))];
  return [payload, refusals];
}

/** Returns a row for one error of an event, whose example has its body. */
function errorRow({ name, text, value }) {
  const status = /^\d{3}/.exec(name)?.[0];
  const summary = [h("span", { class: `status s${status?.[0] ?? "4"}` }, status ?? "error"), h("span", { class: "response-text" }, text ?? name)];
  return h("details", { class: "response" }, h("summary", null, summary), h("div", { class: "response-body" }, block(indented(value), `Example: ${text ?? name}`)));
}

/** Returns the article of an item; what is below its heading is made when it comes near the screen. */
function card(item, app) {
  const place = h("div", { class: "doc" });
  const panel = h("div", { class: "panel" });
  const title = item.summary ?? (item.kind === "http" ? `${item.method.toUpperCase()} ${item.path}` : item.event);
  const signature = item.kind === "http" ? [h("span", { class: `method ${item.method}` }, item.method.toUpperCase()), h("code", { class: "path" }, pathText(item.path))] : [direction(item), h("code", { class: "path" }, item.event), h("span", { class: "direction" }, item.kind === "emit" ? "sent by the server" : "sent by clients")];
  const anchor = h("a", { class: "anchor", href: `#${item.anchor}`, "aria-label": `Link to ${title}` }, icon("link"));
  const head = [h("h3", null, title, anchor), h("div", { class: "signature" }, signature, item.isDeprecated && h("span", { class: "badge warn" }, "deprecated"))];
  put(place, head);
  const element = h("article", { class: "card", id: item.anchor }, place, panel);
  element.complete = () => {
    element.complete = null;
    put(place, item.kind === "http" ? httpDoc(item, app) : eventDoc(item, app));
    put(panel, item.kind === "http" ? httpPanel(item, app) : socketPanel(item, app));
  };
  return element;
}

/** Returns a path in which a long one may break after each slash. */
const pathText = (path) => path.split("/").flatMap((part, at) => (at ? ["/", h("wbr"), part] : [part]));

function common(item, app) {
  return [
    item.text && h("div", { class: "text" }, markdown(item.text)),
    h(
      "div",
      { class: "chips" },
      item.tags.map((tag) => h("span", { class: "chip" }, tag)),
      item.id && h("span", { class: "chip id" }, item.id),
    ),
    securityText(item.security, app),
  ];
}

function securityText(security, app) {
  const rules = security.filter((each) => Object.keys(each).length);
  if (!rules.length) return false;
  const isOptional = rules.length < security.length;
  const words = rules.map((each, at) => [
    at ? " or " : "",
    Object.entries(each).map(([name, scopes], index) => [index ? " and " : "", h("strong", { title: app.model.schemes[name] && schemeText(app.model.schemes[name]) }, name), scopes.length > 0 && [" with ", scopes.map((scope, number) => [number ? ", " : "", h("code", null, scope)])]]),
  ]);
  return h("p", { class: "auth-line" }, icon("lock"), isOptional ? "Optional: " : "Requires ", words);
}

function httpDoc(item, app) {
  const places = [["path", "Path parameters"], ["query", "Query parameters"], ["header", "Headers"], ["cookie", "Cookies"]];
  return [
    common(item, app),
    places.map(([place, title]) => {
      const params = item.params.filter((param) => param.in === place);
      return params.length > 0 && [h("h4", null, title), h("ul", { class: "props" }, params.map((param) => parameter(item, param)))];
    }),
    item.body && [h("h4", null, "Body", h("span", { class: "muted" }, mediaTypes(item.body.content).join(", ")), item.body.isRequired && h("span", { class: "required" }, "required")), item.body.text && h("div", { class: "text muted small" }, markdown(item.body.text)), bodySchemas(item)],
    item.responses.length > 0 && [h("h4", null, "Responses"), h("div", { class: "responses" }, item.responses.map((response) => responseRow(item, response)))],
  ];
}

function bodySchemas(item) {
  const types = mediaTypes(item.body.content);
  const texts = new Set();
  return types.map((type) => {
    const { schema } = item.body.content[type];
    const key = JSON.stringify(schema);
    if (schema === undefined || texts.has(key)) return false;
    texts.add(key);
    return [types.length > 1 && texts.size > 1 && h("p", { class: "muted small" }, type), schemaView(item.doc, schema)];
  });
}

function parameter(item, param) {
  const given = param.schema ?? Object.values(param.content ?? {})[0]?.schema ?? {};
  const schema = resolved(item.doc, given) ?? {};
  return h(
    "li",
    null,
    h(
      "div",
      { class: "prop" },
      h("span", { class: "prop-name" }, param.name),
      h("span", { class: "prop-type" }, typeText(item.doc, given)),
      param.required && h("span", { class: "required" }, "required"),
      param.deprecated && h("span", { class: "badge warn" }, "deprecated"),
      constraints(schema).map((fact) => h("span", { class: "fact" }, fact)),
      "default" in schema && h("span", { class: "fact" }, "default ", h("code", null, JSON.stringify(schema.default))),
      schema.pattern && h("span", { class: "fact" }, "pattern ", h("code", null, schema.pattern)),
    ),
    (param.description ?? schema.description) && h("div", { class: "prop-text" }, markdown(param.description ?? schema.description)),
  );
}

function responseRow(item, response) {
  const content = Object.entries(response.content ?? {});
  const headers = Object.entries(response.headers ?? {});
  const summary = [h("span", { class: `status s${response.status[0]}` }, response.status), h("span", { class: "response-text" }, response.description ?? "")];
  if (!content.length && !headers.length) return h("div", { class: "response plain" }, summary);
  const body = h("div", { class: "response-body" });
  const details = h("details", { class: "response" }, h("summary", null, summary), body);
  details.addEventListener("toggle", () => {
    if (!details.open || body.firstChild) return;
    for (const [type, media] of content) put(body, h("p", { class: "muted small" }, type, media.schema !== undefined && typeText(item.doc, media.schema) !== "any" && ` · ${typeText(item.doc, media.schema)}`), media.schema !== undefined && schemaView(item.doc, media.schema), examplesList(item, media));
    if (headers.length) {
      put(body, h("p", { class: "muted small" }, "Headers"), h("ul", { class: "props" }, headers.map(([name, each]) => parameter(item, { name, ...resolved(item.doc, each) }))));
    }
  });
  return details;
}

function examplesList(item, media) {
  if (!media.examples && media.example === undefined) return false;
  return examplesOf(item.doc, media, true).map(({ name, value }) => h("details", { class: "nested" }, h("summary", null, `Example: ${name}`), block(indented(value), `Example ${name}`)));
}

function eventDoc(item, app) {
  const isEmit = item.kind === "emit";
  return [
    common(item, app),
    h("h4", null, item.takesArguments ? "Arguments" : "Payload"),
    item.payload === undefined ? h("p", { class: "muted" }, "No schema") : schemaView(item.doc, item.payload),
    item.replies.length > 0 && [
      h("h4", null, isEmit ? "Reply" : "Acknowledgement"),
      item.replies.filter(({ isError }) => !isError).map((reply) => [reply.text && h("div", { class: "text" }, markdown(reply.text)), schemaView(item.doc, reply.payload)]),
      item.replies.filter(({ isError }) => isError).map((reply) => [h("h4", null, "Errors"), reply.examples.length ? h("div", { class: "responses" }, reply.examples.map(errorRow)) : schemaView(item.doc, reply.payload)]),
    ],
  ];
}

const panelHead = (...content) => h("div", { class: "panel-head" }, content);

function httpPanel(item, app) {
  const head = panelHead(h("span", { class: `method ${item.method}` }, item.method.toUpperCase()), h("code", { class: "path" }, pathText(item.path)));
  return [head, app.tries && requestPanel(item, app), !app.tries && requestExample(item), responseExample(item)];
}

function requestExample(item) {
  const [type] = mediaTypes(item.body?.content);
  if (!type) return false;
  return h("div", { class: "example" }, h("p", { class: "example-title" }, `Request ${type}`), block(indented(examplesOf(item.doc, item.body.content[type], false)[0].value), "Example of a request"));
}

function responseExample(item) {
  const found = item.responses.find(({ status, content }) => /^2/.test(status) && mediaTypes(content)[0]);
  const media = found && found.content[mediaTypes(found.content)[0]];
  if (!media || (media.schema === undefined && media.example === undefined && !media.examples)) return false;
  const text = indented(examplesOf(item.doc, media, true)[0].value);
  return h("details", { class: "example" }, h("summary", { class: "example-title" }, "Example response ", h("span", { class: "status s2" }, found.status)), block(text, "Example of a response"));
}

function socketPanel(item, app) {
  const head = panelHead(direction(item), h("code", { class: "path" }, item.event), h("span", { class: "spacer" }), h("span", { class: "chip" }, item.group.address));
  const example = (title, value) => h("details", { class: "example" }, h("summary", { class: "example-title" }, title), block(indented(value), title));
  const known = item.examples[0]?.value ?? (item.payload === undefined ? undefined : sample(item.doc, item.payload, { all: true }));
  if (item.kind === "emit") return [head, app.live && emitPanel(item, app), known !== undefined && example("Example", known)];
  const ack = item.replies.find(({ isError }) => !isError);
  return [head, app.live ? eventPanel(item, app) : known !== undefined && example("Example", known), ack?.payload !== undefined && example("Example acknowledgement", sample(item.doc, ack.payload, { all: true }))];
}

function complete(element) {
  element?.complete?.();
}

/** Makes cards when they come near the screen, and marks the one that is read. */
function follow(main, nav) {
  const near = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        complete(target);
        near.unobserve(target);
      }
    },
    { rootMargin: "1200px 0px" },
  );
  for (const each of main.querySelectorAll("article")) near.observe(each);
  const seen = new Set();
  const read = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) seen[isIntersecting ? "add" : "delete"](target);
      const top = [...seen].sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top)[0];
      if (top) nav.mark(top.id);
    },
    { rootMargin: "-72px 0px -70% 0px" },
  );
  for (const each of main.querySelectorAll("article[id]")) read.observe(each);
  const arrive = () => location.hash.length > 1 && go(decodeURIComponent(location.hash.slice(1)));
  window.addEventListener("hashchange", arrive);
  arrive();
}

function go(anchor) {
  const target = document.getElementById(anchor);
  if (!target) return;
  // Cards that grow above the target would move it.
  const cards = [...document.querySelectorAll("article")];
  const at = cards.indexOf(target.closest("article") ?? target.querySelector("article"));
  cards.slice(Math.max(at - 10, 0), at + 4).forEach(complete);
  target.scrollIntoView();
  // For readers of screens and keys: Tab continues from here.
  target.setAttribute("tabindex", "-1");
  target.focus({ preventScroll: true });
}

/** Offers to load the page again when the table has changed, on return to the page. */
function watch(documents) {
  const check = async () => {
    for (const [url, tag] of documents) {
      if (!url || !tag) continue;
      try {
        const response = await fetch(withQuery(url), { method: "HEAD", cache: "no-store", credentials: "same-origin" });
        const now = response.headers.get("etag");
        if (response.ok && now && plain(now) !== plain(tag)) return offer();
      } catch {
        return undefined; // The server is away; the next time tells.
      }
    }
    return undefined;
  };
  const plain = (tag) => tag.replace(/^W\//, "").replace(/-(gzip|br|deflate|zstd)"$/, '"');
  let isOffered = false;
  const offer = () => {
    if (isOffered) return;
    isOffered = true;
    const load = h("button", { type: "button", class: "primary", on: { click: () => location.reload() } }, "Load it");
    document.body.append(h("div", { class: "notice", role: "status" }, "The table has changed. ", load));
  };
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && check());
}

start();
