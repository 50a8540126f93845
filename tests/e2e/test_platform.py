"""The whole platform as a person meets it: run, look, run again, kill, stop, start, a second one beside it."""

import contextlib
import os
import signal
import stat
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from pymongo.database import Database

from tests.e2e.conftest import Platform
from tests.support import profiling
from tests.support.waiting import eventually
from tidemark.local import airflow, postgres, processes, shop_services
from tidemark.local.airflow_client import AirflowApi
from tidemark.storage import mongo

pytestmark = pytest.mark.timeout(1200)


@pytest.fixture
def db(platform: Platform) -> Database[dict[str, Any]]:
    return mongo.connect(platform.config)


def contents(db: Database[dict[str, Any]]) -> dict[str, int]:
    return {name: db[name].count_documents({}) for name in profiling.collections(db)}


RECOVERY = 300
"""Seconds after which a killed platform that is not whole again will not be; how busy the machine is decides nothing."""


def pids(platform: Platform) -> dict[str, int]:
    return {name: service.pid for name, service in platform.services().items()}


def not_at_work(platform: Platform) -> set[str]:
    """The services that do not run, or do not answer in time that they are well."""
    stopped = {name for name, service in platform.services().items() if service.state != "RUNNING"}
    return stopped | {*airflow.unhealthy(platform.config), *shop_services.unhealthy(platform.config)}


def await_whole(platform: Platform) -> None:
    """Wait until every service is at work: on a busy machine one that is well may be late to say so."""
    eventually(lambda: not not_at_work(platform), RECOVERY, lambda: f"not at work: {not_at_work(platform)}", 0.5)


def workers_of_one_scheduler(platform: Platform) -> bool:
    """Whether there are workers, and none but those of the scheduler that runs now."""
    workers = {p.pid for p in processes.of_platform(platform.config.state) if "LocalExecutor" in p.name()}
    scheduler = psutil.Process(platform.services()["airflow-scheduler"].pid)
    return bool(workers) and workers <= {child.pid for child in scheduler.children(recursive=True)}


def workers_of_one_storefront(platform: Platform) -> bool:
    """Whether all that answers for the storefront are the workers of the one that runs now."""
    server = psutil.Process(platform.services()["storefront"].pid)
    running = {server.pid, *(child.pid for child in server.children(recursive=True))}
    found = {p.pid for p in processes.of_platform(platform.config.state) if processes.service_of(p) == "storefront"}
    return len(found) > platform.config.shop_workers and found <= running


def test_a_model_is_live_and_serves_every_user(platform: Platform, db: Database[dict[str, Any]]) -> None:
    pointer = db.pointers.find_one({"_id": "champion"})
    assert pointer is not None
    model = db.models.find_one({"_id": pointer["model_id"]})
    assert model is not None
    assert model["status"] == "champion"
    served = db[mongo.recommendations(model["_id"])]
    assert served.count_documents({}) == len(db.interactions.distinct("user_id")) > 0
    one = served.find_one()
    assert one is not None
    assert len(one["items"]) == platform.config.top_n


def test_the_run_ends_with_figures_addresses_and_titles(platform: Platform, db: Database[dict[str, Any]]) -> None:
    out = platform.first_output
    pointer = db.pointers.find_one({"_id": "champion"})
    assert pointer is not None
    named = [
        pointer["model_id"],
        "NDCG@10",
        "recall@10",
        "RMSE",
        "coverage",
        "popularity, all time",
        "popularity, recent",
    ]
    for word in [
        *named,
        "item-kNN",
        "global mean",
        "users served",
        airflow.url(platform.config),
        shop_services.url(platform.config),
        *(f"{name}@tidemark.example" for name in ("shopper", "heavy", "new", "presenter", "admin")),
        str(platform.env_file),
    ]:
        assert word in out, f"{word} is not in:\n{out}"
    titles = {product["title"][:30] for product in db.products.find({"title": {"$nin": [None, ""]}})}
    assert any(title in out for title in titles)


