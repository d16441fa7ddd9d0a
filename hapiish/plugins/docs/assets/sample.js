// An example of a schema: its own example or default, else a value that the schema accepts as far as can be seen.

import { objectOf, resolved } from "./schema.js";

const DEPTH = 6;
const FORMATS = {
  "date-time": () => new Date().toISOString(),
  date: () => new Date().toISOString().slice(0, 10),
  time: () => "12:00:00Z",
  duration: () => "PT1H",
  email: () => "ada@example.com",
  "idn-email": () => "ada@example.com",
  hostname: () => "example.com",
  ipv4: () => "192.0.2.1",
  ipv6: () => "2001:db8::1",
  uri: () => "https://example.com/",
  "uri-reference": () => "/path",
  url: () => "https://example.com/",
  uuid: () => "3fa85f64-5717-4562-b3fc-2c963f66afa6",
  byte: () => "aGVsbG8=",
  password: () => "correct horse battery",
};

/** Returns an example of a schema; with `all` it has the optional properties too, for bodies that the server sends. */
export function sample(doc, given, { all = false, name = "" } = {}, depth = 0) {
  const schema = resolved(doc, given);
  if (!schema || typeof schema !== "object") return schema === false ? undefined : {};
  if ("example" in schema) return schema.example;
  if (Array.isArray(schema.examples) && schema.examples.length) return schema.examples[0];
  if ("const" in schema) return schema.const;
  if ("default" in schema) return schema.default;
  if (Array.isArray(schema.enum) && schema.enum.length) return schema.enum[0];
  const alternatives = schema.oneOf ?? schema.anyOf;
  if (alternatives?.length && !schema.properties) return sample(doc, { ...siblings(schema), ...resolved(doc, alternatives[0]) }, { all, name }, depth + 1);
  const type = [schema.type ?? guess(schema)].flat().find((each) => each !== "null") ?? "null";
  if (type === "object") return object(doc, schema, all, depth);
  if (type === "array") return array(doc, schema, all, name, depth);
  if (type === "string") return text(schema, name);
  if (type === "integer" || type === "number") return number(schema, type === "integer");
  if (type === "boolean") return true;
  return type === "null" ? null : {};
}

function siblings({ oneOf, anyOf, ...rest }) {
  return rest;
}

function guess(schema) {
  if (schema.properties || schema.allOf || schema.additionalProperties) return "object";
  if (schema.items || schema.prefixItems) return "array";
  if (schema.pattern || schema.format || schema.minLength !== undefined || schema.maxLength !== undefined) return "string";
  return schema.minimum !== undefined || schema.maximum !== undefined ? "number" : "any";
}

function object(doc, schema, all, depth) {
  // An object that has alternatives beside its properties is that of the first one.
  const chosen = (schema.oneOf ?? schema.anyOf)?.slice(0, 1) ?? [];
  const { properties, required } = objectOf(doc, { allOf: [siblings(schema), ...chosen] });
  const out = {};
  for (const [name, inner] of Object.entries(properties)) {
    const own = resolved(doc, inner);
    const isShown = required.has(name) || (depth < DEPTH && (all || (own && typeof own === "object" && "example" in own)));
    if (!isShown || (depth >= DEPTH * 2)) continue;
    const value = sample(doc, inner, { all, name }, depth + 1);
    if (value !== undefined) out[name] = value;
  }
  return out;
}

function array(doc, schema, all, name, depth) {
  if (schema.prefixItems) return schema.prefixItems.map((each) => sample(doc, each, { all }, depth + 1));
  const count = Math.min(Math.max(schema.minItems ?? 0, depth < DEPTH && schema.maxItems !== 0 ? 1 : 0), 5);
  return Array.from({ length: count }, () => sample(doc, schema.items ?? {}, { all, name }, depth + 1));
}

function number(schema, whole) {
  const least = schema.minimum ?? (schema.exclusiveMinimum !== undefined ? schema.exclusiveMinimum + (whole ? 1 : 0.5) : undefined);
  const most = schema.maximum ?? (schema.exclusiveMaximum !== undefined ? schema.exclusiveMaximum - (whole ? 1 : 0.5) : undefined);
  const step = schema.multipleOf ?? (whole ? 1 : undefined);
  let value = least ?? (most !== undefined && most < 1 ? most : 1);
  if (step) value = Math.ceil(value / step) * step;
  return whole ? Math.ceil(value) : value;
}

