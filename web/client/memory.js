/** @typedef {import("./types.js").Storage} Storage */
/** @typedef {import("./types.js").Operations} Operations */

let count = 0;

/**
 * A storage in memory. Clients that get the same object share it, as tabs share a database.
 *
 * @returns {Storage}
 */
export function memoryStorage() {
  /** @type {Map<string, string>} */
  let values = new Map();
  /** @type {Set<{listener: (message: any) => void, owner: object}>} */
  const listeners = new Set();
  let turn = Promise.resolve();

  /**
   * @param {() => Map<string, string>} target
   * @returns {Operations}
   */
  const over = (target) => ({
    get: async (key) => {
      const text = target().get(key);
      return text === undefined ? undefined : JSON.parse(text);
    },
    set: async (key, value) => void target().set(key, JSON.stringify(value)),
    delete: async (key) => void target().delete(key),
    keys: async (prefix) => [...target().keys()].filter((key) => key.startsWith(prefix)).sort(),
  });

  /**
   * @template T
   * @param {(operations: Operations) => Promise<T>} work
   * @returns {Promise<T>}
   */
  const transaction = (work) => {
    const result = turn.then(async () => {
      const copy = new Map(values);
      const answer = await work(over(() => copy));
      values = copy;
      return answer;
    });
    turn = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  };

  return {
    name: `memory-${++count}`,
    get: over(() => values).get,
    set: (key, value) => transaction((operations) => operations.set(key, value)),
    delete: (key) => transaction((operations) => operations.delete(key)),
    keys: over(() => values).keys,
    transaction,
    channel: () => {
      const owner = {};
      return {
        post: (message) => {
          for (const other of [...listeners]) if (other.owner !== owner) queueMicrotask(() => other.listener(message));
        },
        subscribe: (listener) => {
          const entry = { listener, owner };
          listeners.add(entry);
          return () => void listeners.delete(entry);
        },
        close: () => {
          for (const entry of [...listeners]) if (entry.owner === owner) listeners.delete(entry);
        },
      };
    },
  };
}
