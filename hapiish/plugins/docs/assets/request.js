// The form that sends one HTTP request and shows its response.

import { tokenIn, tokenSchemes, withCookies } from "./auth.js";
import { announce, copyButton, field, fill, h, icon, put, uid } from "./dom.js";
import { block, indented } from "./json.js";
import { mediaTypes } from "./model.js";
import { sample } from "./sample.js";
import { objectOf, resolved, typeText } from "./schema.js";

const SHOWN_BYTES = 1_000_000;
const PLACES = [["path", "Path parameters"], ["query", "Query"], ["header", "Headers"], ["cookie", "Cookies"]];
/** Headers that a page may not set (Fetch, "forbidden request-header"). */
const FORBIDDEN = /^(accept-(charset|encoding)|access-control-.*|connection|content-length|cookie2?|date|dnt|expect|host|keep-alive|origin|referer|set-cookie|te|trailer|transfer-encoding|upgrade|via|proxy-.*|sec-.*)$/i;

/** Returns the panel of a route. */
export function requestPanel(item, app) {
  const form = h("form", { class: "try", "aria-label": `Try ${item.method.toUpperCase()} ${item.path}`, novalidate: true });
  const controls = PLACES.flatMap(([place, title]) => parameterFields(form, item, place, title));
  const body = item.body && bodyFields(form, item);
  const result = h("div", { class: "result", role: "status" });
  const send = h("button", { type: "submit", class: "primary" }, icon("play"), "Send");
  const cancel = h("button", { type: "button", class: "ghost", hidden: true }, "Cancel");
  const copy = copyButton("Copy as curl", () => curl(collect(item, controls, body, app, false)));
  put(form, authLine(item, app), h("div", { class: "row" }, send, cancel, copy), result);
  let running = null;
  cancel.addEventListener("click", () => running?.abort());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (running) return;
    const request = collect(item, controls, body, app, true);
    if (request.problem) {
      fill(result, h("p", { class: "error" }, request.problem));
      request.control?.focus();
      return;
    }
    running = new AbortController();
    cancel.hidden = false;
    send.disabled = true;
    fill(result, h("p", { class: "muted" }, "Waiting for the response …"));
    try {
      await perform(item, request, running.signal, result, app);
    } catch (error) {
      const stopped = error.name === "AbortError";
      fill(result, h("p", { class: "error" }, stopped ? "Cancelled." : `No response: ${error.message}. ${hint(request)}`));
    }
    running = null;
    cancel.hidden = true;
    send.disabled = false;
  });
  // Ctrl+Enter sends from every field, also from the body.
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  return form;
}

const hint = ({ url }) =>
  new URL(url).origin === location.origin ? "Is the server running?" : "The route is on another host: it must allow this page's origin (cors), or the page must be opened there.";

function authLine(item, app) {
  if (!item.security.some((each) => Object.keys(each).length)) return false;
  const line = h("p", { class: "auth-line" });
  const draw = () => {
    const names = app.credentials.chosen(item.security);
    const wanted = [...new Set(item.security.flatMap((each) => Object.keys(each)))];
    fill(
      line,
      icon("lock"),
      names.length ? `Sends ${names.join(" and ")} ` : `Needs ${wanted.join(" or ")} `,
      h("button", { type: "button", class: "link", on: { click: () => app.authorize() } }, names.length ? "change" : "authorize"),
    );
  };
  draw();
  app.credentials.listeners.add(draw);
  return line;
}

function parameterFields(form, item, place, title) {
  const found = item.params.filter((param) => param.in === place && !(place === "header" && FORBIDDEN.test(param.name)));
  if (!found.length) return [];
  const box = h("fieldset", null, h("legend", null, title));
  form.append(box);
  return found.map((param) => {
    const schema = resolved(item.doc, param.schema ?? Object.values(param.content ?? {})[0]?.schema ?? {}) ?? {};
    const control = controlFor(item.doc, schema, param);
    if (param.required && place !== "cookie") control.setAttribute("aria-required", "true");
    box.append(field([param.name, param.required && place !== "cookie" && h("span", { class: "required" }, " required")], control));
    return { param, schema, control };
  });
}

