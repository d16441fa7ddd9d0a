// The view library: Preact with htm templates and signals. Templates make elements and text, never HTML.
import { h } from "preact";
import htm from "htm";

export { createPortal, render } from "preact";
export { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
export { batch, computed, effect, signal, useSignal } from "@preact/signals";

export const html = htm.bind(h);

/** Joins the names of classes; false ones are left out. */
export const classes = (...names) => names.filter(Boolean).join(" ");

/** Returns a function that calls `work` once, `delay` ms after its last call; `flush` calls it at once. */
export function debounced(work, delay) {
  let timer;
  let pending;
  const run = () => {
    clearTimeout(timer);
    timer = undefined;
    const given = pending;
    pending = undefined;
    if (given) work(...given);
  };
  const call = (...given) => {
    pending = given;
    clearTimeout(timer);
    timer = setTimeout(run, delay);
  };
  call.flush = run;
  call.cancel = () => {
    clearTimeout(timer);
    pending = undefined;
  };
  return call;
}

/** The value of a key in localStorage, or null; `otherwise` if the browser stores nothing. */
export function recall(key, otherwise = null) {
  try {
    return localStorage.getItem(key);
  } catch {
    return otherwise;
  }
}

export const isTouch = () => matchMedia("(pointer: coarse)").matches;
