/**
 * Returns a UUID of version 4. `crypto.randomUUID` exists only in secure contexts, and not in React Native.
 *
 * @param {() => number} random
 */
export function uuid(random) {
  const bytes = new Uint8Array(16);
  if (globalThis.crypto?.getRandomValues) globalThis.crypto.getRandomValues(bytes);
  else for (let index = 0; index < 16; index++) bytes[index] = Math.floor(random() * 256);
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/**
 * Returns the milliseconds to wait before an attempt: exponential, with jitter of ± 50 %.
 *
 * @param {number} attempt  from 0
 * @param {number} longest
 * @param {() => number} random
 */
export function backoff(attempt, longest, random) {
  return Math.min(500 * 2 ** Math.min(attempt, 10), longest) * (0.5 + random());
}

/**
 * Waits.
 *
 * @param {number} milliseconds
 * @returns {Promise<void>}
 */
export function sleep(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
