import { sleep, uuid } from "./random.js";

/** @typedef {import("./types.js").Storage} Storage */

const LEASE = 10_000; // milliseconds

/**
 * Locks among the clients that share a storage: Web Locks if they exist, else a lease in the storage, which ends by
 * itself when its holder ends. A suspended client can lose a lease, so work under a lock must be harmless if it is done
 * twice.
 */
export class Locks {
  #storage;
  #now;
  #owner;
  #held = 0;

  /**
   * @param {Storage} storage
   * @param {() => number} now
   * @param {() => number} random
   */
  constructor(storage, now, random) {
    this.#storage = storage;
    this.#now = now;
    this.#owner = uuid(random);
  }

  /**
   * Waits for a lock, calls `work`, and releases the lock when it has ended. An aborted `signal` ends the waiting; the
   * result is then undefined.
   *
   * @template T
   * @param {string} name
   * @param {() => Promise<T>} work
   * @param {AbortSignal} [signal]
   * @returns {Promise<T|undefined>}
   */
  async hold(name, work, signal) {
    const manager = this.#storage.name.startsWith("memory-") ? undefined : globalThis.navigator?.locks;
    if (!manager) return this.#lease(name, work, signal);
    try {
      return await manager.request(`${this.#storage.name}/${name}`, signal ? { signal } : {}, work);
    } catch (error) {
      if (signal?.aborted) return undefined;
      throw error;
    }
  }

  /**
   * @template T
   * @param {string} name
   * @param {() => Promise<T>} work
   * @param {AbortSignal} [signal]
   * @returns {Promise<T|undefined>}
   */
  async #lease(name, work, signal) {
    const key = `lock/${name}`;
    // The parts of one client also wait for each other, because one client could hold the lock twice.
    const owner = `${this.#owner}/${++this.#held}`;
    const take = () =>
      this.#storage.transaction(async (operations) => {
        const lease = await operations.get(key);
        if (lease && lease.owner !== owner && lease.until > this.#now()) return false;
        await operations.set(key, { owner, until: this.#now() + LEASE });
        return true;
      });
    for (let attempt = 0; !(await take()); attempt++) {
      if (signal?.aborted) return undefined;
      await sleep(Math.min(20 * 2 ** attempt, LEASE / 10));
    }
    const renewal = setInterval(() => void take().catch(() => undefined), LEASE / 3);
    try {
      return signal?.aborted ? undefined : await work();
    } finally {
      clearInterval(renewal);
      await this.#storage.transaction(async (operations) => {
        if ((await operations.get(key))?.owner === owner) await operations.delete(key);
      });
    }
  }
}
