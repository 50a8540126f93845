"""The watch in a real Airflow (scheduler, triggerer, PostgreSQL) against a real broker; only the retrain is a stand-in."""

import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from tests.support.own_airflow import component
from tests.support.own_settings import local_settings, with_airflow
from tests.support.waiting import eventually
from tidemark.local import airflow, follow
from tidemark.local.airflow_client import AirflowApi
from tidemark.local.servers import running
from tidemark.local.throwaway import environment
from tidemark.settings import ROOT, Settings
from tidemark.stream import topics
from tidemark.stream.bookmark import Bookmark

PATIENCE = 240
"""Seconds after which something that must happen has not: long, since a busy machine takes its time."""
WATCH, RETRAIN = "watch_interactions", "retrain_recommender"


class Tide:
    """An Airflow with the watch, a topic, and the stand-in's records."""

    def __init__(self, config: Settings, env_file: Path) -> None:
        self.config, self.env_file = config, env_file
        self.bookmark = Bookmark(config)
        self.api = AirflowApi(config)
        self.producer = Producer(topics.producer_config(config))
        self.mode("learn")

    def mode(self, text: str) -> None:
        part = self.config.state / "mode.part"
        part.write_text(text)
        part.rename(self.config.state / "mode")

    def set(self, **values: float) -> None:
        """Change settings in the env file, as a person would."""
        lines = [x for x in self.env_file.read_text().splitlines() if x.split("=")[0][9:].lower() not in values]
        self.env_file.write_text("\n".join([*lines, *(f"TIDEMARK_{k.upper()}={v}" for k, v in values.items())]) + "\n")

    def send(self, count: int) -> float:
        for number in range(count):
            self.producer.produce(self.bookmark.topic, f"u{number}:i{number}", key=str(number))
        assert self.producer.flush(30) == 0
        return time.time()

    @property
    def runs(self) -> list[dict[str, Any]]:
        path = self.config.state / "runs"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def watching(self) -> bool:
        """Whether a run of the watch is waiting in the triggerer."""
        return follow.waits(self.api, WATCH, "lag_over_mark")

    def settled(self, seconds: float = 4) -> None:
        """The watch waits, and goes on waiting."""
        eventually(self.watching, PATIENCE, "the watch does not wait")
        count = len(self.runs)
        time.sleep(seconds)
        assert len(self.runs) == count
        assert self.watching()


@pytest.fixture(scope="module")
def tide(kafka_server: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tide]:
    folder = tmp_path_factory.mktemp("watch")
    own = with_airflow(local_settings(folder))
    kafka = {n: getattr(kafka_server, n) for n in Settings.model_fields if n.startswith("kafka_")}
    settings = {"retrain_mark": 100, "retrain_poll_seconds": 0.5, "retrain_backoff_seconds": 2}
    config = own.model_copy(update=kafka | settings | {"kafka_prefix": f"w{uuid.uuid4().hex[:8]}."})
    topics.ensure(config)
    env_file = folder / "env"
    env_file.write_text("".join(f"{name}={value}\n" for name, value in environment(config).items()))
    dags = folder / "dags"
    dags.mkdir()
    shutil.copy(ROOT / "dags" / "watch_interactions.py", dags)
    shutil.copy(Path(__file__).parent / "stand_in" / "retrain_recommender.py", dags)
    with ExitStack() as stack:
        stack.enter_context(running("postgres", config))
        airflow.provision(config)
        variables = {"TIDEMARK_ENV_FILE": str(env_file), "AIRFLOW__CORE__DAGS_FOLDER": str(dags)}
        for name in airflow.COMPONENTS:
            stack.enter_context(component(config, name, folder / f"{name}.log", variables))
        eventually(lambda: not airflow.unhealthy(config), 180, lambda: f"not at work: {airflow.unhealthy(config)}")
        yield Tide(config, env_file)


