// A socket that loses its access learns why, and that the server has disconnected it.
import { io } from "socket.io-client";

const socket = io(process.argv[2], { transports: ["websocket"], reconnection: false, auth: { token: process.argv[3] } });
let kicked;
socket.on("connect", () => console.log("connected"));
socket.on("kicked", (body) => { kicked = body; });
socket.on("disconnect", (reason) => {
  console.log(JSON.stringify({ reason, kicked }));
  socket.io.engine.close();
});
