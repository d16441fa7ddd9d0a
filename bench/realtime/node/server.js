// Node's plain socket.io: `node server.js PORT`.
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer();
const io = new Server(http, { transports: ["websocket"], serveClient: false });

io.on("connection", (socket) => {
  socket.join(socket.handshake.auth.user);
  socket.on("message", (data, acknowledge) => {
    socket.to(data.receiverId).emit("message", data);
    acknowledge({ ok: true });
  });
});

http.listen(Number(process.argv[2]), "127.0.0.1");