function controlFor(doc, schema, { example, examples, required }) {
  const choices = schema.enum ?? (schema.type === "boolean" ? [true, false] : undefined);
  const initial = example ?? Object.values(examples ?? {})[0]?.value ?? schema.example ?? schema.examples?.[0];
  if (choices) {
    const select = h("select", null, (!required || initial === undefined) && h("option", { value: "" }, ""), choices.map((each) => h("option", { value: String(each) }, String(each))));
    select.value = initial === undefined ? "" : String(initial);
    return select;
  }
  const isArray = [schema.type].flat().includes("array");
  return h("input", {
    type: "text",
    value: initial === undefined ? "" : isArray ? [initial].flat().join(", ") : String(initial),
    placeholder: "default" in schema ? String(schema.default) : isArray ? "values, separated by commas" : typeText(doc, schema),
    inputmode: /^(integer|number)$/.test(schema.type) ? "decimal" : false,
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
  });
}

/** Adds the fields of the body; returns `read()`, which returns `{type, content, shown}`, or `{problem, control}`. */
function bodyFields(form, item) {
  const types = mediaTypes(item.body.content);
  const box = h("fieldset", null, h("legend", null, "Body"));
  const place = h("div");
  let read = () => ({});
  const draw = (type) => {
    const made = editor(item, type);
    read = made.read;
    fill(place, made.element);
  };
  if (types.length === 1) box.append(h("p", { class: "muted small" }, types[0]));
  if (types.length > 1) {
    const select = h("select", null, types.map((type) => h("option", { value: type }, type)));
    select.addEventListener("change", () => draw(select.value));
    box.append(field("Media type", select));
  }
  if (types.length) draw(types[0]);
  box.append(place);
  form.append(box);
  return () => read();
}

function editor(item, type) {
  const media = item.body.content[type];
  if (/^(multipart\/form-data|application\/x-www-form-urlencoded)/.test(type)) return formEditor(item, type, media);
  const schema = resolved(item.doc, media.schema) ?? {};
  const isText = /json|text\/|xml|yaml/.test(type);
  if (!isText || (schema.type === "string" && (schema.format === "binary" || schema.contentEncoding))) return fileEditor(type);
  return textEditor(item, type, media);
}

/** Returns the examples of a media type as `{name, value}`; its schema gives one if the table has none. */
export function examplesOf(doc, media, all) {
  const given = Object.entries(media.examples ?? {}).map(([name, each]) => ({ name: resolved(doc, each).summary ?? name, value: resolved(doc, each).value }));
  if (given.length) return given;
  return [{ name: "example", value: media.example ?? sample(doc, media.schema, { all }) }];
}

function textEditor(item, type, media) {
  const isJson = /json/.test(type);
  const examples = examplesOf(item.doc, media, false);
  const text = h("textarea", { rows: 6, spellcheck: "false", autocapitalize: "off", autocomplete: "off" });
  const show = ({ value }) => {
    text.value = typeof value === "string" && !isJson ? value : value === undefined ? "" : indented(value);
    text.rows = Math.min(Math.max(text.value.split("\n").length + 1, 3), 18);
  };
  show(examples[0]);
  const choose = examples.length > 1 && h("select", { "aria-label": "Example", on: { change: (event) => show(examples[event.target.selectedIndex]) } }, examples.map(({ name }) => h("option", null, name)));
  return { element: h("div", null, choose && field("Example", choose), field(isJson ? "JSON" : "Text", text)), read: () => readText(text, type, isJson, item.body.isRequired) };
}

function readText(control, type, isJson, isRequired) {
  if (!control.value.trim()) return isRequired ? { problem: "The body is missing.", control } : {};
  if (isJson) {
    try {
      JSON.parse(control.value);
    } catch (error) {
      return { problem: `The body is not JSON: ${error.message}`, control };
    }
  }
  return { type, content: control.value, shown: control.value };
}

function fileEditor(type) {
  const control = h("input", { type: "file" });
  const read = () => {
    const [file] = control.files;
    return file ? { type, content: file, shown: `@${file.name}` } : { problem: "Choose a file.", control };
  };
  return { element: field("File", control), read };
}

