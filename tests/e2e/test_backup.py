"""`make backup`, everything destroyed, `make restore`: it is the platform that it was, and goes on. TIDEMARK_FULL=1: five minutes."""

import json
import os
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import Platform
from tests.support.waiting import eventually
from tidemark.local.airflow_client import AirflowApi
from tidemark.local.layout import state_folder
from tidemark.storage import mongo
from tidemark.stream.bookmark import Bookmark
from tidemark.stream.sending import Sender

pytestmark = [
    pytest.mark.timeout(1_800),
    pytest.mark.skipif(os.environ.get("TIDEMARK_FULL") != "1", reason="takes five minutes: TIDEMARK_FULL=1"),
]


def send(platform: Platform, user: str, many: int) -> None:
    sender = Sender(platform.config)
    for number in range(many):
        sender.send(user, json.dumps({"user_id": user, "item_id": f"i{number}"}).encode())
    assert sender.flush()
    db = mongo.connect(platform.config)
    eventually(lambda: db.interactions.count_documents({"user_id": user}) == many, 120, "it is not stored")


def known(platform: Platform) -> dict[str, Any]:
    """What must be the same afterwards."""
    db = mongo.connect(platform.config)
    champion = db.pointers.find_one({"_id": "champion"})
    assert champion is not None
    lists = db[mongo.recommendations(champion["model_id"])]
    lag = Bookmark(platform.config).lag()
    with AirflowApi(platform.config) as api:
        runs = sorted(run["dag_run_id"] for run in api.runs("retrain_recommender"))
    of_jobs = ("interactions", "reviews", "products", "models", "dead_letters", "rejects")
    return {
        "champion": champion,
        "counts": {name: db[name].count_documents({}) for name in of_jobs},
        "list": lists.find_one(sort=[("_id", 1)]),
        "lag": (lag.total, {p.partition: p.end for p in lag.partitions}),
        "runs": runs,
    }


def test_destroyed_and_restored_it_is_what_it_was_and_goes_on(platform: Platform, tmp_path: Path) -> None:
    send(platform, "before", 30)
    before, kept = known(platform), tmp_path / "kept.tar.gz"
    made = platform.tidemark("backup", str(kept))
    assert made.returncode == 0, made.stdout + made.stderr
    assert "It holds the passwords" in made.stdout
    send(platform, "lost", 5)  # it runs again, and what comes now is not in the backup

    assert platform.tidemark("clean", "--yes").returncode == 0
    assert not state_folder(platform.config).exists()
    platform.env_file.write_text(
        "".join(line for line in platform.env_file.read_text().splitlines(True) if "PASSWORD" not in line)
    )
    restored = platform.tidemark("restore", str(kept))
    assert restored.returncode == 0, restored.stdout + restored.stderr
    assert known(platform) == before

    send(platform, "after", 20)
    db = mongo.connect(platform.config)
    assert db.interactions.count_documents({}) == before["counts"]["interactions"] + 20, "something is stored twice"
    with AirflowApi(platform.config) as api:
        run_id = api.trigger("retrain_recommender", {"force": True})
        eventually(lambda: api.run("retrain_recommender", run_id)["state"] == "success", 600, "it trains no more", 2)
    user = db[mongo.recommendations(before["champion"]["model_id"])].find_one()
    assert user is not None
    page = httpx.get(f"http://127.0.0.1:{platform.config.shop_port}/readyz", trust_env=False)
    assert page.json()["ready"] is True
