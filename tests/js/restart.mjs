// A client that reconnects after a restart: `node restart.mjs ADDRESS`. Prints a line for each event and exits after the
// second connection.
import { io } from "socket.io-client";

const [address] = process.argv.slice(2);
const client = io(address, { transports: ["websocket"], reconnectionDelay: 50, reconnectionDelayMax: 200 });
let connections = 0;

client.on("connect", async () => {
  console.log("connect");
  connections += 1;
  if (connections === 2) {
    console.log(JSON.stringify(await client.timeout(5000).emitWithAck("echo", 1)));
    client.disconnect();
  }
});
client.on("disconnect", (reason) => console.log(reason));
