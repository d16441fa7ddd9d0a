// One list of groups from an OpenAPI and an AsyncAPI document: routes by tag, then events by namespace.

import { resolved } from "./schema.js";

const METHODS = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/**
 * Returns `{info, groups, schemes}`. A group has `kind` (`http` or `namespace`), `title`, `text` and `items`. There are
 * several OpenAPI documents if virtual hosts have routes of the same path.
 */
export function modelOf(openapis, asyncapi) {
  const info = { ...(asyncapi?.info ?? {}), ...(openapis[0]?.info ?? {}) };
  const groups = [...httpGroups(openapis), ...namespaceGroups(asyncapi)];
  const taken = new Set();
  for (const each of groups.flatMap((group) => [group, ...group.items])) each.anchor = unique(each.anchor, taken);
  return { info, groups, schemes: schemesOf([asyncapi, ...openapis]) };
}

function unique(wanted, taken) {
  const base = wanted.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^-+|-+$/g, "") || "part";
  let name = base;
  for (let count = 2; taken.has(name); count++) name = `${base}-${count}`;
  taken.add(name);
  return name;
}

function schemesOf(docs) {
  const out = {};
  for (const doc of docs) {
    for (const [name, given] of Object.entries(doc?.components?.securitySchemes ?? {})) out[name] = normalScheme(resolved(doc, given));
  }
  return out;
}

/** AsyncAPI has names of its own for three schemes that OpenAPI knows too. */
function normalScheme(scheme) {
  if (scheme.type === "httpApiKey") return { ...scheme, type: "apiKey" };
  if (scheme.type === "userPassword") return { ...scheme, type: "http", scheme: "basic" };
  if (scheme.type === "apiKey" && !["header", "query", "cookie"].includes(scheme.in)) return { ...scheme, type: "http", scheme: "bearer" };
  return scheme;
}

function httpGroups(docs) {
  const described = new Map(docs.flatMap((doc) => doc.tags ?? []).map((tag) => [tag.name, tag]));
  const byTag = new Map([...described.keys()].map((tag) => [tag, []]));
  for (const item of docs.flatMap(httpItems)) {
    const tag = item.tags[0] ?? "";
    if (!byTag.has(tag)) byTag.set(tag, []);
    byTag.get(tag).push(item);
  }
  return [...byTag]
    .filter(([, items]) => items.length)
    .map(([tag, items]) => ({
      kind: "http",
      anchor: tag ? `tag-${tag}` : "routes",
      title: tag || (byTag.size > 1 ? "other routes" : "routes"),
      text: described.get(tag)?.description,
      items,
    }));
}

function httpItems(doc) {
  const items = [];
  for (const [path, given] of Object.entries(doc.paths ?? {})) {
    const shared = resolved(doc, given);
    for (const method of METHODS) if (shared[method]) items.push(httpItem(doc, path, method, shared));
  }
  return withoutVariants(items);
}

/** OpenAPI has no optional parameters: a path without one is an operation of its own. Here they are one item. */
function withoutVariants(items) {
  const byId = new Map(items.map((item) => [item.id, item]));
  return items.filter((item) => {
    const [, base, names] = /^(.+)\.without-(.+)$/.exec(item.id ?? "") ?? [];
    const whole = byId.get(base);
    if (!whole) return true;
    for (const param of whole.params) if (param.in === "path" && names.split("-").includes(param.name)) param.required = false;
    return false;
  });
}

function httpItem(doc, path, method, shared) {
  const given = shared[method];
  const params = new Map();
  for (const each of [...(shared.parameters ?? []), ...(given.parameters ?? [])]) {
    const param = resolved(doc, each);
    params.set(`${param.in} ${param.name}`, { ...param });
  }
  const body = resolved(doc, given.requestBody);
  return {
    kind: "http",
    doc,
    anchor: `${given.operationId ?? `${method}-${path}`}`,
    id: given.operationId,
    method,
    path,
    summary: given.summary ?? shared.summary,
    text: given.description ?? shared.description,
    tags: given.tags ?? [],
    isDeprecated: given.deprecated === true,
    security: given.security ?? doc.security ?? [],
    servers: given.servers ?? shared.servers ?? [],
    params: [...params.values()],
    body: body && { isRequired: body.required === true, text: body.description, content: body.content ?? {} },
    responses: Object.entries(given.responses ?? {})
      .map(([status, each]) => ({ status, ...resolved(doc, each) }))
      .sort((a, b) => a.status.localeCompare(b.status)),
    more: extensions(given),
  };
}