function formEditor(item, type, media) {
  const { properties, required } = objectOf(item.doc, media.schema);
  const isMultipart = type.startsWith("multipart");
  const rows = Object.entries(properties).map(([name, given]) => {
    const schema = resolved(item.doc, given) ?? {};
    const inner = resolved(item.doc, schema.items) ?? {};
    const isFile = isMultipart && [schema, inner].some((each) => each.format === "binary" || each.contentMediaType || each.contentEncoding);
    const control = isFile ? h("input", { type: "file", multiple: schema.type === "array" }) : controlFor(item.doc, schema, { required: required.has(name), example: required.has(name) ? sample(item.doc, given, { name }) : undefined });
    return { name, control, isFile, isArray: schema.type === "array" };
  });
  const element = h("div", null, rows.map(({ name, control }) => field([name, required.has(name) && h("span", { class: "required" }, " required")], control)));
  return { element, read: () => readForm(rows, type, isMultipart) };
}

function readForm(rows, type, isMultipart) {
  const data = isMultipart ? new FormData() : new URLSearchParams();
  for (const { name, control, isFile, isArray } of rows) {
    if (isFile) for (const file of control.files) data.append(name, file);
    else if (control.value !== "") for (const each of isArray ? commas(control.value) : [control.value]) data.append(name, each);
  }
  const shown = [...data].map(([name, value]) => `${name}=${value instanceof File ? `@${value.name}` : value}`);
  // The browser adds the boundary of a multipart body to its type.
  return { type: isMultipart ? null : type, content: data, shown: isMultipart ? shown : data.toString(), parts: isMultipart };
}

const commas = (text) => text.split(",").map((each) => each.trim()).filter(Boolean);

/** Returns the request of a form as `{url, method, headers, cookies, body}`, or `{problem, control}`. */
function collect(item, controls, body, app, checks) {
  let path = item.path;
  const query = [];
  const parts = app.credentials.parts(item.security);
  const headers = { Accept: "application/json, */*;q=0.8" };
  for (const { control } of controls) control.removeAttribute("aria-invalid");
  const token = csrfToken(item, app);
  for (const { param, schema, control } of controls) {
    const value = control.value === "" && isCsrf(param) && param.in !== "cookie" ? token : control.value;
    if (value === "") {
      // Cookies of the browser are not visible here.
      if (checks && param.in !== "cookie" && (param.required || param.in === "path")) {
        if (param.in === "path" && !param.required) path = path.replace(`{${param.name}}`, "").replace(/(.)\/$/, "$1");
        else {
          control.setAttribute("aria-invalid", "true");
          return { problem: `${param.name} is missing.`, control };
        }
      }
    } else if (param.in === "path") {
      path = path.replace(`{${param.name}}`, () => value.split("/").map(encodeURIComponent).join(isSegments(param) ? "/" : "%2F"));
    } else if (param.in === "query") {
      for (const each of [schema.type].flat().includes("array") ? commas(value) : [value]) query.push([param.name, each]);
    } else if (param.in === "header") {
      headers[param.name] = value;
    } else {
      parts.cookies[param.name] = encodeURIComponent(value);
    }
  }
  Object.assign(headers, parts.headers);
  query.push(...Object.entries(parts.query));
  const made = body ? body() : {};
  if (made.problem && checks) return made;
  if (made.type) headers["Content-Type"] = made.type;
  const base = app.baseOf(item);
  const search = query.length ? `?${new URLSearchParams(query)}` : "";
  return { method: item.method.toUpperCase(), url: `${base}${path.replace(/^\//, "")}${search}`, headers, cookies: parts.cookies, body: made };
}

/** A parameter such as `{rest*}` takes several segments. */
const isSegments = (param) => /\bslashes included\b/.test(param.description ?? "");

/** Returns the token of a table with `csrf` if a script may read its cookie; it is repeated in a header or the query. */
function csrfToken(item, app) {
  const cookie = item.params.find((param) => param.in === "cookie" && isCsrf(param));
  if (!cookie || !app.isSameOrigin(item)) return "";
  const pair = document.cookie.split("; ").find((each) => each.startsWith(`${cookie.name}=`));
  return pair ? pair.slice(cookie.name.length + 1) : "";
}

const isCsrf = (param) => /cross-site request forgery/.test(param.description ?? "");

