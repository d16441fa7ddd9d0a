// The chat's API on hapi, joi, mongoose and socket.io: `node server.js PORT`, with MONGODB_URI and JWT_SECRET.
import Boom from '@hapi/boom';
import Hapi from '@hapi/hapi';
import Jwt from '@hapi/jwt';

import { coded, limit, ofCaller, send } from './chat.js';
import * as models from './models.js';
import * as schemas from './schemas.js';
import { attach } from './sockets.js';

const { MONGODB_URI, JWT_SECRET, CHAT_RESPONSES } = process.env;
const checked = CHAT_RESPONSES === 'validated';
const key = { key: JWT_SECRET, algorithms: ['HS256'] };
const response = (status) => (checked ? { status } : {});

await models.connect(MONGODB_URI, 'chat');

const server = Hapi.server({
    host: '127.0.0.1',
    port: Number(process.argv[2]),
    routes: { security: true, payload: { maxBytes: 65536 } },
});
await server.register(Jwt);
server.auth.strategy('session', 'jwt', {
    keys: key,
    verify: { aud: false, iss: false, sub: false },
    validate: async ({ decoded: { payload } }) => {
        const user = await models.account(payload.sub);
        return { isValid: user !== null, credentials: user && { id: payload.sub, ...user } };
    },
});
server.auth.default('session');

server.route([
    {
        method: 'GET',
        path: '/friends',
        handler: ({ auth }) => models.friendsOf(auth.credentials.id),
        options: { response: response({ 200: schemas.friends }) },
    },
    {
        method: 'GET',
        path: '/conversations',
        handler: async ({ auth, query }, h) => {
            const { conversations, next } = await models.conversationsOf(auth.credentials.id, query.limit, query.cursor);
            const answer = h.response(conversations);
            return next ? answer.header('x-next-cursor', next) : answer;
        },
        options: { validate: { query: schemas.conversationsQuery }, response: response({ 200: schemas.conversations }) },
    },
    {
        method: 'GET',
        path: '/messages/{conversationId}',
        handler: async ({ auth, params, query }) => {
            const conversation = await ofCaller(params.conversationId, auth.credentials.id);
            const { messages, hasMore } = await models.page(conversation.id, query);
            const newest = messages.at(-1)?.seq ?? 0;
            return { id: conversation.id, messages, hasMore, lastSeq: Math.max(newest, conversation.lastSeq) };
        },
        options: {
            validate: { params: schemas.ofConversation, query: schemas.messagesQuery },
            response: response({ 200: schemas.messagePage }),
        },
    },
    {
        method: 'POST',
        path: '/messages/{conversationId}',
        handler: ({ auth, params, payload }, h) => send(auth.credentials.id, params.conversationId, payload, {
            acknowledge: (message, duplicate) =>
                (duplicate ? h.response({ ...message, duplicate: true }) : h.response(message).code(201)),
            emit: (rooms, live) => io.to(rooms).emit('message', live),
        }),
        options: {
            validate: { params: schemas.ofConversation, payload: schemas.newMessage },
            response: response({ 200: schemas.message, 201: schemas.message }),
            ext: {
                onPostAuth: {
                    method: ({ auth }, h) => {
                        const wait = limit.take(auth.credentials.id);
                        if (!wait) {
                            return h.continue;
                        }
                        const error = coded(Boom.tooManyRequests('Too many messages'), 'rate_limited');
                        error.output.headers['retry-after'] = wait;
                        throw error;
                    },
                },
            },
        },
    },
]);

const io = attach(server.listener, key, checked);
await server.start();

process.on('SIGTERM', async () => {
    await io.close();
    await server.stop({ timeout: 0 });
    await models.disconnect();
    process.exit();
});