function namespaceGroups(doc) {
  if (!doc) return [];
  const groups = new Map();
  const channels = Object.entries(doc.channels ?? {});
  for (const [key, given] of channels) {
    const channel = resolved(doc, given);
    const address = namespaceOf(channel, key);
    if (!groups.has(address)) {
      groups.set(address, {
        kind: "namespace",
        anchor: `events-${address}`,
        title: address,
        address,
        doc,
        text: channel.description,
        query: Object.keys(channel.bindings?.ws?.query?.properties ?? {}).filter((name) => !["EIO", "transport"].includes(name)),
        security: [],
        more: extensions(channel),
        items: [],
      });
    }
  }
  for (const [id, given] of Object.entries(doc.operations ?? {})) {
    const operation = resolved(doc, given);
    const key = String(operation.channel?.$ref ?? "").split("/").at(-1).replaceAll("~1", "/").replaceAll("~0", "~");
    const channel = resolved(doc, operation.channel) ?? {};
    const group = groups.get(namespaceOf(channel, key));
    if (!group) continue;
    const messages = operation.messages ?? Object.values(channel.messages ?? {});
    const reply = resolved(doc, operation.reply);
    for (const message of messages) {
      const item = eventItem(doc, id, operation, message, reply, group);
      if (isHandshake(item)) group.handshake = item;
      else group.items.push(item);
    }
  }
  for (const group of groups.values()) {
    group.security = group.handshake?.security ?? group.items.find((item) => item.security.length)?.security ?? [];
    group.items.sort((a, b) => (a.kind === b.kind ? 0 : a.kind === "event" ? -1 : 1));
  }
  return [...groups.values()].filter((group) => group.items.length || channels.length);
}

const namespaceOf = (channel, key) => channel?.address ?? `/${key}`;

/** The CONNECT packet of Socket.IO and its refusal are an operation of the document, not an event. */
const isHandshake = (item) => item.event === "connect" && item.replies.some((reply) => reply.event === "connect_error");

function eventItem(doc, id, operation, given, reply, group) {
  const message = resolved(doc, given) ?? {};
  const fallback = String(given?.$ref ?? id).split("/").at(-1);
  const isSent = operation.action === "send";
  return {
    kind: isSent ? "emit" : "event",
    doc,
    group,
    anchor: `event-${id}`,
    id,
    event: message.name ?? fallback,
    summary: operation.summary ?? operation.title ?? message.summary ?? message.title,
    text: operation.description ?? message.description,
    tags: (operation.tags ?? message.tags ?? []).map((tag) => tag.name),
    isDeprecated: Boolean(operation["x-deprecated"] ?? message["x-deprecated"]),
    takesArguments: operation["x-arguments"] === true || /The payload is the list of the event's arguments\./.test(operation.description ?? ""),
    security: securityOf(doc, operation.security),
    payload: schemaOf(message.payload),
    examples: examplesOf(message),
    replies: (reply?.messages ?? Object.values(resolved(doc, reply?.channel)?.messages ?? {})).map((each) => {
      const made = resolved(doc, each) ?? {};
      return { event: made.name, isError: / \(error\)$/.test(made.name ?? ""), title: made.title ?? made.name, text: made.description, payload: schemaOf(made.payload), examples: examplesOf(made) };
    }),
    more: { ...extensions(message), ...extensions(operation) },
  };
}

const examplesOf = (message) =>
  (message.examples ?? []).filter((each) => "payload" in each).map((each) => ({ name: each.name ?? "example", text: each.summary, value: each.payload }));

/** A payload may be a schema, or one with its format beside it; {} says nothing. */
function schemaOf(payload) {
  const schema = payload && typeof payload === "object" && "schema" in payload && "schemaFormat" in payload ? payload.schema : payload;
  return schema && typeof schema === "object" && !Object.keys(schema).length ? undefined : schema;
}

/** AsyncAPI lists schemes, or references to them; this returns OpenAPI's form, alternatives of `{name: scopes}`. */
function securityOf(doc, given) {
  return (given ?? []).map((each) => {
    const name = typeof each.$ref === "string" ? each.$ref.split("/").at(-1) : undefined;
    if (name) return { [name]: resolved(doc, each)?.scopes ?? [] };
    const found = Object.entries(doc.components?.securitySchemes ?? {}).find(([, scheme]) => JSON.stringify({ ...scheme, scopes: 0 }) === JSON.stringify({ ...each, scopes: 0 }));
    return found ? { [found[0]]: each.scopes ?? [] } : each.type ? {} : each;
  });
}

const extensions = (value) => Object.fromEntries(Object.entries(value).filter(([key]) => key.startsWith("x-")));

/** Sorts media types as people use them. */
export const mediaTypes = (content) => Object.keys(content ?? {}).sort((a, b) => rank(a) - rank(b));

const rank = (type) => (/json/.test(type) ? 0 : /x-www-form/.test(type) ? 1 : /multipart/.test(type) ? 2 : 3);

