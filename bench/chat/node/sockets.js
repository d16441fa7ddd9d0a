// The chat's Socket.IO namespace.
import Boom from '@hapi/boom';
import Jwt from '@hapi/jwt';
import Joi from 'joi';
import { Server } from 'socket.io';

import { coded, limit, room, send } from './chat.js';
import * as models from './models.js';
import * as schemas from './schemas.js';

const unauthorized = () => coded(Boom.unauthorized('There is no such account'), 'unauthorized');

const verified = async (token, key) => {
    let artifacts;
    try {
        artifacts = Jwt.token.decode(token);
        Jwt.token.verify(artifacts, key, { aud: false, iss: false, sub: false });
    } catch {
        throw unauthorized();
    }
    const { sub, exp } = artifacts.decoded.payload;
    if (!(await models.account(sub))) {
        throw unauthorized();
    }
    return { id: sub, expires: exp * 1000 };
};

const failed = (error) => {
    const known = Boom.isBoom(error) ? error : Boom.boomify(error);
    return { ok: false, error: { ...known.output.payload, ...known.data?.fields } };
};

/** Serves the namespace on the listener of a hapi server; `checked` validates acknowledgements, too. */
export const attach = (listener, key, checked) => {
    const io = new Server(listener, { transports: ['websocket'], serveClient: false, maxHttpBufferSize: 65536 });
    const acknowledged = (schema, answer) => ({ ok: true, ...(checked ? Joi.attempt(answer, schema) : answer) });

    io.use(async (socket, next) => {
        try {
            const user = await verified(socket.handshake.auth.token, key);
            socket.data = { id: user.id, sender: { last: undefined } };
            const timer = setTimeout(() => socket.disconnect(true), Math.min(user.expires - Date.now(), 2 ** 31 - 1));
            socket.on('disconnect', () => clearTimeout(timer));
            next();
        } catch (error) {
            next(Object.assign(new Error(error.message), { data: error.output?.payload }));
        }
    });

    /** Handles an event: validated, its account loaded, always acknowledged. */
    const handle = (socket, event, schema, work) => socket.on(event, async (payload, acknowledge) => {
        const answer = typeof acknowledge === 'function' ? acknowledge : () => undefined;
        try {
            const { error, value } = schema.validate(payload, { convert: false });
            if (error) {
                throw Boom.badRequest(error.message);
            }
            await work(value, answer);
        } catch (error) {
            answer(failed(error));
        }
    });

    io.on('connection', (socket) => {
        const { id, sender } = socket.data;
        socket.join(room(id));
        const mustExist = async () => {
            if (!(await models.account(id))) {
                throw unauthorized();
            }
        };
        handle(socket, 'init', schemas.init, async ({ senderId }, answer) => {
            await mustExist();
            if (senderId !== id) {
                throw coded(Boom.forbidden('You are not the user that this event names'), 'forbidden');
            }
            const { conversations } = await models.conversationsOf(id, 200);
            const heads = Object.fromEntries(conversations.map((one) => [one.id, one.lastSeq]));
            answer(acknowledged(schemas.initAck, { userId: id, socketId: socket.id, heads }));
        });
        handle(socket, 'message', schemas.messageEvent, async (given, answer) => {
            const wait = limit.take(id);
            if (wait) {
                throw coded(Boom.tooManyRequests('Too many messages', { fields: { retryAfter: wait } }),
                    'rate_limited');
            }
            await send(id, given.conversationId, given, {
                sender,
                authorize: mustExist,
                acknowledge: (message, duplicate) =>
                    answer(acknowledged(schemas.messageAck, { message, duplicate })),
                emit: (rooms, live) => socket.to(rooms).emit('message', live),
            });
        });
    });
    return io;
};
