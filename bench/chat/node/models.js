// The chat's documents, with the fields and indexes of models/*.py.
import mongoose from 'mongoose';

const { ObjectId } = mongoose.Schema.Types;
const RECENT = 50;
const PREVIEW = 200;
const HEAD = { members: 1, lastSeq: 1, lastMessage: 1, updatedAt: 1 };
const DUPLICATE_KEY = 11000;

const schema = (collection, fields, ...indexes) => {
    const made = new mongoose.Schema(fields, { collection, versionKey: false, autoIndex: false });
    indexes.forEach(([keys, options]) => made.index(keys, options));
    return made;
};

const Users = mongoose.model('User', schema(
    'users',
    {
        fullName: { type: String, required: true, maxLength: 100 },
        email: { type: String, required: true, maxLength: 254 },
        password: { type: String, required: true },
        friends: [ObjectId],
        blocked: [ObjectId],
        createdAt: Date,
    },
    [{ email: 1 }, { unique: true }],
));

const Conversations = mongoose.model('Conversation', schema(
    'conversations',
    {
        userOneId: { type: ObjectId, required: true },
        userTwoId: { type: ObjectId, required: true },
        pairKey: { type: String, required: true },
        members: { type: [ObjectId], required: true },
        lastSeq: { type: Number, default: 0 },
        lastMessage: new mongoose.Schema(
            { message: ObjectId, userId: ObjectId, text: { type: String, maxLength: PREVIEW }, createdAt: Date },
            { _id: false },
        ),
        recent: [new mongoose.Schema({ seq: Number, message: ObjectId }, { _id: false })],
        createdAt: { type: Date, required: true },
        updatedAt: { type: Date, required: true },
    },
    [{ pairKey: 1 }, { unique: true }],
    [{ members: 1, updatedAt: -1, _id: -1 }],
));

const Messages = mongoose.model('Message', schema(
    'messages',
    {
        conversationId: { type: ObjectId, required: true },
        seq: { type: Number, required: true, min: 1 },
        userId: { type: ObjectId, required: true },
        clientMsgId: { type: String, maxLength: 128 },
        text: { type: String, required: true, maxLength: 8000 },
        createdAt: { type: Date, required: true },
    },
    [{ conversationId: 1, seq: 1 }, { unique: true }],
    [
        { conversationId: 1, userId: 1, clientMsgId: 1 },
        { unique: true, partialFilterExpression: { clientMsgId: { $exists: true } } },
    ],
));

/** Connects; throws if an index of the models is missing in the database. */
export const connect = async (uri, name) => {
    await mongoose.connect(uri, {
        dbName: name,
        autoIndex: false,
        maxPoolSize: 32, // as many as requests of the load at a time
        writeConcern: { w: 'majority', j: true, wtimeoutMS: 2000 },
        serverSelectionTimeoutMS: 2000,
    });
    for (const model of [Users, Conversations, Messages]) {
        const { toCreate } = await model.diffIndexes();
        if (toCreate.length) {
            throw new Error(`${model.modelName} lacks indexes: ${JSON.stringify(toCreate)}`);
        }
    }
};

export const disconnect = () => mongoose.disconnect();

/** Returns `{_id, fullName, email}` of an account, or null. */
export const account = (id) => Users.findById(id, { fullName: 1, email: 1 }).lean().exec();

/** Returns true if one of the two users has blocked the other. */
export const isBarred = async (one, other) =>
    (await Users.exists({ $or: [{ _id: one, blocked: other }, { _id: other, blocked: one }] }).lean()) !== null;

/** Returns a user's friends by id, in the order of adding. */
export const friendsOf = async (id) => {
    const owner = await Users.findById(id, { friends: 1 }).lean();
    const ids = owner?.friends ?? [];
    const names = new Map();
    for (const { _id, fullName } of await Users.find({ _id: { $in: ids } }, { fullName: 1 }).batchSize(ids.length + 1).lean()) {
        names.set(_id.toHexString(), fullName);
    }
    const friends = {};
    for (const key of ids) {
        const _id = key.toHexString();
        if (names.has(_id)) {
            friends[_id] = { _id, fullName: names.get(_id) };
        }
    }
    return friends;
};

const otherOf = ([one, two], userId) => {
    const first = one.toHexString();
    return first === userId ? two.toHexString() : first;
};

