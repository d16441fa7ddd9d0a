/**
 * The shapes of the chat's API (docs/chat.md) and of this client. This module has types only.
 *
 * @typedef {{_id: string, fullName: string, avatar?: string, about?: string}} Person
 * @typedef {{id: string, name: string, type: string, size: number, width?: number, height?: number}} Attachment
 *
 * @typedef {object} Message
 * @property {string} _id
 * @property {string} conversationId
 * @property {number} seq  its number in the conversation: 1, 2, 3 …
 * @property {string} text
 * @property {string} createdAt
 * @property {string} userId  the sender
 * @property {string} msgId  the sender's key, the same at every repetition
 * @property {"system"} [type]
 * @property {Attachment[]} [attachments]
 * @property {{seq: number, userId: string, text: string}} [replyTo]
 * @property {string[]} [mentions]
 * @property {string} [editedAt]
 * @property {string} [deletedAt]
 * @property {number} [rev]  absent is 0; each change of the message adds one
 * @property {Record<string, string[]>} [reactions]
 * @property {boolean} [streaming]
 * @property {{kind: string, [key: string]: unknown}} [system]
 *
 * @typedef {{readSeq: number, deliveredSeq: number}} Pointers
 * @typedef {{text: string, updatedAt?: string, replyTo?: number}} Draft
 *
 * @typedef {object} Preview
 * @property {string} _id
 * @property {number} seq
 * @property {string} text  the first 200 characters
 * @property {string} createdAt
 * @property {string} userId
 * @property {string} [deletedAt]
 * @property {string} [type]
 * @property {{kind: string, [key: string]: unknown}} [system]
 *
 * @typedef {object} Conversation  as the user sees it
 * @property {string} id
 * @property {string|null} friendId  null in a group
 * @property {number} lastSeq
 * @property {Preview|null} lastMessage
 * @property {string} updatedAt
 * @property {"direct"|"group"} [type]
 * @property {string} [title]
 * @property {string} [avatar]
 * @property {number} [memberCount]
 * @property {"owner"|"admin"|"member"} [role]
 * @property {number} [changeSeq]
 * @property {number} [readSeq]
 * @property {number} [deliveredSeq]
 * @property {number} [unread]
 * @property {number} [unreadFrom]
 * @property {"all"|"joined"} [history]
 * @property {number} [firstSeq]
 * @property {string} [mutedUntil]
 * @property {Draft} [draft]
 * @property {number[]} [pins]
 * @property {Record<string, Pointers>} [receipts]
 *
 * @typedef {{userId: string, fullName: string, avatar?: string, role: string, joinedAt: string}} Member
 * @typedef {{online: boolean, lastSeen?: string}} Presence
 * @typedef {{myId: string, fullName: string, email: string}} Account
 *
 * @typedef {object} Tokens  the answer of /register, /login and /token/refresh
 * @property {string} token
 * @property {string} expiresAt
 * @property {string} [refreshToken]
 * @property {string} [refreshExpiresAt]
 * @property {string} [sessionId]
 * @property {Account} [user]
 *
 * @typedef {object} SyncAnswer
 * @property {string} cursor
 * @property {string} serverTime
 * @property {Conversation[]} heads
 * @property {Record<string, Message[]>} messages
 * @property {Record<string, (Message|{seq: number, hidden: true})[]>} changes
 * @property {string[]} limited
 * @property {string[]} removed
 * @property {boolean} more
 * @property {{profile?: any, friends?: any, blocks?: any}} [account]
 *
 * @typedef {"signed_out"|"offline"|"connecting"|"online"} State
 * @typedef {{state: State, reason?: string, retryAt?: number}} ConnectionState
 *
 * @typedef {"queued"|"sending"|"failed"|"sent"|"delivered"|"read"|"received"} Status
 * @typedef {Message & {status: Status, error?: {code: string, message: string}}} ShownMessage
 *   a message with its status; one that is not acknowledged has the `seq` 0 and its `msgId` as `_id`
 *
 * @typedef {object} Outgoing
 * @property {string} [text]
 * @property {(Attachment|string)[]} [attachments]  ids, or the values of `upload`, which are shown while the message waits
 * @property {number} [replyTo]  the `seq` of a message
 * @property {string[]} [mentions]
 * @property {boolean} [streaming]
 * @property {string} [msgId]  by default a new UUID
 *
 * @typedef {object} Entry  one event for the server, kept until it is acknowledged
 * @property {string} key  its place in the order of all entries
 * @property {string} lane  entries of one lane are sent one after another
 * @property {string} event
 * @property {Record<string, any>} data
 * @property {string} createdAt
 * @property {string} [slot]  a later entry with the same slot replaces a waiting one
 * @property {boolean} [isKept]  true for an entry that survives a restart
 * @property {Attachment[]} [attachments]  the attachments of a message, for display
 * @property {"queued"|"sending"|"failed"} state
 * @property {{code: string, message: string, statusCode: number}} [error]
 *
 * @typedef {object} Operations
 * @property {(key: string) => Promise<any>} get  undefined if it does not exist
 * @property {(key: string, value: any) => Promise<void>} set
 * @property {(key: string) => Promise<void>} delete
 * @property {(prefix: string) => Promise<string[]>} keys  sorted
 *
 * @typedef {object} Channel
 * @property {(message: any) => void} post  sends to the other clients of this storage
 * @property {(listener: (message: any) => void) => () => void} subscribe
 * @property {() => void} close
 *
 * @typedef {object} StorageExtras
 * @property {string} name  the same for every client that shares the storage
 * @property {<T>(work: (operations: Operations) => Promise<T>) => Promise<T>} transaction
 *   all writes of `work` or none; `work` must wait only for these operations
 * @property {() => Channel} [channel]  absent if no other client can share the storage
 *
 * @typedef {Operations & StorageExtras} Storage
 */

export {};
