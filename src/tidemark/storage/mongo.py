"""MongoDB: the one place that names collections, their contracts and indexes, and how Spark reads and writes them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pymongo import ASCENDING, DESCENDING, HASHED, MongoClient
from pymongo.collection import Collection as Stored
from pymongo.database import Database
from pymongo.errors import ConnectionFailure, OperationFailure

from tidemark.contracts import schemas
from tidemark.errors import UnreachableError
from tidemark.settings import Settings, settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

Document = dict[str, Any]
Index = list[tuple[str, int | str]]

RECOMMENDATIONS_PREFIX = "recommendations_"
FEATURES_PREFIX = "item_features_"


SPARK_WRITER = "tidemark-spark-writer"
"""What Spark's upserts are called in the server's profiler and list of operations."""
SINGLE_PARTITION = "com.mongodb.spark.sql.connector.read.partitioner.SinglePartitionPartitioner"
NAMESPACE_EXISTS = 48
"""MongoDB's code for a collection that is there already."""


@dataclass(frozen=True)
class Collection:
    """What a collection holds, what finds it fast, and how a sharded deployment spreads it.

    Attributes:
        contract: of `include/schemas/`; None: free form.
        indexes: besides those of `_id` and of the shard key.
        shard_key: the field by whose hash it may be sharded (`deploy/mongo/shard.js` does it); None: not to be sharded. A
            document's `_id` always comes with the same value of it, for `_id` is unique in a shard alone.
        expires: the field of times at which the server removes a document by itself; None: it removes none.
    """

    contract: str | None = None
    indexes: list[Index] = field(default_factory=list)
    shard_key: str | None = None
    expires: str | None = None

    def key(self, *, sharded: bool) -> list[str]:
        """The fields that an upsert finds its document by.

        A router takes none without the shard key. Elsewhere `_id` alone does: the server needs no query plan for that, and
        an upsert costs it a quarter less, half where the document is there.
        """
        return ["_id", self.shard_key] if sharded and self.shard_key not in (None, "_id") else ["_id"]


# Sharded is what grows with interactions or items. Reviews and interactions lie by their item, which their keys always come
# with; the others are asked for by `_id`.
COLLECTIONS: Mapping[str, Collection] = {
    "reviews": Collection("review", [[("user_id", ASCENDING)], [("timestamp", DESCENDING)]], shard_key="item_id"),
    "products": Collection("product", shard_key="_id"),
    "interactions": Collection(
        "interaction",
        [[("timestamp", DESCENDING), ("_id", ASCENDING)], [("user_id", ASCENDING)]],
        shard_key="item_id",
    ),
    "rejects": Collection("reject", [[("load", ASCENDING), ("kinds", ASCENDING)]]),
    "loads": Collection("load", [[("name", ASCENDING), ("loaded_at", DESCENDING)]]),
    "samples": Collection("sample"),
    "models": Collection("model"),
    "backtests": Collection("backtest", [[("made_at", DESCENDING)]]),
    "pointers": Collection(),
    "progress": Collection(),
    "dead_letters": Collection(
        "dead_letter",
        [
            [("time", DESCENDING)],
            [("topic", ASCENDING), ("partition", ASCENDING)],
            [("replayed_at", ASCENDING), ("time", DESCENDING)],
        ],
    ),
    "interaction_details": Collection("interaction_detail", shard_key="_id"),
    # The storefront's own. What programs say about items lies over `products`, which loads alone write.
    "items": Collection("item", [[("updated_at", ASCENDING)]], shard_key="_id"),
    "accounts": Collection("account", [[("user_id", ASCENDING)]]),
    "sessions": Collection("session", [[("account", ASCENDING)]], expires="expires_at"),
    "api_keys": Collection("api_key"),
    "sign_ins": Collection("sign_in", expires="expires_at"),
    "idempotency": Collection("idempotency", expires="expires_at"),
    "experiments": Collection("experiment"),
    # What was shown and what became of it; `stream.engagement` alone writes these three.
    "engagement": Collection("engagement", [[("model_id", ASCENDING), ("hour", ASCENDING)]]),
    "shown_lists": Collection("shown_list", [[("user_id", ASCENDING)]], expires="expires_at"),
    "experiment_users": Collection(
        "experiment_user", [[("arm", ASCENDING)], [("user_id", ASCENDING)]], expires="expires_at"
    ),
    # Who was erased (`tombstones`); the storefront writes it, and every door reads it.
    "erased": Collection("erased", [[("erased_at", ASCENDING)], [("state", ASCENDING)]]),
    # The same of single interactions.
    "deleted_interactions": Collection("deleted_interaction", [[("deleted_at", ASCENDING)], [("user_id", ASCENDING)]]),
}


def recommendations(model_id: str) -> str:
    """The collection that holds the recommendations of one model."""
    return f"{RECOMMENDATIONS_PREFIX}{model_id}"


