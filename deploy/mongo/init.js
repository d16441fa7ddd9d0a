// Initiates the replica set of deploy/compose.yaml and creates its users. Run again, it completes what is missing.
const set = "chat";
const names = process.env.MONGO_MEMBERS.split(",").map((name) => (name.includes(":") ? name : `${name}:27017`));
const port = process.env.MONGO_PORT ?? "27017";
const users = { root: process.env.MONGO_ROOT_PASSWORD, chat: process.env.MONGO_PASSWORD };
const local = `mongodb://127.0.0.1:${port}/?directConnection=true`;

function attempt(what, action) {
  for (let left = 60; ; left--) {
    try {
      const result = action();
      if (result) return result;
    } catch (error) {
      if (left === 0) throw error;
    }
    if (left === 0) throw new Error(`${what}: given up after 60 s`);
    sleep(1000);
  }
}

function codeOf(action) {
  try {
    action();
    return 0;
  } catch (error) {
    return error.code ?? -1;
  }
}

function signedIn() {
  const admin = new Mongo(local).getDB("admin");
  return codeOf(() => admin.auth("root", users.root)) === 0 ? admin : null;
}

// The set begins with this member alone: it is the primary for certain, and the users can be created on it.
if (signedIn() === null) {
  const admin = new Mongo(local).getDB("admin");
  const code = codeOf(() =>
    admin.runCommand({ replSetInitiate: { _id: set, members: [{ _id: 0, host: names[0] }] } }),
  );
  if (![0, 23 /* AlreadyInitialized */, 13 /* Unauthorized */].includes(code)) throw new Error(`replSetInitiate: ${code}`);
  attempt("primary", () => admin.hello().isWritablePrimary);
  admin.createUser({ user: "root", pwd: users.root, roles: ["root"] });
}

const whole = `mongodb://root:${users.root}@${names.join(",")}/admin?replicaSet=${set}`;
attempt("members", () => {
  const admin = signedIn();
  // A secondary may run this again later; then the set is complete.
  if (!admin.hello().isWritablePrimary) return new Mongo(whole).getDB("admin").hello().hosts.length === names.length;
  const { config } = admin.runCommand({ replSetGetConfig: 1 });
  const known = config.members.map((member) => member.host);
  const missing = names.filter((name) => !known.includes(name));
  if (missing.length === 0) return true;
  // One at a time, as MongoDB demands of voting members.
  const id = Math.max(...config.members.map((member) => member._id)) + 1;
  config.version += 1;
  config.members.push({ _id: id, host: missing[0] });
  admin.runCommand({ replSetReconfig: config });
  return missing.length === 1;
});

const chat = new Mongo(whole).getDB("chat");
if (chat.getUser("chat") === null) chat.createUser({ user: "chat", pwd: users.chat, roles: ["readWrite"] });
attempt("replication", () => {
  const { members } = new Mongo(whole).getDB("admin").runCommand({ replSetGetStatus: 1 });
  return members.every((member) => ["PRIMARY", "SECONDARY"].includes(member.stateStr));
});
print(`The replica set ${set} has ${names.length} members and the users root and chat.`);
