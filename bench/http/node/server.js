// hapi with Joi, for the same contract: `node server.js ROUTES TABLES PORT`.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Hapi from '@hapi/hapi';
import Joi from 'joi';

const [, , , tables, port] = process.argv;
const { before, after } = JSON.parse(readFileSync(join(tables, 'routes.json'), 'utf8'));

const items = (id) => [
    { id, name: 'first', done: false },
    { id: id + 1, name: 'second', done: true },
    { id: id + 2, name: 'third', done: false },
];

let last = 0;
const newId = () => (++last).toString(16).padStart(24, '0');

const furtherParams = (path) => {
    const keys = {};
    if (path.includes('{id}')) keys.id = Joi.number().integer().min(1).required();
    if (path.includes('{part}')) keys.part = Joi.string().max(32).required();
    return Object.keys(keys).length ? Joi.object(keys) : undefined;
};

const further = (path) => {
    const params = furtherParams(path);
    return { method: 'GET', path, handler: () => ({ ok: true }), options: params ? { validate: { params } } : {} };
};

const measured = [
    {
        method: 'GET',
        path: '/items/{id}',
        handler: ({ params: { id }, query: { limit, q = null } }) => ({ id, limit, q, items: items(id) }),
        options: {
            validate: {
                params: Joi.object({ id: Joi.number().integer().min(1).required() }),
                query: Joi.object({
                    limit: Joi.number().integer().min(1).max(100).default(20),
                    q: Joi.string().allow('').max(64),
                }),
            },
        },
    },
    {
        method: 'POST',
        path: '/messages/{conversationId}',
        handler: ({ params, payload: { text, msgId } }, h) =>
            h.response({ _id: newId(), text, msgId, conversationId: params.conversationId }).code(201),
        options: {
            validate: {
                params: Joi.object({ conversationId: Joi.string().pattern(/^[0-9a-f]{24}$/).required() }),
                payload: Joi.object({
                    text: Joi.string().min(1).max(8000).required(),
                    msgId: Joi.string().allow('').max(64).required(),
                    createdAt: Joi.string().isoDate(),
                }).required(),
            },
        },
    },
];

const server = Hapi.server({ host: '127.0.0.1', port: Number(port) });
server.route([...before.map(further), ...measured, ...after.map(further)]);
await server.start();

process.on('SIGTERM', () => server.stop({ timeout: 0 }));