def test_every_socket_is_on_the_loopback(platform: Platform) -> None:
    platform.watch.look()
    config = platform.config
    listening = platform.watch.listening
    assert {"127.0.0.1", "::ffff:127.0.0.1"} >= {ip for _, ip, _ in listening}, listening
    known = {int(address.split(":")[1]) for address in (config.mongo_hosts, config.kafka_bootstrap)}
    known |= {config.kafka_controller_port, config.airflow_port, config.shop_port, config.shop_live_port}
    assert known <= {port for _, _, port in listening}
    drivers = [line for line in platform.watch.command_lines if "SparkSubmit" in line]
    assert drivers, "no Spark driver was seen while it worked"


def test_no_password_is_on_a_command_line(platform: Platform) -> None:
    platform.watch.look()
    for name, password in platform.passwords.items():
        assert len(password) >= 32
        assert not [line for line in platform.watch.command_lines if password in line], name


def test_no_password_is_in_a_file_that_others_can_read_or_in_a_log(platform: Platform) -> None:
    state = platform.config.state
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert stat.S_IMODE(platform.env_file.stat().st_mode) == 0o600
    passwords = {name: value.encode() for name, value in platform.passwords.items()}
    logs = 0
    # Where root runs it, PostgreSQL has a folder elsewhere.
    for path in (*state.rglob("*"), *postgres.home(platform.config).rglob("*")):
        if not path.is_file() or path.is_symlink():
            continue
        is_log = "logs" in path.parts or path.suffix == ".log"
        open_to_others = path.stat().st_mode & 0o077
        if is_log or open_to_others:
            logs += is_log
            text = path.read_bytes()
            assert not [name for name, password in passwords.items() if password in text], path
    assert logs > 10


def test_no_password_is_in_a_rendered_template_or_an_xcom(platform: Platform) -> None:
    with AirflowApi(platform.config) as api:
        shown = []
        for dag_id in ("load_reviews", "retrain_recommender"):
            for run in api.runs(dag_id):
                shown += api.tasks(dag_id, run["dag_run_id"])
    assert [task for task in shown if task["rendered_fields"]], "no task has rendered fields"
    for name, password in platform.passwords.items():
        assert password not in repr(shown), name


def test_the_api_and_the_servers_want_a_login(platform: Platform) -> None:
    answer = httpx.get(f"{airflow.url(platform.config)}/api/v2/dags", trust_env=False)
    assert answer.status_code == 401
    wrong = {"username": platform.config.airflow_user, "password": "wrong"}
    answer = httpx.post(f"{airflow.url(platform.config)}/auth/token", json=wrong, trust_env=False)
    assert answer.status_code == 401


def test_run_again_starts_and_changes_nothing(platform: Platform, db: Database[dict[str, Any]]) -> None:
    before, running = contents(db), pids(platform)
    again = platform.run()
    assert again.returncode == 0, again.stderr
    assert "nothing to do" in again.stdout
    assert contents(db) == before
    assert pids(platform) == running


def test_status_names_every_service(platform: Platform) -> None:
    answer = platform.tidemark("status")
    assert answer.returncode == 0
    for name, service in platform.services().items():
        assert f"{service.pid}" in answer.stdout, name


def test_a_failed_task_is_told_with_its_cause(platform: Platform, db: Database[dict[str, Any]]) -> None:
    before = contents(db)
    answer = platform.tidemark("run", "--source", "nowhere/none.json.gz")
    assert answer.returncode == 1
    assert "load_interactions failed in its task land" in answer.stderr
    assert str(platform.folder / "nowhere" / "none.json.gz") in answer.stderr
    assert airflow.url(platform.config) in answer.stdout
    assert platform.services()["ingest"].state == "RUNNING"
    assert contents(db) == before