def test_below_the_mark_nothing_starts_and_no_worker_is_held(tide: Tide) -> None:
    eventually(tide.watching, PATIENCE, lambda: f"{tide.api.import_errors()} {tide.api.runs(WATCH)}")
    tide.send(99)
    tide.settled()
    assert tide.runs == []


def test_crossings_in_a_row_start_one_retrain_each(tide: Tide) -> None:
    before, waits = len(tide.runs), []
    for crossing in range(10 if os.environ.get("TIDEMARK_FULL") == "1" else 2):
        eventually(tide.watching, PATIENCE, "the watch does not wait")
        crossed = tide.send(101 - tide.bookmark.lag().total if crossing == 0 else 120)
        eventually(lambda n=before + crossing + 1: len(tide.runs) >= n, PATIENCE, "no retrain")
        waits.append(tide.runs[-1]["at"] - crossed)
        eventually(lambda: tide.bookmark.lag().total == 0, PATIENCE, "the bookmark did not move")
    tide.settled()
    runs = tide.runs[before:]
    assert len(runs) == len(waits)
    assert [r["snapshot"] for r in runs] == sorted({r["snapshot"] for r in runs})
    assert runs[-1]["conf"]["reason"] == "lag"
    assert runs[-1]["conf"]["tide"]["lag"] >= 100
    print(f"from crossing to the first line of the retrain: {', '.join(f'{w:.1f}' for w in waits)} s")


def test_what_comes_during_a_retrain_starts_exactly_one_more(tide: Tide) -> None:
    eventually(tide.watching, PATIENCE, "the watch does not wait")
    before = len(tide.runs)
    tide.mode("slow")
    tide.send(150)
    eventually(lambda: len(tide.runs) == before + 1, PATIENCE, "no retrain")
    for _ in range(3):
        tide.send(150)
    tide.mode("learn")
    eventually(lambda: len(tide.runs) == before + 2, PATIENCE, "the crossing during the retrain was lost")
    tide.settled()
    assert len(tide.runs) == before + 2
    assert tide.runs[-1]["conf"]["tide"]["lag"] == 450


def test_failures_back_off_and_it_recovers_by_itself(tide: Tide) -> None:
    eventually(tide.watching, PATIENCE, "the watch does not wait")
    before = len(tide.runs)
    tide.mode("fail")
    tide.send(150)
    eventually(lambda: len(tide.runs) == before + 3, PATIENCE, "it gave up")
    at = [run["at"] for run in tide.runs[before:]]
    first, second = at[1] - at[0], at[2] - at[1]
    print(f"a failing retrain was tried again after {first:.1f} and {second:.1f} s")
    assert first > 2
    assert second > 4
    tide.mode("learn")
    eventually(lambda: tide.bookmark.lag().total == 0, PATIENCE, "it did not recover")
    tide.settled()
    assert len(tide.runs) == before + 4
    assert tide.api.runs(WATCH, 1)[0]["state"] == "running"


def test_a_retrain_that_leaves_the_bookmark_does_not_start_for_ever(tide: Tide) -> None:
    eventually(tide.watching, PATIENCE, "the watch does not wait")
    before = len(tide.runs)
    tide.mode("idle")
    tide.send(150)
    eventually(lambda: len(tide.runs) == before + 2, PATIENCE, "no second try")
    assert tide.runs[-1]["at"] - tide.runs[-2]["at"] > 2
    tide.mode("learn")
    eventually(lambda: tide.bookmark.lag().total == 0, PATIENCE, "it did not recover")


def test_the_mark_is_changed_while_the_watch_waits(tide: Tide) -> None:
    tide.settled(1)
    before = len(tide.runs)
    tide.send(50)
    tide.settled(2)
    tide.set(retrain_mark=40)
    eventually(lambda: len(tide.runs) == before + 1, PATIENCE, "the new mark was not seen")
    eventually(tide.watching, PATIENCE, "the watch does not wait")
    tide.set(retrain_mark=1_000_000)
    tide.send(300)
    tide.settled()
    assert len(tide.runs) == before + 1
