// Run once by mongo-init: makes the replica set, then the platform's user with no more than its own database.
const env = process.env;
const admin = connect(
  `mongodb://root:${encodeURIComponent(env.TIDEMARK_MONGO_ROOT_PASSWORD)}@mongo:27017/admin?directConnection=true`
);

if (!admin.hello().setName) {
  admin.runCommand({
    replSetInitiate: { _id: env.TIDEMARK_MONGO_REPLICA_SET, members: [{ _id: 0, host: "mongo:27017" }] },
  });
}
while (!admin.hello().isWritablePrimary) sleep(200);

const roles = ["readWrite", "dbAdmin"].map((role) => ({ role, db: env.TIDEMARK_MONGO_DATABASE }));
const user = env.TIDEMARK_MONGO_USER;
if (admin.getUser(user)) {
  admin.updateUser(user, { pwd: env.TIDEMARK_MONGO_PASSWORD, roles });
} else {
  admin.createUser({ user, pwd: env.TIDEMARK_MONGO_PASSWORD, roles });
}
