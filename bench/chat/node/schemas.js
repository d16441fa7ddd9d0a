// The schemas of routes.yaml in joi.
import Joi from 'joi';

const id = Joi.string().pattern(/^[0-9a-f]{24}$/);
const time = Joi.string().isoDate();
const seq = Joi.number().integer().min(0);
const text = Joi.string().min(1).max(8000);
const msgId = Joi.string().min(1).max(128);
const required = (keys) => Joi.object(keys).options({ presence: 'required' });

const outgoing = {
    text: text.required(),
    msgId,
    senderId: id,
    receiverId: id,
    createdAt: time,
};

export const ofConversation = Joi.object({ conversationId: id });
export const newMessage = Joi.object(outgoing).required();
export const messageEvent = Joi.object({ ...outgoing, conversationId: id.required() }).required();
export const init = Joi.object({ senderId: id.required() }).required();

export const conversationsQuery = Joi.object({
    limit: Joi.number().integer().min(1).max(200).default(200),
    cursor: Joi.string().pattern(/^[0-9]{1,13}-[0-9a-f]{24}$/),
});
export const messagesQuery = Joi.object({
    before: seq,
    after: seq,
    limit: Joi.number().integer().min(1).max(200).default(200),
}).oxor('before', 'after');

export const message = required({
    _id: id,
    conversationId: id,
    seq,
    text,
    createdAt: time,
    userId: id,
    msgId,
    duplicate: Joi.valid(true).optional(),
});
export const messagePage = required({ id, messages: Joi.array().items(message), hasMore: Joi.boolean(), lastSeq: seq });
export const messageAck = required({ message, duplicate: Joi.boolean() });
export const initAck = required({ userId: id, socketId: Joi.string(), heads: Joi.object().pattern(id, seq) });
export const friends = Joi.object().pattern(id, required({ _id: id, fullName: Joi.string().allow('') }));
export const conversations = Joi.array().items(required({
    id,
    friendId: id,
    lastSeq: seq,
    lastMessage: required({
        _id: id,
        seq,
        text: Joi.string().allow('').max(200),
        createdAt: time,
        userId: id,
    }).allow(null),
    updatedAt: time,
}));