function text(schema, name) {
  const fits = (value) => value.length >= (schema.minLength ?? 0) && value.length <= (schema.maxLength ?? Infinity) && matches(schema.pattern, value);
  const tries = [FORMATS[schema.format]?.(), ...named(name), schema.title, "text", schema.pattern && fromPattern(schema.pattern)];
  for (const value of tries) if (typeof value === "string" && fits(value)) return value;
  const made = (schema.pattern && fromPattern(schema.pattern)) || "text";
  return made.padEnd(schema.minLength ?? 0, "x").slice(0, schema.maxLength ?? Infinity);
}

/** Common names of fields say more than "text". */
function named(name) {
  const lower = name.toLowerCase();
  if (lower.endsWith("email")) return ["ada@example.com"];
  if (lower.endsWith("password")) return ["correct horse battery"];
  if (lower === "fullname") return ["Ada Lovelace"];
  if (lower === "text" || lower === "message") return ["Hello"];
  if (lower.endsWith("name")) return ["Ada"];
  if (lower.endsWith("title")) return ["A title"];
  return [];
}

function matches(pattern, value) {
  if (!pattern) return true;
  try {
    return new RegExp(pattern, "u").test(value);
  } catch {
    return true;
  }
}

/** Returns a text that matches a simple pattern: literals, classes, groups, alternatives and counts. */
export function fromPattern(pattern) {
  const reader = { text: pattern, at: 0, steps: 0 };
  try {
    const made = alternatives(reader);
    return reader.at === pattern.length ? made : undefined;
  } catch {
    return undefined;
  }
}

function alternatives(reader) {
  const first = sequence(reader);
  while (reader.text[reader.at] === "|") {
    reader.at++;
    sequence(reader);
  }
  return first;
}

function sequence(reader) {
  let out = "";
  while (reader.at < reader.text.length && !"|)".includes(reader.text[reader.at])) {
    if (++reader.steps > 500 || out.length > 2000) throw new RangeError("too long");
    const { text, letters } = atom(reader);
    const times = Math.min(count(reader), 200);
    out += letters ? Array.from({ length: times }, (_, at) => letters[at % letters.length]).join("") : text.repeat(times);
  }
  return out;
}

function atom(reader) {
  const { text } = reader;
  const letter = text[reader.at++];
  if (letter === "^" || letter === "$") return { text: "" };
  if (letter === ".") return { letters: "a" };
  if (letter === "[") return { letters: charClass(reader) };
  if (letter === "(") {
    if (text.startsWith("?:", reader.at)) reader.at += 2;
    else if (text[reader.at] === "?") throw new SyntaxError("a lookaround or a named group");
    const inner = alternatives(reader);
    if (text[reader.at++] !== ")") throw new SyntaxError("an open group");
    return { text: inner };
  }
  return { text: letter === "\\" ? escaped(text[reader.at++]) : letter };
}

function escaped(letter) {
  if (letter === "d") return "1";
  if (letter === "w" || letter === "S" || letter === "D") return "a";
  if (letter === "W" || letter === "s") return " ";
  if (letter === "b" || letter === "B") return "";
  if (letter === undefined || /[pPuxcdk0-9]/.test(letter)) throw new SyntaxError("an escape");
  return { n: "\n", t: "\t", r: "\r", f: "\f", v: "\v" }[letter] ?? letter;
}

function charClass(reader) {
  const { text } = reader;
  const start = reader.at;
  while (reader.at < text.length && (text[reader.at] !== "]" || reader.at === start)) reader.at += text[reader.at] === "\\" ? 2 : 1;
  const source = text.slice(start, reader.at++);
  const accepts = new RegExp(`[${source}]`, "u");
  // Several letters make ids that look like ids.
  for (const letters of ["4c1a7e9b30d2f856", "314159265", "sample", "SAMPLE"]) if ([...letters].every((letter) => accepts.test(letter))) return letters;
  for (const letter of "a0A-_.~ /:@") if (accepts.test(letter)) return letter;
  for (let code = 33; code < 256; code++) if (accepts.test(String.fromCharCode(code))) return String.fromCharCode(code);
  throw new SyntaxError("an unusual class");
}

function count(reader) {
  const found = /^(\*|\+|\?|\{(\d+)(?:,(\d*))?\})\??/.exec(reader.text.slice(reader.at, reader.at + 24));
  if (!found) return 1;
  reader.at += found[0].length;
  if (found[2] !== undefined) return Number(found[2]) || (found[3] === "0" ? 0 : 1);
  return found[1] === "?" || found[1] === "*" ? 0 : 1;
}
