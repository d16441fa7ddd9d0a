/** The client core of the chat: connection, catch-up, state and queue, without a user interface. */
export { Client } from "./client.js";
export { ApiError } from "./errors.js";
export { indexedDBStorage } from "./indexeddb.js";
export { memoryStorage } from "./memory.js";
