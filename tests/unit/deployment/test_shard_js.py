"""deploy/mongo/shard.js asks for what `COLLECTIONS` says. No mongos was at hand: here node runs it against a stand-in that notes
what it is asked for."""

import json
import subprocess
from pathlib import Path

import pytest
from playwright._impl._driver import compute_driver_executable

from tidemark.contracts import schemas
from tidemark.settings import ROOT
from tidemark.storage.mongo import COLLECTIONS

KEYS = {name: made.shard_key for name, made in COLLECTIONS.items() if made.shard_key}
STAND_IN = """
const asked = [];
const database = (name) => ({
  getName: () => name,
  getSiblingDB: database,
  getCollection: (of) => ({ createIndex: (key) => asked.push(["createIndex", `${name}.${of}`, key]) }),
});
const db = database("admin");
const sh = { shardCollection: (of, key) => asked.push(["shardCollection", of, key]) };
const print = () => {};
new Function("db", "sh", "print", require("fs").readFileSync(process.argv[1], "utf8"))(db, sh, print);
console.log(JSON.stringify(asked));
"""


@pytest.mark.parametrize(("environment", "database"), [({}, "tidemark"), ({"TIDEMARK_MONGO_DATABASE": "own"}, "own")])
def test_it_shards_what_may_be_sharded_by_its_key(environment: dict[str, str], database: str) -> None:
    node = Path(compute_driver_executable()[0])
    argv = [str(node), "--eval", STAND_IN, str(ROOT / "deploy/mongo/shard.js")]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True)
    asked = [tuple(map(json.dumps, each)) for each in json.loads(done.stdout)]
    expected = [
        (json.dumps(command), json.dumps(f"{database}.{name}"), json.dumps({key: "hashed"}))
        for name, key in KEYS.items()
        for command in ("createIndex", "shardCollection")
    ]
    assert sorted(asked) == sorted(expected)
    for name in KEYS:  # an index first: what holds something is not sharded without it
        own = [command for command, of, _ in asked if of == json.dumps(f"{database}.{name}")]
        assert own == ['"createIndex"', '"shardCollection"']


def test_no_document_is_stored_without_its_shard_key() -> None:
    """The validator of the collection sees to it, whoever inserts."""
    assert KEYS == {
        "reviews": "item_id",
        "interactions": "item_id",
        "products": "_id",
        "interaction_details": "_id",
        "items": "_id",
    }
    for name, key in KEYS.items():
        contract = schemas.schema(str(COLLECTIONS[name].contract))
        assert key in contract["required"], name
        assert contract["properties"][key]["type"] == "string", name


def test_what_an_upsert_finds_its_document_by() -> None:
    for name, made in COLLECTIONS.items():
        assert made.key(sharded=False) == ["_id"], name
        assert made.key(sharded=True) == (["_id", "item_id"] if made.shard_key == "item_id" else ["_id"]), name