def unasked(config: Settings | None = None, patience: float = 10, each: float | None = None) -> Database[Document]:
    """The platform's database, whether or not a server is there: what is asked of it first finds out.

    Majority writes, times as UTC `datetime`s. PyMongo raises its own errors where no primary answers within `patience`
    seconds; `patience.brief` makes ours of them.

    Args:
        config: the settings, where not those of the process.
        patience: seconds in which a primary is to be found.
        each: seconds that each command may take, a connection being made within `patience`; None: as long as it takes.
    """
    config = config or settings()
    found_in = int(1_000 * patience)
    limits: dict[str, Any] = {} if each is None else {"connectTimeoutMS": found_in, "timeoutMS": int(1_000 * each)}
    return client(config.mongo_uri, serverSelectionTimeoutMS=found_in, **limits)[config.mongo_database]


def client(uri: str, **options: Any) -> MongoClient[Document]:
    """A client of the server at `uri`, which connects when it is first asked: majority writes, times as UTC `datetime`s."""
    return MongoClient(uri, w="majority", tz_aware=True, connect=False, **options)


def connect(config: Settings | None = None) -> Database[Document]:
    """The platform's database, as `unasked` has it, once it has answered.

    Raises:
        UnreachableError: no primary answered within 10 s.
    """
    config = config or settings()
    db = unasked(config)
    try:
        db.client.admin.command("ping")
    except ConnectionFailure as error:
        db.client.close()
        raise UnreachableError(
            f"MongoDB does not answer at {config.mongo_hosts} ({type(error).__name__}). Is it running? `make status` tells"
        ) from None
    return db


def features(version: str) -> str:
    """The collection that holds the feature vectors of one version of the pipeline."""
    return f"{FEATURES_PREFIX}{version}"


def _collection(name: str) -> Collection:
    for prefix, contract in ((RECOMMENDATIONS_PREFIX, "recommendation"), (FEATURES_PREFIX, "item_feature")):
        if name.startswith(prefix):
            return Collection(contract)
    return COLLECTIONS[name]


def ensure(db: Database[Document], name: str) -> None:
    """Make the collection `name` with its validator and indexes, or bring an existing one up to them."""
    wanted = _collection(name)
    validator = schemas.mongo_validator(wanted.contract) if wanted.contract else {}
    try:
        db.create_collection(name, check_exists=False, validator=validator)
    except OperationFailure as error:  # a load and the ingest may both find it missing: the server decides who makes it
        if error.code != NAMESPACE_EXISTS:
            raise
        db.command("collMod", name, validator=validator)
    for index in wanted.indexes:
        db[name].create_index(index)
    # Only where it is needed: it costs each insert a place of its own, and nothing else asks by it.
    if wanted.shard_key and settings().mongo_sharded:
        db[name].create_index([(wanted.shard_key, HASHED)])
    if wanted.expires:
        db[name].create_index(wanted.expires, expireAfterSeconds=0)


def keys(collection: Stored[Document], query: Document, most: int) -> Iterator[list[Any]]:
    """The keys of what `query` finds, `most` at a time, until it finds nothing: whoever is given them removes what they name."""
    while found := [document["_id"] for document in collection.find(query, {"_id": 1}).limit(most)]:
        yield found


def _options(config: Settings, collection: str) -> dict[str, str]:
    return {
        "connection.uri": config.mongo_uri,
        "database": config.mongo_database,
        "collection": collection,
    }


def write(df: "DataFrame", collection: str, *, config: Settings | None = None) -> None:
    """Upsert `df` by the collection's key, unordered, as typed columns; written again, it changes nothing.

    Args:
        df: columns as the collection's contract says; `_id` is deterministic.
        collection: a collection made by `ensure`.
        config: the settings, where not those of the process.

    Raises:
        ContractError: the columns are not those of the contract.
    """
    written = _collection(collection)
    if written.contract:
        schemas.require_columns(written.contract, df.schema)
    config = config or settings()
    options = _options(config, collection) | {
        # Retryable writes note each document in the server's session table, a third of an upsert's cost. Nothing here
        # needs them: what fails is upserted again, as a whole, by whoever runs the task again.
        "connection.uri": f"{config.mongo_uri_of(SPARK_WRITER)}&retryWrites=false",
        "idFieldList": ",".join(written.key(sharded=config.mongo_sharded)),
        "operationType": "replace",
        "ordered": "false",
        "maxBatchSize": "5000",
        "writeConcern.w": "majority",
    }
    df.write.format("mongodb").mode("append").options(**options).save()


def read(
    spark: "SparkSession",
    collection: str,
    contract: "str | StructType",
    *,
    pipeline: str = "[]",
    config: Settings | None = None,
) -> "DataFrame":
    """Read `collection` with the type of its contract, after an aggregation `pipeline` that the server runs (JSON).

    A pipeline that makes other fields is given the type of what it makes in place of a contract. A collection that is
    empty or not there is an empty frame.

    Raises:
        UnreachableError: no primary answered within 10 s.
    """
    config = config or settings()
    kind = schemas.spark_type(contract) if isinstance(contract, str) else contract
    options = _options(config, collection) | {"aggregation.pipeline": pipeline}
    if _is_empty(collection, config):
        # The connector's own way to cut a collection asks the server for 0 buckets of an empty one, which is refused.
        options["partitioner"] = SINGLE_PARTITION
    return spark.read.format("mongodb").schema(kind).options(**options).load()


def _is_empty(collection: str, config: Settings) -> bool:
    db = connect(config)
    try:
        return db[collection].find_one({}, {"_id": 1}) is None
    finally:
        db.client.close()