async function perform(item, request, signal, result, app) {
  const started = performance.now();
  const response = await withCookies(request.cookies, () =>
    fetch(request.url, { method: request.method, headers: request.headers, body: request.body.content, credentials: app.credentials.mode(item.security), redirect: "follow", cache: "no-store", signal }),
  );
  const head = h("p", { class: "response-head" }, h("span", { class: `status s${String(response.status)[0]}` }, `${response.status} ${response.statusText}`.trim()), h("span", { class: "muted" }, `${Math.round(performance.now() - started)} ms`));
  const headers = h("details", { class: "headers" }, h("summary", null, "Headers"), h("dl", null, [...response.headers].map(([name, value]) => [h("dt", null, name), h("dd", null, value)])));
  const place = h("div", null, h("p", { class: "muted" }, "Reading the body …"));
  fill(result, head, response.redirected && h("p", { class: "muted small" }, `Redirected to ${response.url}`), place, headers);
  const type = response.headers.get("content-type") ?? "";
  if (/^(text\/event-stream|application\/(x-ndjson|jsonl|json-seq))/.test(type)) return stream(response, place);
  const blob = await response.blob();
  put(head, h("span", { class: "muted" }, size(blob.size)));
  await showBody(blob, type, place, app);
  if (response.status === 401) put(place, h("p", null, h("button", { type: "button", class: "link", on: { click: () => app.authorize() } }, "Authorize")));
  return undefined;
}

const size = (bytes) => (bytes < 1024 ? `${bytes} B` : bytes < 1048576 ? `${(bytes / 1024).toFixed(1)} KB` : `${(bytes / 1048576).toFixed(1)} MB`);

async function stream(response, place) {
  const out = h("code");
  fill(place, h("pre", { tabindex: "0", role: "log", "aria-label": "Response body" }, out));
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let total = 0, part = await reader.read(); !part.done; part = await reader.read()) {
    total += part.value.length;
    if (total > SHOWN_BYTES) {
      out.append("\n… (cut)");
      await reader.cancel();
      return;
    }
    out.append(part.value);
  }
}

async function showBody(blob, type, place, app) {
  if (!blob.size) {
    fill(place, h("p", { class: "muted" }, "No body"));
    return;
  }
  if (/^image\/(png|jpeg|gif|webp|avif|svg\+xml)/.test(type)) {
    fill(place, h("img", { src: URL.createObjectURL(blob), alt: "The image in the response" }), download(blob));
    return;
  }
  if (!/json|text|xml|javascript|yaml|urlencoded/.test(type) || blob.size > SHOWN_BYTES) {
    fill(place, h("p", { class: "muted" }, type || "Unknown type"), download(blob));
    return;
  }
  const text = await blob.text();
  let value;
  if (/json/.test(type)) {
    try {
      value = JSON.parse(text);
    } catch {
      // Shown as it is.
    }
  }
  fill(place, block(value === undefined ? text : indented(value), "Response body", { json: value !== undefined }), offerToken(value, app));
}

function download(blob) {
  return h("a", { class: "button", href: URL.createObjectURL(blob), download: "response" }, `Save the body (${size(blob.size)})`);
}

function offerToken(value, app) {
  const token = tokenIn(value);
  if (!token) return false;
  return tokenSchemes(app.credentials.schemes).map((name) => {
    const button = h("button", { type: "button", class: "primary use-token", id: uid("token") }, icon("lock"), `Use this token for ${name}`);
    button.addEventListener("click", () => {
      app.credentials.set(name, { value: token });
      fill(button, icon("lock"), `${name} is set`);
      announce(`${name}: set`);
    });
    return button;
  });
}

const quoted = (text) => `'${String(text).replaceAll("'", "'\\''")}'`;

function curl({ method, url, headers, cookies, body }) {
  const parts = [`curl -X ${method} ${quoted(url)}`];
  for (const [name, value] of Object.entries(headers)) parts.push(`-H ${quoted(`${name}: ${value}`)}`);
  const jar = Object.entries(cookies).map(([name, value]) => `${name}=${value}`);
  if (jar.length) parts.push(`-b ${quoted(jar.join("; "))}`);
  if (body.parts) for (const each of body.shown) parts.push(`-F ${quoted(each)}`);
  else if (body.shown !== undefined) parts.push(`${body.content instanceof File ? "--data-binary" : "--data-raw"} ${quoted(body.shown)}`);
  return parts.join(" \\\n  ");
}
