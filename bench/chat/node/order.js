// Order without waiting longer than needed: works of one key run one after another, other keys beside them.
export class Turns {
    #last = new Map();

    /** Runs `work` after the earlier works of this key, and returns its result. */
    run(key, work) {
        const before = this.#last.get(key);
        const own = before ? before.then(work, work) : work();
        const settled = own.catch(() => undefined);
        this.#last.set(key, settled);
        settled.then(() => this.#last.get(key) === settled && this.#last.delete(key));
        return own;
    }
}

/** A limit of `max` operations a second, with `burst` at once, for each key; in memory. */
export class Limit {
    #full = new Map(); // key → the time in ms at which its allowance is whole again

    constructor(max, burst) {
        this.interval = 1000 / max;
        this.capacity = burst * this.interval;
    }

    /** Returns 0 and counts the operation, or the seconds to wait. */
    take(key) {
        const now = Date.now();
        const full = Math.max(this.#full.get(key) ?? 0, now) + this.interval;
        if (full - now > this.capacity) {
            return Math.ceil((full - now - this.capacity) / 1000);
        }
        this.#full.set(key, full);
        return 0;
    }
}
