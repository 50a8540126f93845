// Run by mongo-init at each start: makes the replica set, then the platform's user with no more than its own database.
const env = process.env;
const secret = (name) => require("fs").readFileSync(`/run/secrets/tidemark_${name}`, "utf8");
const root = `mongodb://root:${encodeURIComponent(secret("mongo_root_password"))}`;
const hosts = env.TIDEMARK_MONGO_HOSTS.split(",");
const set = env.TIDEMARK_MONGO_REPLICA_SET;
const tls = env.TIDEMARK_MONGO_TLS === "True" ? "&tls=true&tlsCAFile=/run/secrets/tidemark_cluster_ca" : "";

// Only the first has root when it first starts: it makes the set, and the others get everything from it.
const first = connect(`${root}@${hosts[0]}/admin?directConnection=true${tls}`);
if (!first.hello().setName) {
  first.runCommand({ replSetInitiate: { _id: set, members: hosts.map((host, number) => ({ _id: number, host })) } });
}
const admin = connect(`${root}@${hosts.join(",")}/admin?replicaSet=${set}&serverSelectionTimeoutMS=60000${tls}`);

const roles = ["readWrite", "dbAdmin"].map((role) => ({ role, db: env.TIDEMARK_MONGO_DATABASE }));
const user = env.TIDEMARK_MONGO_USER;
const pwd = secret("mongo_password");
if (admin.getUser(user)) {
  admin.updateUser(user, { pwd, roles });
} else {
  admin.createUser({ user, pwd, roles });
}
