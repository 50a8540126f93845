"""What `deploy/mongo/features.json` calls stable, the server takes from a client that asks it for Stable API 1 and nothing else,
which MongoDB keeps as it is in every version that offers it, 8.0 among them; what it says of others, the server refuses such a client."""

from collections.abc import Iterator
from typing import Any

import pytest
from pymongo import ASCENDING, DESCENDING, HASHED, MongoClient
from pymongo.database import Database
from pymongo.errors import OperationFailure
from pymongo.server_api import ServerApi

from tests.support import mongo_features
from tests.support.profiling import as_root
from tidemark.settings import Settings

Document = dict[str, Any]

STABLE = "stable API 1"
NOT_IN_API = 323
"""MongoDB's code of what is refused for `apiStrict`."""

STAGES: Document = {
    "$group": {"_id": 1},
    "$limit": 1,
    "$match": {},
    "$project": {"n": 1},
    "$replaceWith": "$$ROOT",
    "$set": {"n": 1},
    "$sort": {"n": 1},
    "$sortByCount": "$n",
    "$unset": "n",
    "$unwind": "$l",
}
EXPRESSIONS: Document = {
    "$concatArrays": ["$l", "$l"],
    "$cond": [True, 1, 2],
    "$dateAdd": {"startDate": "$$NOW", "unit": "day", "amount": 1},
    "$filter": {"input": "$l", "cond": True},
    "$in": [1, "$l"],
    "$literal": 1,
    "$mergeObjects": [{}, {}],
    "$not": [True],
    "$or": [True],
    "$slice": ["$l", 1],
    "$strLenCP": "$s",
    "$substrCP": ["$s", 0, 1],
    "$toLong": "$n",
} | {name: ["$n", 2] for name in ("$add", "$eq", "$gt", "$gte", "$ifNull", "$lt", "$lte", "$max")}
QUERIES: Document = {
    "$exists": {"n": {"$exists": True}},
    "$expr": {"$expr": {"$eq": ["$n", 1]}},
    "$in": {"n": {"$in": [1]}},
    "$jsonSchema": {"$jsonSchema": {"required": ["n"]}},
    "$nin": {"n": {"$nin": [1]}},
    "$not": {"n": {"$not": {"$gt": 1}}},
    "$or": {"$or": [{"n": 1}]},
    "$regex": {"s": {"$regex": "^a"}},
} | {name: {"n": {name: 1}} for name in ("$eq", "$gt", "$gte", "$lt", "$lte", "$ne")}
ACCUMULATORS = ("$addToSet", "$first", "$max", "$sum")
UPDATES = ("$inc", "$max", "$set", "$setOnInsert")
VARIABLES = ("$$NOW", "$$ROOT")
TYPES = {"ASCENDING": ASCENDING, "DESCENDING": DESCENDING, "HASHED": HASHED}


@pytest.fixture
def strict(mongo_db: Settings) -> Iterator[Database[Document]]:
    """A database that answers what is in Stable API 1 alone."""
    api = ServerApi("1", strict=True, deprecation_errors=True)
    with MongoClient[Document](mongo_db.mongo_uri, server_api=api) as client:
        yield client[mongo_db.mongo_database]


def test_what_is_called_stable_is(strict: Database[Document]) -> None:
    told = {
        kind: {name for name, where in names.items() if where == STABLE}
        for kind, names in mongo_features.listed().items()
    }
    tried = {
        "stages": STAGES,
        "expressions": EXPRESSIONS,
        "query": QUERIES,
        "accumulators": ACCUMULATORS,
        "update": UPDATES,
        "variables": VARIABLES,
        "index_types": TYPES,
        "index_options": ["expireAfterSeconds"],
        "collection_options": ["validator"],
    }
    del told["commands"]
    assert {kind: set(names) for kind, names in tried.items()} == {kind: names for kind, names in told.items() if names}

    strict.create_collection("c", validator={"$jsonSchema": {"required": ["_id"]}})
    c = strict["c"]
    c.insert_one({"_id": "x", "n": 1, "l": [1, 2], "s": "abc"})
    for name, value in STAGES.items():
        list(c.aggregate([{name: value}]))
    shapes = EXPRESSIONS | {name: name for name in VARIABLES}
    asked = [{"$project": {"x": value if name in VARIABLES else {name: value}}} for name, value in shapes.items()]
    asked += [{"$group": {"_id": 1, "x": {name: "$n"}}} for name in ACCUMULATORS]
    for stage in asked:
        assert len(list(c.aggregate([stage]))) == 1, stage
    for query in QUERIES.values():
        list(c.find(query))
    for name in UPDATES:
        assert c.update_one({"_id": "x"}, {name: {"n": 5}}).matched_count == 1
    for kind in TYPES.values():
        c.create_index({"n": kind})
    c.create_index("at", expireAfterSeconds=0)


def test_commands_that_are_called_stable_are_and_the_others_are_not(mongo_server: Settings) -> None:
    with as_root(mongo_server) as client:
        there = client.admin.command("listCommands")["commands"]
    for name, where in mongo_features.listed()["commands"].items():
        assert (where == STABLE) == ("1" in there[name].get("apiVersions", [])), name


def test_what_is_not_stable_is_refused(strict: Database[Document]) -> None:
    with pytest.raises(OperationFailure) as refused:
        strict["c"].distinct("n")
    assert refused.value.code == NOT_IN_API
