/** @typedef {import("./types.js").Person} Person */

const HELD = 2000;

/** Names and pictures of users. Each is read once; the least recently used ones are removed. */
export class People {
  #read;
  /** @type {Map<string, Promise<Person>>} */
  #people = new Map();

  /** @param {(userId: string) => Promise<Person>} read */
  constructor(read) {
    this.#read = read;
  }

  /**
   * Returns a user.
   *
   * @param {string} userId
   */
  get(userId) {
    const held = this.#people.get(userId) ?? this.#fetch(userId);
    this.#people.delete(userId);
    this.#people.set(userId, held);
    const [oldest] = this.#people.keys();
    if (this.#people.size > HELD && oldest !== undefined) this.#people.delete(oldest);
    return held;
  }

  /**
   * Takes a user's new state.
   *
   * @param {Person} person
   */
  take(person) {
    if (this.#people.has(person._id)) this.#people.set(person._id, Promise.resolve(person));
  }

  /** Forgets everything. */
  clear() {
    this.#people.clear();
  }

  /** @param {string} userId */
  #fetch(userId) {
    const reading = this.#read(userId);
    reading.catch(() => this.#people.delete(userId)); // the next caller tries again
    return reading;
  }
}
