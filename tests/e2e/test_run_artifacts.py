"""What runs leave, on the whole platform: charts, graph and manifest; and a graph that fails undoes nothing."""

import hashlib
import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.e2e.conftest import Platform
from tests.support.runs import ended, run_to_its_end, task_states
from tests.support.waiting import eventually
from tidemark.local.airflow_client import AirflowApi
from tidemark.registry import champion
from tidemark.storage import artifacts, manifests, mongo, run_folder

pytestmark = pytest.mark.timeout(1800)

RETRAIN = "retrain_recommender"
GIVEN = {"force": True, "factors": 8, "regularization": 10, "alpha": 20, "iterations": 5}
"""Quick, and no search."""


def folder(platform: Platform, dag: str, run_id: str) -> str:
    return run_folder.of(platform.config.artifacts_root, dag, run_id)


def paths(manifest: dict[str, Any], kind: str) -> set[str]:
    return {file["path"] for file in manifest["files"] if file["kind"] == kind}


def test_a_retrain_leaves_charts_tables_graph_and_a_manifest_with_true_hashes(
    platform: Platform, api: AirflowApi
) -> None:
    first = api.runs(RETRAIN, state="success")[-1]["dag_run_id"]
    states = task_states(api, RETRAIN, first)
    assert states.pop("approve") == "skipped", "nobody was to be asked"
    assert set(states.values()) == {"success"}
    load = api.runs("load_reviews", state="success")[-1]["dag_run_id"]
    run = folder(platform, RETRAIN, first)
    manifest = manifests.read(run)
    assert (manifest["dag"], manifest["run_id"]) == (RETRAIN, first)
    assert {f"charts/{name}.svg" for name in ("metrics", "history", "spread", "neighbourhood", "degrees")} <= paths(
        manifest, "chart"
    )
    assert paths(manifest, "graph") == {
        f"graph/{n}" for n in ("users.csv", "products.csv", "edges.csv", "graph.graphml")
    }
    assert "docs/recommendations/index.html" in paths(manifest, "docs")
    for file in manifest["files"]:
        data = Path(f"{run}/{file['path']}").read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (file["bytes"], file["sha256"]), file["path"]
    loaded = manifests.read(folder(platform, "load_reviews", load))
    assert loaded["counts"]["reviews stored"] == loaded["counts"]["interactions"] > 0
    assert "docs/landed_reviews/index.html" in paths(loaded, "docs")
    assert manifests.runs(platform.config.artifacts_root, RETRAIN)
    secrets = [password.encode() for password in platform.passwords.values()]
    assert not [s for s in secrets if s in json.dumps(manifest).encode()]


def test_a_model_that_is_held_back_is_drawn_without_a_graph(platform: Platform, api: AirflowApi) -> None:
    before = champion.pointer(mongo.connect(platform.config))
    run_id, state, tasks = run_to_its_end(api, RETRAIN, GIVEN | {"promote": "never"})
    assert (state, tasks["publish"], tasks["export_graph"]) == ("success", "skipped", "skipped")
    assert (tasks["move_bookmark"], tasks["draw"], tasks["report"]) == ("success", "success", "success")
    manifest = manifests.read(folder(platform, RETRAIN, run_id))
    assert paths(manifest, "graph") == set()
    assert "charts/metrics.svg" in paths(manifest, "chart")
    assert champion.pointer(mongo.connect(platform.config)) == before


def approved_by_a_person(platform: Platform, api: AirflowApi, run_id: str) -> Callable[[], object]:
    """Wait until a person is waited for; gives what answers as Airflow's page does."""
    path = f"/api/v2/dags/{RETRAIN}/dagRuns/{quote(run_id, safe='')}/taskInstances/approve/-1/hitlDetails"

    def asked() -> dict[str, Any] | None:
        if task_states(api, RETRAIN, run_id).get("approve") != "awaiting_input":
            return None
        detail = api._ask("GET", path)
        # Nobody reads so fast; and an answer before the task's process has ended makes Airflow take it for lost.
        asked_at = datetime.fromisoformat(detail["created_at"])
        return detail if datetime.now(UTC) - asked_at > timedelta(seconds=3) else None

    detail = eventually(asked, 600, lambda: str(task_states(api, RETRAIN, run_id)), 0.5)
    assert set(detail["params"]) == {"reason"}, "the form asks for nothing else"
    assert "Put the model" in detail["subject"]
    assert "NDCG@10" in detail["body"]
    (waiting,) = mongo.connect(platform.config)["models"].find({"approval.approved": None, "approval": {"$ne": None}})
    assert waiting["published_at"] is None
    answer = {"chosen_options": ["Approve"], "params_input": {"reason": "seen and good"}}
    return lambda: api._ask("PATCH", path, json=answer)


def test_a_graph_that_fails_is_seen_and_undoes_nothing_and_is_mended_by_clearing_it(
    platform: Platform, api: AirflowApi
) -> None:
    db = mongo.connect(platform.config)
    before = champion.pointer(db)
    in_the_way = Path(platform.config.landing_root) / "graph"
    shutil.rmtree(in_the_way, ignore_errors=True)
    in_the_way.write_text("a file where the job wants a folder")
    run_id = api.trigger(RETRAIN, GIVEN | {"promote": "always", "require_approval": True})
    waits = approved_by_a_person(platform, api, run_id)
    assert champion.pointer(db) == before, "not before a person said yes"
    waits()
    state, tasks = ended(api, RETRAIN, run_id), task_states(api, RETRAIN, run_id)
    assert (state, tasks["export_graph"], tasks["report"]) == ("failed", "failed", "upstream_failed")
    assert (tasks["publish"], tasks["move_bookmark"], tasks["draw"]) == ("success", "success", "success")
    after = champion.pointer(db)
    assert before is not None
    assert after is not None
    assert after["model_id"] != before["model_id"]
    model = db["models"].find_one({"_id": after["model_id"]}) or {}
    assert {name: model["approval"][name] for name in ("approved", "by", "reason")} == {
        "approved": True, "by": platform.config.airflow_user, "reason": "seen and good",
    }  # fmt: skip
    run = folder(platform, RETRAIN, run_id)
    assert "charts/metrics.svg" in paths(manifests.read(run), "chart")
    assert paths(manifests.read(run), "graph") == set()

    in_the_way.unlink()
    tasks_to_clear = {"dry_run": False, "task_ids": ["export_graph"], "include_downstream": True, "dag_run_id": run_id}
    api._ask("POST", f"/api/v2/dags/{RETRAIN}/clearTaskInstances", json=tasks_to_clear | {"only_failed": False})
    assert ended(api, RETRAIN, run_id) == "success"
    assert len(paths(manifests.read(run), "graph")) == 4
    assert champion.pointer(db) == after


def test_rolling_back_and_tidying_leave_manifests_and_what_is_needed(platform: Platform, api: AirflowApi) -> None:
    db = mongo.connect(platform.config)
    run_id, state, _ = run_to_its_end(api, "roll_back_model", {})
    assert state == "success"
    live = champion.live(db)
    assert live is not None
    assert manifests.read(folder(platform, "roll_back_model", run_id))["model_id"] == live["_id"]
    run_id, state, _ = run_to_its_end(api, "tidy_up", {"dry_run": False})
    assert state == "success"
    assert manifests.read(folder(platform, "tidy_up", run_id))["counts"]["models"] == 0
    assert champion.verify(db)["model_id"] == live["_id"]
    assert artifacts.exists(f"{live['artifacts']}/model.npz")
