// JSON Schemas as rows of properties. References are followed when a row is opened, so that schemas may be recursive.

import { fill, h } from "./dom.js";
import { inlineMarkdown } from "./markdown.js";

const DEPTH = 40;

/** Returns the value that a `$ref` of a document refers to, undefined for none. */
export function pointed(doc, ref) {
  if (typeof ref !== "string" || !ref.startsWith("#/")) return undefined;
  let value = doc;
  for (const step of ref.slice(2).split("/")) {
    let name = step;
    try {
      name = decodeURIComponent(step);
    } catch {
      // A lone percent sign is a part of the name.
    }
    name = name.replaceAll("~1", "/").replaceAll("~0", "~");
    if (value === null || typeof value !== "object" || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}

/** Follows the `$ref`s of an object of a document; its other keys override those of the target. */
export function resolved(doc, value) {
  let out = value;
  for (let hops = 0; out && typeof out === "object" && typeof out.$ref === "string" && hops < DEPTH; hops++) {
    const { $ref, ...rest } = out;
    const target = pointed(doc, $ref);
    if (target === undefined || typeof target !== "object") return rest;
    out = { ...target, ...rest };
  }
  return out;
}

/** Returns the last word of a `$ref`, undefined for a schema without a name. */
export const nameOf = (schema) => (typeof schema?.$ref === "string" ? schema.$ref.split("/").at(-1) : undefined);

/** Returns the properties of a schema, those of its `allOf` included, as `{properties, required}`. */
export function objectOf(doc, given, depth = 0) {
  const schema = resolved(doc, given);
  const out = { properties: {}, required: new Set() };
  if (!schema || typeof schema !== "object" || depth > DEPTH) return out;
  for (const part of schema.allOf ?? []) {
    const inner = objectOf(doc, part, depth + 1);
    Object.assign(out.properties, inner.properties);
    inner.required.forEach((name) => out.required.add(name));
  }
  Object.assign(out.properties, schema.properties);
  (schema.required ?? []).forEach((name) => out.required.add(name));
  return out;
}

/** Returns the type in a few words: `array of Message`, `string or null`, `"a" | "b"`. */
export function typeText(doc, given, depth = 0) {
  if (given === false) return "nothing";
  const schema = resolved(doc, given);
  if (schema === true || !schema || typeof schema !== "object" || depth > 6) return "any";
  const name = nameOf(given);
  if ("const" in schema) return JSON.stringify(schema.const);
  if (Array.isArray(schema.enum)) return schema.type && schema.enum.length > 4 ? String(schema.type) : schema.enum.map((each) => JSON.stringify(each)).join(" | ");
  const alternatives = schema.oneOf ?? schema.anyOf;
  if (alternatives && !schema.properties) return [...new Set(alternatives.map((each) => typeText(doc, each, depth + 1)))].join(" or ");
  const types = [schema.type ?? (schema.properties || schema.allOf ? "object" : schema.items ? "array" : "any")].flat();
  return types
    .map((type) => {
      if (type === "array") return `array of ${schema.items === undefined ? "any" : typeText(doc, schema.items, depth + 1)}`;
      if (type === "object") return name ?? "object";
      return type;
    })
    .join(" or ");
}

const LIMITS = [
  ["minimum", "≥ "], ["exclusiveMinimum", "> "], ["maximum", "≤ "], ["exclusiveMaximum", "< "], ["multipleOf", "multiple of "],
  ["minItems", "items ≥ "], ["maxItems", "items ≤ "], ["minProperties", "properties ≥ "], ["maxProperties", "properties ≤ "],
];

/** Returns the constraints of a value as short texts. */
export function constraints(schema) {
  const out = [];
  if (schema.format) out.push(schema.format);
  const { minLength: least, maxLength: most } = schema;
  if (least !== undefined && most !== undefined) out.push(least === most ? `${least} characters` : `${least}–${most} characters`);
  else if (most !== undefined) out.push(`at most ${most} characters`);
  else if (least !== undefined) out.push(least === 1 ? "not empty" : `at least ${least} characters`);
  for (const [key, text] of LIMITS) if (typeof schema[key] === "number") out.push(text + schema[key]);
  if (schema.uniqueItems) out.push("unique items");
  if (schema.readOnly) out.push("read only");
  if (schema.writeOnly) out.push("write only");
  if (schema.contentMediaType) out.push(schema.contentMediaType);
  if (Array.isArray(schema.enum) && schema.type && schema.enum.length > 4) out.push(`one of ${schema.enum.map((each) => JSON.stringify(each)).join(", ")}`);
  return out;
}

/** Returns a schema as a list of its properties, or one row for a value without properties. */
export function schemaView(doc, given, depth = 0) {
  const schema = resolved(doc, given);
  if (schema === undefined || schema === true) return h("p", { class: "muted" }, "Any value");
  const inside = container(doc, given);
  if (!inside) return h("ul", { class: "props" }, row(doc, null, given, false, depth));
  return inner(doc, inside, depth);
}

/** Returns what is inside of a value: `{object}` or `{alternatives}`, looking through arrays; undefined for a plain value. */
function container(doc, given, depth = 0) {
  const schema = resolved(doc, given);
  if (!schema || typeof schema !== "object" || depth > DEPTH) return undefined;
  const alternatives = schema.oneOf ?? schema.anyOf;
  if (alternatives?.some((each) => container(doc, each, depth + 1))) return { alternatives, schema };
  if (schema.properties || schema.allOf || schema.patternProperties || isSchema(schema.additionalProperties)) return { schema, given };
  if (isSchema(schema.items)) return container(doc, schema.items, depth + 1);
  return undefined;
}

const isSchema = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

function inner(doc, { schema, given, alternatives }, depth) {
  if (alternatives) {
    return h(
      "div",
      { class: "alternatives" },
      alternatives.map((each, at) => [h("p", { class: "muted" }, at ? "or " : "either ", typeText(doc, each)), schemaView(doc, each, depth + 1)]),
    );
  }
  const { properties, required } = objectOf(doc, given ?? schema);
  const rows = Object.entries(properties).map(([name, value]) => row(doc, name, value, required.has(name), depth));
  for (const [pattern, value] of Object.entries(schema.patternProperties ?? {})) rows.push(row(doc, `/${pattern}/`, value, false, depth));
  if (isSchema(schema.additionalProperties)) rows.push(row(doc, "any other key", schema.additionalProperties, false, depth, true));
  return h("ul", { class: "props" }, rows);
}

function row(doc, name, given, required, depth, isGeneric = false) {
  const schema = resolved(doc, given);
  const shown = schema && typeof schema === "object" ? schema : {};
  const facts = constraints(shown);
  const inside = container(doc, given);
  return h(
    "li",
    null,
    h(
      "div",
      { class: "prop" },
      name !== null && h("span", { class: isGeneric ? "prop-name generic" : "prop-name" }, name),
      h("span", { class: "prop-type" }, typeText(doc, given)),
      required && h("span", { class: "required" }, "required"),
      shown.deprecated && h("span", { class: "badge warn" }, "deprecated"),
      facts.map((fact) => h("span", { class: "fact" }, fact)),
      "default" in shown && h("span", { class: "fact" }, "default ", h("code", null, JSON.stringify(shown.default))),
      shown.pattern && h("span", { class: "fact" }, "pattern ", h("code", null, shown.pattern)),
    ),
    shown.description && h("div", { class: "prop-text" }, inlineMarkdown(shown.description)),
    inside && nested(doc, inside, depth),
  );
}

function nested(doc, inside, depth) {
  const body = h("div");
  const details = h("details", { class: "nested" }, h("summary", null, summaryOf(doc, inside)), body);
  const open = () => details.open && !body.firstChild && fill(body, inner(doc, inside, depth + 1));
  details.addEventListener("toggle", open);
  return details;
}

function summaryOf(doc, { alternatives, given, schema }) {
  if (alternatives) return `${alternatives.length} alternatives`;
  const count = Object.keys(objectOf(doc, given ?? schema).properties).length;
  return count ? `${count} ${count === 1 ? "property" : "properties"}` : "values";
}
