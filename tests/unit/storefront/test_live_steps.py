"""Where a retrain is, from what it has written: each step done, at work, failed, skipped, or not begun."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tidemark.dag_ids import RETRAIN_RECOMMENDER
from tidemark.storage import artifacts, run_folder
from tidemark.storefront.live_steps import STEPS, of_newest, steps

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
DECIDED = {"created_at": AT, "published_at": None, "decision": {"publish": True}}


def write(folder: Path, *names: str, at: datetime = AT) -> str:
    """A run folder with these files, of that time."""
    for name in names:
        content = {"seconds": 12.5, "model_id": f"model of {folder.name}"}
        artifacts.write_json(f"{folder}/{name}", content)
        os.utime(folder / name, (at.timestamp(), at.timestamp()))
    return str(folder)


def states(run: str, model: dict[str, Any] | None) -> str:
    told = steps(run, model)
    assert [step["step"] for step in told] == list(STEPS)
    return ", ".join(step["state"] for step in told)


@pytest.mark.parametrize(
    ("written", "model", "told"),
    [
        (["snapshot"], None, "done, at work, waiting, waiting, waiting"),
        (["snapshot", "train.error"], None, "done, failed, waiting, waiting, waiting"),
        (["snapshot", "train"], None, "done, done, at work, waiting, waiting"),
        (["snapshot", "train", "evaluate.error"], None, "done, done, failed, waiting, waiting"),
        (["snapshot", "train", "evaluate"], None, "done, done, done, at work, waiting"),
        (["snapshot", "train", "evaluate"], DECIDED, "done, done, done, done, at work"),
        (["snapshot", "train", "evaluate", "publish.error"], DECIDED, "done, done, done, done, failed"),
        (["snapshot", "train", "evaluate", "publish"], DECIDED, "done, done, done, done, done"),
        (["snapshot", "train", "evaluate"], DECIDED | {"published_at": AT}, "done, done, done, done, done"),
        (
            ["snapshot", "train", "evaluate"],
            DECIDED | {"decision": {"publish": False}},
            "done, done, done, done, skipped",
        ),
    ],
)
def test_each_step_is_as_what_it_wrote(tmp_path, written, model, told):
    assert states(write(tmp_path / "run", *(f"{name}.json" for name in written)), model) == told


def test_the_seconds_are_those_that_were_noted_and_none_are_made_up(tmp_path):
    run = write(tmp_path / "run", run_folder.SNAPSHOT, run_folder.TRAIN, run_folder.EVALUATE)
    told = steps(run, DECIDED | {"created_at": AT + timedelta(seconds=3)})
    assert [step["seconds"] for step in told] == [None, 12.5, 12.5, 3.0, None]


def test_it_is_the_run_that_began_last_whatever_it_is_called(tmp_path):
    root = tmp_path / "artifacts"
    write(root / RETRAIN_RECOMMENDER / "a-new", run_folder.SNAPSHOT, at=AT + timedelta(hours=1))
    write(root / RETRAIN_RECOMMENDER / "z-old", run_folder.SNAPSHOT, run_folder.TRAIN, at=AT)
    write(root / RETRAIN_RECOMMENDER / "nothing-begun", "train.error.json", at=AT + timedelta(hours=2))
    write(root / "load_reviews" / "another", run_folder.SNAPSHOT, at=AT + timedelta(hours=3))
    asked: list[Any] = []
    db: Any = {"models": SimpleNamespace(find_one=lambda query, _: asked.append(query))}
    told = of_newest(db, str(root))
    assert told is not None
    assert told["model_id"] == "model of a-new"
    assert [step["state"] for step in told["steps"]][:2] == ["done", "at work"]
    assert asked == [{"_id": "model of a-new"}]


def test_before_the_first_there_is_none(tmp_path):
    assert of_newest(None, str(tmp_path)) is None  # type: ignore[arg-type]