const seenBy = (userId, { _id, members, lastSeq, lastMessage, updatedAt }) => ({
    id: _id.toHexString(),
    friendId: otherOf(members, userId),
    lastSeq,
    lastMessage: lastMessage
        ? {
            _id: lastMessage.message.toHexString(),
            seq: lastSeq,
            text: lastMessage.text,
            createdAt: lastMessage.createdAt.toISOString(),
            userId: lastMessage.userId.toHexString(),
        }
        : null,
    updatedAt: updatedAt.toISOString(),
});

/** Returns a conversation as this member sees it; null if the user is not a member. */
export const conversationOf = async (id, userId) => {
    const found = await Conversations.findOne({ _id: id, members: userId }, HEAD).lean();
    return found && seenBy(userId, found);
};

/** Returns a user's conversations, most recently active first, and the cursor of the next page. */
export const conversationsOf = async (userId, limit, cursor) => {
    const mine = { members: userId };
    if (cursor) {
        const [milliseconds, key] = cursor.split('-');
        const moment = new Date(Number(milliseconds));
        mine.$or = [{ updatedAt: { $lt: moment } }, { updatedAt: moment, _id: { $lt: key } }];
    }
    const rows = await Conversations.find(mine, HEAD)
        .sort({ updatedAt: -1, _id: -1 }).limit(limit + 1).batchSize(limit + 2).lean();
    const more = rows.length > limit;
    const conversations = rows.slice(0, limit).map((row) => seenBy(userId, row));
    const last = rows[limit - 1];
    return { conversations, next: more ? `${last.updatedAt.getTime()}-${last._id}` : undefined };
};

/** Updates the head of a conversation; true if the message is newer than the head. */
export const push = async (message) => {
    const reference = { seq: message.seq, message: message._id };
    const onto = { $push: { recent: { $each: [reference], $sort: { seq: 1 }, $slice: -RECENT } } };
    const head = {
        lastSeq: message.seq,
        lastMessage: {
            message: message._id,
            userId: message.userId,
            text: message.text.slice(0, PREVIEW),
            createdAt: message.createdAt,
        },
        updatedAt: message.createdAt,
    };
    const _id = message.conversationId;
    const { matchedCount } = await Conversations.updateOne(
        { _id, lastSeq: { $lt: message.seq } }, { $set: head, ...onto },
    );
    if (matchedCount) {
        return true;
    }
    await Conversations.updateOne({ _id, 'recent.seq': { $ne: message.seq } }, onto);
    return false;
};

const asSent = ({ _id, conversationId, seq, text, createdAt, userId, clientMsgId }) => ({
    _id: _id.toHexString(),
    conversationId: conversationId.toHexString(),
    seq,
    text,
    createdAt: createdAt.toISOString(),
    userId: userId.toHexString(),
    msgId: clientMsgId ?? _id.toHexString(),
});

/** Stores a text under the next number; returns the message, and whether its client id was stored before. */
export const append = async (conversationId, userId, text, clientMsgId, after) => {
    for (let attempt = 1; ; ++attempt) {
        const newest = await Messages.findOne({ conversationId }, { seq: 1 }).sort({ seq: -1 }).lean();
        const seq = 1 + Math.max(newest?.seq ?? 0, after);
        try {
            const stored = await Messages.create({
                conversationId, seq, userId, clientMsgId, text, createdAt: new Date(),
            });
            return { message: asSent(stored), duplicate: false };
        } catch (error) {
            if (error.code !== DUPLICATE_KEY) {
                throw error;
            }
            const original = clientMsgId && (await Messages.findOne({ conversationId, userId, clientMsgId }).lean());
            if (original) {
                return { message: asSent(original), duplicate: true };
            }
            if (attempt === 100) {
                throw error;
            }
        }
    }
};

/** Returns a page of messages, oldest first, and whether more exist in that direction. */
export const page = async (conversationId, { before, after, limit }) => {
    const wanted = { conversationId };
    if (after !== undefined) {
        wanted.seq = { $gt: after };
    } else if (before !== undefined) {
        wanted.seq = { $lt: before };
    }
    const rows = await Messages.find(wanted)
        .sort({ seq: after === undefined ? -1 : 1 }).limit(limit + 1).batchSize(limit + 2).lean();
    const hasMore = rows.length > limit;
    const messages = rows.slice(0, limit).map(asSent);
    return { messages: after === undefined ? messages.reverse() : messages, hasMore };
};
