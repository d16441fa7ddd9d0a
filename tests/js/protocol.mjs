// Tests several arguments, attachments and parameters with the JavaScript client: `node protocol.mjs ADDRESS`.
import { io } from "socket.io-client";

const [address, without] = process.argv.slice(2);
const findings = {};

function connect(url, options = {}) {
  return io(url, { reconnection: false, forceNew: true, ...options });
}

function once(socket, event) {
  return new Promise((resolve) => socket.once(event, (...given) => resolve(given)));
}

const raw = connect(`${address}/raw`);
await once(raw, "connect");
findings.several = await new Promise((resolve) => raw.emit("both", 1, { a: [2] }, (...given) => resolve(given)));
const [first, second] = await new Promise((resolve) =>
  raw.emit("both", Buffer.from("abc"), new Uint8Array([1, 2]), (...given) => resolve(given)),
);
findings.binary = [Buffer.from(first).toString(), [...new Uint8Array(second)]];
const back = once(raw, "back");
raw.emit("bounce", "x", Buffer.from("yz"));
findings.bounced = (await back).map((each) => (typeof each === "string" ? each : Buffer.from(each).toString()));
findings.emoji = await raw.timeout(5000).emitWithAck("both", "party 🎉".slice(0, 7));

const room = connect(`${address}/room-5`);
await once(room, "connect");
findings.room = await room.timeout(5000).emitWithAck("anything", 1);
const [refusal] = await once(connect(`${address}/room-x`), "connect_error");
findings.refused = refusal.data.statusCode;

const [error] = await once(connect(without), "connect_error");
findings.polling = [error.message, error.description, await (await fetch(`${without}/socket.io/?EIO=4&transport=polling`)).json()];
const upgraded = connect(`${address}/raw`);
const upgrade = new Promise((resolve) => upgraded.io.engine.once("upgrade", resolve)); // it may come before "connect"
await once(upgraded, "connect");
await upgrade;
findings.upgraded = await upgraded.timeout(5000).emitWithAck("both", 1);

console.log(JSON.stringify(findings));
process.exit(0);
