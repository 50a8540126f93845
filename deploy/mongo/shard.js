// Spreads over the shards what grows with interactions or items. Run once by an administrator on a router (mongos) of MongoDB 6.0
// to 8.0, best before the first load; again, it changes nothing:
//
//   TIDEMARK_MONGO_DATABASE=tidemark mongosh "mongodb://admin@router:27017/admin" --file deploy/mongo/shard.js
//
// Then TIDEMARK_MONGO_SHARDED=true, with the routers in TIDEMARK_MONGO_HOSTS. Every other collection stays on the database's
// primary shard. The keys are those of src/tidemark/storage/mongo.py, which every upsert bears; a test holds both together.
const keys = {
  // Their `_id` always comes with the same item, so it stays unique, and an item's interactions lie together.
  reviews: { item_id: "hashed" },
  interactions: { item_id: "hashed" },
  // Asked for by `_id`. Hashed, for ids of the stream grow, and the newest would all be one shard's.
  interaction_details: { _id: "hashed" },
  items: { _id: "hashed" },
  products: { _id: "hashed" },
};

const database = db.getSiblingDB(process.env.TIDEMARK_MONGO_DATABASE || "tidemark");
for (const [name, key] of Object.entries(keys)) {
  database.getCollection(name).createIndex(key); // what holds something is not sharded without it
  sh.shardCollection(`${database.getName()}.${name}`, key);
  print(`${name}: by ${Object.keys(key)[0]}`);
}
