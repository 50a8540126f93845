"""CONTRIBUTING.md: MongoDB takes the validator of the contract that its example adds, and holds documents against it."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pymongo.errors import WriteError

from tests.support.guide import blocks
from tidemark.contracts import schemas
from tidemark.settings import ROOT
from tidemark.storage import mongo


@pytest.mark.usefixtures("mongo_db")
def test_the_contract_of_the_example_is_a_validator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "include", tmp_path / "include")
    ((path, text),) = [(path, text) for language, path, text in blocks("Add a contract") if language == "json"]
    (tmp_path / path).write_text(text)
    monkeypatch.setattr(schemas, "shipped", lambda path: tmp_path / path)
    monkeypatch.setattr(mongo, "COLLECTIONS", {"stock_levels": mongo.Collection("stock_level")})
    db = mongo.connect()
    mongo.ensure(db, "stock_levels")
    level = {"_id": "north:B1", "item_id": "B1", "warehouse": "north", "pieces": 3, "counted_at": datetime.now(UTC)}
    db["stock_levels"].insert_one(level)
    with pytest.raises(WriteError, match="failed validation"):
        db["stock_levels"].insert_one(level | {"_id": "east:B1", "warehouse": "east"})
    assert db["stock_levels"].count_documents({}) == 1
