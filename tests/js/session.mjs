// Tokens that expire while the client works: `node session.mjs ADDRESS`, with tokens that last a few seconds.
import assert from "node:assert/strict";
import { io } from "socket.io-client";
import { Client, memoryStorage } from "../../web/client/index.js";

const [address] = process.argv.slice(2);
let renewals = 0;
const counted = (url, init) => {
  if (String(url).endsWith("/token/refresh")) renewals++;
  return fetch(url, init);
};
const until = (who, name, isTrue) =>
  new Promise((resolve) => {
    const stop = who.on(name, () => {
      if (!isTrue()) return;
      stop();
      resolve(undefined);
    });
    if (isTrue()) resolve(undefined);
  });
const form = { fullName: "Ann", email: `ann${process.pid}@example.org`, password: "Ann's password" };

const disk = memoryStorage();
const client = new Client({ url: address, io, storage: disk, fetch: counted });
await client.register(form);
await until(client, "synced", () => client.isCurrent);
const first = (await disk.get("session")).token;

// The server ends the connection with the token; the client renews it and is back.
await until(client, "state", () => client.state.state !== "online");
await until(client, "state", () => client.state.state === "online");
const second = await disk.get("session");
assert.notEqual(second.token, first);

client.background(); // its own token would expire, and be renewed, at any moment
// Many requests with a refused token, in two tabs, renew it once.
await disk.set("session", { ...second, token: first, renewAt: null });
const tabs = [0, 1].map(() => new Client({ url: address, io, storage: disk, fetch: counted }));
for (const tab of tabs) {
  tab.background();
  await tab.start();
  tab.background();
}
renewals = 0;
await Promise.all(tabs.flatMap((tab) => [tab.friends(), tab.friends(), tab.blocks()]));
assert.equal(renewals, 1);

// A clock that is a day ahead makes every token look expired, and costs no renewal.
const ahead = new Client({ url: address, io, fetch: counted, now: () => Date.now() + 86_400_000 });
renewals = 0;
await ahead.signIn({ email: form.email, password: form.password });
ahead.background();
await ahead.friends();
assert.equal(renewals, 0);

// A session that is ended elsewhere signs the client out, with the reason.
await ahead.endOtherSessions();
await Promise.all([client, ...tabs].map((each) => (each.foreground(), until(each, "state", () => each.state.state === "signed_out"))));
assert.equal(await disk.get("session"), undefined);
for (const each of [client, ahead, ...tabs]) await each.close();
