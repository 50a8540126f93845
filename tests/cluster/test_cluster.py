"""The compose file as its users meet it: everything well, a load, a training on both workers, the stream, kills, down and up."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.cluster import Cluster
from tests.support.waiting import eventually

pytestmark = pytest.mark.timeout(1_800)

SMALL = {"source": "builtin", "builtin_reviews": 6_000, "builtin_users": 400, "builtin_items": 150}
TRAIN = {"engine": "spark", "factors": 8, "regularization": 0.1, "alpha": 10, "iterations": 5, "force": True}
HANGS_WITHIN = 60
"""Seconds after which a service that hangs must be called unhealthy."""


def counts(cluster: Cluster) -> dict[str, int]:
    return dict(cluster.ask("storefront", "counts"))


def executors(cluster: Cluster, number: int) -> set[str]:
    return set(cluster.ask("spark-worker", "executors", number=number))


def send(cluster: Cluster, user: str, many: int) -> None:
    """Have the platform's own sender tell Kafka, which must say that it has all."""
    assert cluster.ask("storefront", "send", user, many) == many


def stored(cluster: Cluster, user: str) -> int:
    return int(cluster.ask("storefront", "stored", user))


def is_stored(cluster: Cluster, user: str, many: int) -> None:
    eventually(
        lambda: stored(cluster, user) == many, 120, lambda: f"{user}: {stored(cluster, user)} of {many}", every=1
    )


def test_every_service_is_well_and_two_workers_are_registered(cluster: Cluster) -> None:
    assert cluster.unwell() == {}
    workers = cluster.ask("airflow-scheduler", "master")["workers"]
    assert [worker["state"] for worker in workers] == ["ALIVE", "ALIVE"]


def test_reviews_are_loaded_and_a_model_is_trained_on_both_workers(cluster: Cluster) -> None:
    cluster.run("load_reviews", SMALL)
    before = [executors(cluster, number) for number in (1, 2)]
    cluster.run("retrain_recommender", TRAIN)
    ran = [executors(cluster, number) - known for number, known in zip((1, 2), before, strict=True)]
    assert ran[0] & ran[1], "no application had executors on both workers"
    assert counts(cluster)["interactions"] > 0


def test_a_message_to_kafka_is_stored(cluster: Cluster) -> None:
    send(cluster, "stream-1", 3)
    eventually(lambda: stored(cluster, "stream-1") == 3, 60, "the ingest has not stored it", every=1)


def test_the_storefront_and_the_live_stream_answer_at_one_address(cluster: Cluster) -> None:
    with cluster.shop as shop:
        assert shop.get("/healthz").status_code == 200
        assert shop.get("/readyz").json()["ready"] is True
        assert "Sign in" in shop.get("/", follow_redirects=True).text
        assert shop.get("/live/events").status_code == 401


def test_no_secret_is_seen_from_outside(cluster: Cluster) -> None:
    secrets = {f.read_text() for f in Path(cluster.config.cluster_secrets).iterdir() if f.stat().st_size}
    assert len(secrets) == 13
    told = json.dumps(cluster.inspected()) + "".join(
        cluster.docker("top", one["Id"], "-eo", "pid,args") for one in cluster.running()
    )
    assert [secret for secret in secrets if secret in told] == []


def test_a_worker_that_is_killed_while_it_trains_loses_nothing(cluster: Cluster) -> None:
    known = executors(cluster, 2)
    with cluster.airflow() as api:
        run_id = api.trigger("retrain_recommender", TRAIN)
    eventually(lambda: executors(cluster, 2) - known, 300, "no executor was started on the second worker", every=0.5)
    cluster.kill("spark-worker", 2)
    cluster.succeeds("retrain_recommender", run_id)
    cluster.well()


@pytest.mark.parametrize("service", ["kafka", "mongo", "airflow-scheduler", "ingest", "airflow-api-server", "postgres"])
def test_a_service_that_is_killed_comes_back_and_nothing_is_lost(cluster: Cluster, service: str) -> None:
    before, user = counts(cluster), f"killed-{service}"
    send(cluster, user, 500)
    cluster.kill(service)
    eventually(lambda: service not in str(cluster.unwell()), 120, lambda: f"not well: {cluster.unwell()}", every=1)
    send(cluster, f"{user}-after", 100)
    is_stored(cluster, user, 500)
    is_stored(cluster, f"{user}-after", 100)
    cluster.well()
    after = counts(cluster)
    assert [after[name] for name in ("reviews", "products", "models")] == [
        before[n] for n in ("reviews", "products", "models")
    ]
    assert cluster.ask("storefront", "served") is True
    assert after["interactions"] == before["interactions"] + 600


def test_after_down_and_up_everything_is_still_there(cluster: Cluster) -> None:
    before, champion = counts(cluster), cluster.ask("storefront", "champion")
    cluster.compose("down")
    cluster.up("--scale", "spark-worker=2")
    assert cluster.ask("storefront", "champion") == champion
    kept = ("interactions", "reviews", "products", "models", f"recommendations_{champion}")
    after = counts(cluster)
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    with cluster.airflow() as api:
        assert api.runs("retrain_recommender", state="success")


@pytest.mark.parametrize(
    "service",
    [
        *(
            "spark-worker",
            "ingest",
            "airflow-scheduler",
            "airflow-dag-processor",
            "airflow-triggerer",
            "airflow-api-server",
        ),
        *("storefront", "live", "engagement", "spark-master", "proxy", "kafka", "mongo", "postgres"),
    ],
)
def test_a_service_that_hangs_is_called_unhealthy_within_a_minute(cluster: Cluster, service: str) -> None:
    cluster.well()
    (one,) = cluster.inspected(service)[:1]
    frozen = cluster.processes(service)
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    try:
        name = one["Name"].lstrip("/")
        eventually(lambda: name in cluster.unwell(), HANGS_WITHIN, f"{name} hangs and is called healthy", every=1)
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)
    cluster.well()


def test_at_load_20_nothing_that_is_well_is_called_unhealthy(cluster: Cluster) -> None:
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(20)]
    try:
        called: set[str] = set()
        until = time.monotonic() + 120
        while time.monotonic() < until:
            called |= cluster.unwell().keys()
            time.sleep(2)
    finally:
        for process in busy:
            process.kill()
            process.wait()
    assert called == set()
