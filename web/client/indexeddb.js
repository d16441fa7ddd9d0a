/** @typedef {import("./types.js").Storage} Storage */
/** @typedef {import("./types.js").Operations} Operations */

const STORE = "values";

/**
 * A storage in a database of the browser. Its tabs and a service worker share it.
 *
 * @param {string} [name]
 * @returns {Storage}
 */
export function indexedDBStorage(name = "chat") {
  /** @type {Promise<IDBDatabase>|null} */
  let opening = null;

  const database = () => {
    opening ??= new Promise((resolve, reject) => {
      const request = indexedDB.open(name, 1);
      request.onupgradeneeded = () => void request.result.createObjectStore(STORE);
      request.onerror = () => reject(request.error);
      request.onsuccess = () => {
        const opened = request.result;
        const forget = () => (opening = null);
        // Without this, another tab could not delete or upgrade the database.
        opened.onversionchange = () => (opened.close(), forget());
        opened.onclose = forget;
        resolve(opened);
      };
    });
    opening.catch(() => (opening = null));
    return opening;
  };

  /**
   * @param {IDBObjectStore} store
   * @returns {Operations}
   */
  const over = (store) => ({
    get: (key) => answerOf(store.get(key)),
    set: async (key, value) => void (await answerOf(store.put(value, key))),
    delete: (key) => answerOf(store.delete(key)),
    keys: async (prefix) => {
      const range = IDBKeyRange.bound(prefix, `${prefix}\uffff`);
      return /** @type {string[]} */ (await answerOf(store.getAllKeys(range)));
    },
  });

  /**
   * @template T
   * @param {(operations: Operations) => Promise<T>} work
   * @param {IDBTransactionMode} [mode]
   * @returns {Promise<T>}
   */
  const transaction = async (work, mode = "readwrite") => {
    const opened = await database();
    const current = opened.transaction(STORE, mode);
    const ended = new Promise((resolve, reject) => {
      current.oncomplete = resolve;
      current.onabort = current.onerror = () => reject(current.error);
    });
    ended.catch(() => undefined);
    try {
      const answer = await work(over(current.objectStore(STORE)));
      await ended;
      return answer;
    } catch (error) {
      try {
        current.abort();
      } catch {
        // It has ended.
      }
      throw error;
    }
  };

  return {
    name,
    get: (key) => transaction((operations) => operations.get(key), "readonly"),
    set: (key, value) => transaction((operations) => operations.set(key, value)),
    delete: (key) => transaction((operations) => operations.delete(key)),
    keys: (prefix) => transaction((operations) => operations.keys(prefix), "readonly"),
    transaction,
    channel: typeof BroadcastChannel === "undefined" ? undefined : () => broadcast(name),
  };
}

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
function answerOf(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/**
 * @param {string} name
 * @returns {import("./types.js").Channel}
 */
function broadcast(name) {
  const channel = new BroadcastChannel(`chat-${name}`);
  return {
    post: (message) => channel.postMessage(message),
    subscribe: (listener) => {
      /** @param {MessageEvent} event */
      const receive = (event) => listener(event.data);
      channel.addEventListener("message", receive);
      return () => channel.removeEventListener("message", receive);
    },
    close: () => channel.close(),
  };
}
