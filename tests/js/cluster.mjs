// Connects clients until two are in different processes, and lets each tell the other.
import { io } from "socket.io-client";

const address = process.argv[2];
const seen = new Map();
while (seen.size < 2) {
  const socket = io(address, { transports: ["websocket"], forceNew: true });
  await new Promise((resolve) => socket.on("connect", resolve));
  const { pid } = await socket.emitWithAck("where");
  if (seen.has(pid)) socket.disconnect();
  else seen.set(pid, socket);
}
const [a, b] = seen.values();
for (const [from, to] of [[a, b], [b, a]]) {
  const news = new Promise((resolve) => to.once("news", resolve));
  const { ok } = await from.emitWithAck("tell", { n: 1 });
  if (!ok || (await news).n !== 1) throw new Error("not told");
}
for (const socket of [a, b]) socket.disconnect();
console.log("reached");
