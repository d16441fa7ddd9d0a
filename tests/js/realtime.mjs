// Tests a realtime server with the JavaScript client: `node realtime.mjs ADDRESS`. Prints its findings as one object.
import { io } from "socket.io-client";

const [address] = process.argv.slice(2);
const findings = {};

function connect(namespace = "", options = {}) {
  return io(address + namespace, { transports: ["websocket"], reconnection: false, forceNew: true, ...options });
}

function once(socket, event) {
  return new Promise((resolve) => socket.once(event, (...given) => resolve(given)));
}

const client = connect("", { auth: { token: "good" } });
await once(client, "connect");
findings.connected = client.connected && client.id.length > 0;
findings.echo = await client.timeout(5000).emitWithAck("echo", { text: "žluť", when: new Date(0) });
findings.nothing = await client.timeout(5000).emitWithAck("echo");
findings.failing = await client.timeout(5000).emitWithAck("fail");
findings.unknown = await client.timeout(5000).emitWithAck("nowhere", {});
findings.binary = await client.timeout(5000).emitWithAck("echo", Buffer.from("abc"));
const acks = await Promise.all(Array.from({ length: 50 }, (_, n) => client.timeout(5000).emitWithAck("slow", n)));
findings.order = acks.map((ack) => ack.place);

const other = connect("", { auth: (give) => give({ token: "good" }) });
await once(other, "connect");
const told = once(other, "told");
findings.tell = await client.timeout(5000).emitWithAck("tell", { to: other.id });
findings.told = await told;

const refused = connect("", { auth: { token: "old" } });
const [refusal] = await once(refused, "connect_error");
findings.refusal = { message: refusal.message, data: refusal.data, active: refused.active };
refused.auth.token = "good";
refused.connect();
await once(refused, "connect");
findings.secondTry = refused.connected;

const nowhere = connect("/nowhere");
findings.nowhere = (await once(nowhere, "connect_error"))[0].message;

const chat = connect("/chat");
await once(chat, "connect");
findings.chat = await chat.timeout(5000).emitWithAck("who");

const upgraded = connect("", { transports: ["polling", "websocket"], auth: { token: "good" } });
const upgrade = new Promise((resolve) => upgraded.io.engine.once("upgrade", resolve)); // it may come before "connect"
await once(upgraded, "connect");
if (upgraded.io.engine.transport.name !== "websocket") {
  await upgrade;
}
findings.upgraded = await upgraded.timeout(5000).emitWithAck("echo", 1);

const bye = once(client, "disconnect");
findings.bye = await client.timeout(5000).emitWithAck("bye");
findings.byeReason = (await bye)[0];

for (const socket of [client, other, refused, nowhere, chat, upgraded]) socket.disconnect();
console.log(JSON.stringify(findings));
