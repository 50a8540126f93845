"""What operators and their machines ask."""

import os
import subprocess
import sys

from prometheus_client.parser import text_string_to_metric_families

from tests.support.shop_api import MODEL, bearer
from tidemark.storefront.shop_metrics import COUNTERS, GAUGES


def test_a_process_that_answers_is_healthy_whatever_else_is_away(client, shop):
    shop.serving.down = shop.serving.away = True
    assert client.get("/healthz").json == {"status": "ok"}


def test_it_is_ready_once_a_model_is_mapped(client, shop):
    told = client.get("/readyz").json
    assert (told["status"], told["model_id"]) == ("ready", MODEL)
    shop.serving.down = True
    answer = client.get("/readyz")
    assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")


def test_the_models_that_are_kept(client):
    told = client.get("/api/v1/models", headers=bearer()).json
    assert told["live"] == MODEL
    assert told["models"][0]["model_id"] == MODEL


def metrics(client):
    answer = client.get("/metrics", headers=bearer("tm_read"))
    assert answer.mimetype == "text/plain"
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if "route" not in sample.labels
    }


def test_metrics_have_what_the_parts_count_once(client, shop):
    shop.exposures.sent = 3
    first, again = metrics(client), metrics(client)
    assert first["tidemark_shop_exposures_sent_total"] == again["tidemark_shop_exposures_sent_total"] == 3
    assert first["tidemark_shop_ready"] == 1
    shop.exposures.sent = 5
    assert metrics(client)["tidemark_shop_exposures_sent_total"] == 5
    assert {f"tidemark_shop_{name}" for name in GAUGES} | {f"tidemark_shop_{name}_total" for name in COUNTERS} <= set(
        first
    )


def test_metrics_name_routes_and_no_person(client):
    client.get("/api/v1/users/secret-person/recommendations", headers=bearer())
    client.get("/nowhere/secret-person")
    text = client.get("/metrics", headers=bearer()).text
    assert 'route="recommendations.recommendations"' in text
    assert "secret-person" not in text


WORKER = """
import sys
from tests.support.shop_api import bearer, stand_in_app, stand_in_shop
client = stand_in_app(stand_in_shop()).test_client()
for _ in range(int(sys.argv[1])):
    client.get("/healthz")
print(client.get("/metrics", headers=bearer()).text)
"""


def test_all_workers_are_counted_together_and_the_gauges_of_dead_ones_forgotten(tmp_path):
    env = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}

    def worker(requests: int) -> str:
        return subprocess.run(
            [sys.executable, "-c", WORKER, str(requests)], env=env, capture_output=True, text=True, check=True
        ).stdout

    worker(3)
    text = worker(4)
    assert 'tidemark_shop_request_seconds_count{route="system.healthz",status="200"} 7.0' in text
    assert len(list(tmp_path.glob("gauge_live*.db"))) == 2  # livemin and livemax of the second; the first's are gone
