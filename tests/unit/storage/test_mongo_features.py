"""What the code asks of MongoDB is what was looked up for each version that it is meant for, no more and no less."""

import re
from pathlib import Path

import pytest

from tests.support import mongo_features
from tidemark.settings import ROOT

CODE = [file for place in ("src", "dags", "plugins", "spark_jobs") for file in sorted((ROOT / place).rglob("*.py"))]
SCRIPTS = [ROOT / "deploy/docker/mongo/init.js", ROOT / "deploy/mongo/shard.js"]


@pytest.fixture(scope="module")
def written() -> mongo_features.Found:
    return mongo_features.written(CODE)


def test_all_that_the_code_names_is_listed(written: mongo_features.Found) -> None:
    listed = mongo_features.listed()
    known = {name for kind in mongo_features.OPERATORS for name in listed[kind]}
    assert written["operators"] - known == set(), "see deploy/mongo/features.json"
    mongo_features.fail_if_not_listed({kind: names for kind, names in written.items() if kind != "operators"})
    mongo_features.fail_if_not_listed({"validator": mongo_features.validators()})


def test_nothing_is_listed_that_the_code_has_no_more(written: mongo_features.Found) -> None:
    listed = mongo_features.listed()
    for kind in ("index_types", "index_options", "collection_options", "variables"):
        assert listed[kind].keys() == written[kind], kind
    assert listed["validator"].keys() == mongo_features.validators()
    for kind in mongo_features.OPERATORS:
        of_others = {name for name, where in listed[kind].items() if where.startswith(("connector", "server", "tests"))}
        assert listed[kind].keys() - of_others <= written["operators"], kind


def test_what_is_new_in_code_is_found(tmp_path: Path) -> None:
    new = tmp_path / "new.py"
    new.write_text(
        "from pymongo import TEXT, UpdateOne\n"
        'db["a"].aggregate([{"$lookup": {"let": {"now": "$$CLUSTER_TIME"}}}])\n'
        'spark.read.option("aggregation.pipeline", \'[{"$graphLookup": {}}]\')\n'
        'db["a"].create_index("b", wildcardProjection={})\n'
        'db.create_collection("c", check_exists=False, timeseries={})\n'
        'db.command("compact", "a")\n'
        'db.command({"reIndex": "a"})\n'
    )
    found = mongo_features.written([new])
    assert found == {
        "operators": {"$lookup", "$graphLookup"},
        "variables": {"$$CLUSTER_TIME"},
        "index_types": {"TEXT"},
        "index_options": {"wildcardProjection"},
        "collection_options": {"timeseries"},
        "commands": {"compact", "reIndex"},
    }
    with pytest.raises(pytest.fail.Exception, match=r"not list:\ncommands: compact\ncommands: reIndex\nLook it up"):
        mongo_features.fail_if_not_listed({"commands": found["commands"] | {"find"}})


def test_spark_writes_by_one_function_alone() -> None:
    """Its upserts bear the shard key: tests/integration/storage/test_mongo.py."""
    writers = [file for file in CODE if re.search(r"format\(.mongodb.\)", file.read_text(encoding="utf-8"))]
    assert [file.relative_to(ROOT / "src/tidemark").as_posix() for file in writers] == ["storage/mongo.py"]


def test_the_helpers_of_mongosh_are_listed() -> None:
    """Each method of a database, or of `sh`, that a script of ours calls."""
    helpers = mongo_features.listed()["mongosh"].keys()
    called = {
        name
        for file in SCRIPTS
        for name in re.findall(r"\b(?:admin|first|database|db|sh|rs)\.(\w+)\(", file.read_text())
    }
    called |= {name for file in SCRIPTS for name in re.findall(r"\b(connect|sleep|print)\(", file.read_text())}
    assert called == set(helpers)