def test_a_second_platform_on_taken_ports_is_refused_in_one_line(platform: Platform, tmp_path: Path) -> None:
    second = Platform(tmp_path)
    lines = platform.env_file.read_text().splitlines()
    taken = [line for line in lines if "PORT" in line or "HOSTS" in line or "BOOTSTRAP" in line]
    second.env_file.write_text("\n".join([f"TIDEMARK_STATE={second.watch.state}", *taken]))
    answer = second.run()
    assert answer.returncode == 1
    assert len(answer.stderr.strip().splitlines()) == 1
    assert str(platform.config.airflow_port) in answer.stderr
    assert f"of the platform in {platform.config.state}" in answer.stderr
    assert processes.of_platform(second.watch.state) == []


def test_a_second_platform_beside_it_comes_and_goes_without_a_trace(platform: Platform, tmp_path: Path) -> None:
    running = pids(platform)
    second = Platform(tmp_path / ("a-long-name-" * 10))
    try:
        answer = second.tidemark("run", "--no-job")
        assert answer.returncode == 0, answer.stderr
        await_whole(second)
        assert second.tidemark("clean", "--yes").returncode == 0
        assert not second.watch.state.exists()
        assert processes.of_platform(second.watch.state) == []
    finally:
        second.end()
    assert pids(platform) == running
    await_whole(platform)


def test_a_killed_service_comes_back_by_itself(platform: Platform, db: Database[dict[str, Any]]) -> None:
    held, before = contents(db), pids(platform)
    victims = ["mongo", "kafka", "postgres", "airflow-scheduler", "storefront", "live", "engagement"]
    for name in victims:
        os.kill(before[name], signal.SIGKILL)
    again = lambda: all(pids(platform)[name] not in (0, before[name]) for name in victims)  # noqa: E731
    eventually(again, RECOVERY, lambda: f"{pids(platform)}", 0.5)
    await_whole(platform)
    assert contents(db) == held
    eventually(lambda: workers_of_one_scheduler(platform), RECOVERY, "workers of two schedulers, or of none", 0.5)
    eventually(lambda: workers_of_one_storefront(platform), RECOVERY, "workers of two storefronts, or of none", 0.5)


def test_stop_and_run_lose_nothing(platform: Platform, db: Database[dict[str, Any]]) -> None:
    before = contents(db)
    with AirflowApi(platform.config) as api:
        runs = {run["dag_run_id"] for dag_id in ("load_reviews", "retrain_recommender") for run in api.runs(dag_id)}
    assert platform.tidemark("stop").returncode == 0
    assert processes.of_platform(platform.config.state) == []
    assert {service.state for service in platform.services().values()} == {"STOPPED"}
    assert platform.run().returncode == 0
    assert contents(db) == before
    with AirflowApi(platform.config) as api:
        after = {run["dag_run_id"] for dag_id in ("load_reviews", "retrain_recommender") for run in api.runs(dag_id)}
    assert runs == after


def test_run_recovers_when_everything_was_killed(platform: Platform, db: Database[dict[str, Any]]) -> None:
    before = contents(db)
    for process in processes.of_platform(platform.config.state):
        with contextlib.suppress(psutil.NoSuchProcess):  # a short one, or a child of what was killed before it
            process.kill()
    eventually(lambda: processes.of_platform(platform.config.state) == [], RECOVERY, "a process does not end", 0.5)
    again = platform.run()
    assert again.returncode == 0, again.stderr
    assert contents(db) == before
    await_whole(platform)


def test_run_recovers_when_the_supervisor_alone_was_killed(platform: Platform, db: Database[dict[str, Any]]) -> None:
    before = contents(db)
    (supervisor,) = [p for p in processes.of_platform(platform.config.state) if "supervisor.supervisord" in p.cmdline()]
    supervisor.kill()
    again = platform.run()
    assert again.returncode == 0, again.stderr
    assert "left behind" in again.stdout
    assert contents(db) == before
    await_whole(platform)
