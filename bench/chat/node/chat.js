// What a send does, over HTTP and over sockets: stored, then acknowledged, then delivered.
import Boom from '@hapi/boom';

import * as models from './models.js';
import { Limit, Turns } from './order.js';

export const limit = new Limit(Number(process.env.CHAT_LIMIT ?? 5), Number(process.env.CHAT_BURST ?? 100));
const appends = new Turns();
const deliveries = new Turns();

export const room = (userId) => `user:${userId}`;

/** Returns the error with a code in its payload. */
export const coded = (error, code) => {
    error.output.payload.code = code;
    return error;
};

export const ofCaller = async (conversationId, me) => {
    const found = await models.conversationOf(conversationId, me);
    if (!found) {
        throw coded(Boom.notFound('There is no such conversation'), 'not_found');
    }
    return found;
};

/**
 * Stores a message of `me`, then calls `acknowledge(message, duplicate)`, then delivers it by `emit(rooms, live)`.
 *
 * `authorize` is the first check. The checks of one sender's messages run beside each other; `sender.last`, if given, keeps their order at the store.
 */
export const send = async (me, conversationId, given, { sender, authorize, acknowledge, emit }) => {
    const before = sender?.last;
    let entered = () => undefined;
    if (sender) {
        sender.last = new Promise((resolve) => (entered = resolve));
    }
    let stored;
    let friend;
    try {
        await authorize?.();
        if ((given.senderId ?? me) !== me) {
            throw coded(Boom.forbidden('You are not the sender that this message names'), 'forbidden');
        }
        const conversation = await ofCaller(conversationId, me);
        friend = conversation.friendId;
        if ((given.receiverId ?? friend) !== friend) {
            throw coded(Boom.forbidden('The receiver is not a member of this conversation'), 'forbidden');
        }
        if (await models.isBarred(me, friend)) {
            throw coded(Boom.forbidden('One of you has blocked the other'), 'blocked');
        }
        await before;
        stored = appends.run(conversationId, () =>
            models.append(conversationId, me, given.text, given.msgId, conversation.lastSeq));
    } finally {
        entered();
    }
    const { message, duplicate } = await stored;
    return deliveries.run(conversationId, async () => {
        const behind = await models.push({ ...message, createdAt: new Date(message.createdAt) });
        const answer = acknowledge(message, duplicate);
        if (behind || !duplicate) {
            const { _id, seq, text, createdAt, msgId } = message;
            emit([room(friend), room(me)],
                { _id, conversationId, seq, text, senderId: me, receiverId: friend, createdAt, msgId });
        }
        return answer;
    });
};
