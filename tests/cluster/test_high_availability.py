"""docker-compose.ha.yaml, with TLS and SCRAM between the servers: whichever container is killed while messages come and people
read, nothing is lost and all goes on."""

import os
import random
import time
from collections.abc import Iterator

import pytest

from tests.cluster.conftest import Start
from tests.support.cluster import Cluster
from tests.support.waiting import eventually

pytestmark = pytest.mark.timeout(2_400)

ENCRYPTED = {
    "mongo_tls": True,
    "kafka_security_protocol": "SASL_SSL",
    "kafka_sasl_mechanism": "SCRAM-SHA-512",
    "tls_ca": "/run/secrets/tidemark_cluster_ca",
}
SMALL = {"source": "builtin", "builtin_reviews": 6_000, "builtin_users": 400, "builtin_items": 150}
KILLS = int(os.environ.get("TIDEMARK_KILLS", "10"))
BACK_WITHIN, PRIMARY_WITHIN = 60, 15
"""Seconds."""


@pytest.fixture(scope="module")
def cluster(start: Start) -> Iterator[Cluster]:
    with start("docker-compose.yaml", "docker-compose.ha.yaml", **ENCRYPTED) as cluster:
        yield cluster


def is_gone(cluster: Cluster, name: str) -> None:
    eventually(lambda: name in cluster.unwell(), 30, f"{name} was not killed")


def test_messages_are_on_three_brokers_and_data_on_three_members(cluster: Cluster) -> None:
    kafka, mongo = cluster.ask("storefront", "copies")
    assert kafka == {"replicas": 3, "in_sync": 3, "min_in_sync": 2}
    assert mongo == ["primary", "secondary", "secondary"]


def test_servers_are_known_by_the_authority_and_speak_nothing_but_tls(cluster: Cluster) -> None:
    servers = {*(f"mongo{n}:27017" for n in ("", "-2", "-3")), *(f"kafka{n}:9092" for n in ("", "-2", "-3"))}
    assert cluster.ask("storefront", "spoken") == dict.fromkeys(servers, "TLS")
    assert cluster.ask("storefront", "logins") == ["SCRAM-SHA-512"]


def test_ten_kills_under_load_lose_nothing(cluster: Cluster) -> None:
    cluster.run("load_reviews", SMALL)
    eventually(lambda: cluster.ask("storefront", "champion"), 600, "no model became live", every=5)
    drawn, late, user = random.Random(13), {}, "under-load"
    with cluster.asking("load", user) as end:
        for _ in range(KILLS):
            one = drawn.choice(sorted(cluster.running(), key=lambda one: one["Name"]))
            cluster.kill_container(one)
            begun = time.monotonic()
            is_gone(cluster, one["Name"].lstrip("/"))
            cluster.well()
            if (took := time.monotonic() - begun) > BACK_WITHIN:
                late[one["Name"]] = round(took)
        seen = end()
    assert late == {}
    assert seen["failed"] == seen["wrong"] == 0, seen
    assert seen["reads"] > 100, seen
    assert seen["silent"] < PRIMARY_WITHIN, seen

    def missing() -> int:
        return int(seen["acknowledged"] - cluster.ask("storefront", "stored", user))

    eventually(lambda: missing() == 0, 120, lambda: f"{missing()} of {seen['acknowledged']} are missing", every=2)
