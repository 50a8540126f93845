"""What a test asks from within a container, which has the platform's library and no tests: fed to its Python.

    docker exec -i <container> python - <question> [argument ...] <tests/support/cluster_probe.py
    docker-compose run ... python /probe/cluster_probe.py <question> [argument ...]

It ends with the answer as a line of JSON.
"""

import json
import socket
import ssl
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from confluent_kafka.admin import ConfigResource
from pymongo.errors import PyMongoError

from tidemark.errors import TidemarkError
from tidemark.settings import settings
from tidemark.storage import mongo
from tidemark.stream import topics
from tidemark.stream.sending import Sender


def counts() -> dict[str, int]:
    """Collection -> documents."""
    db = mongo.connect(settings())
    return {name: db[name].count_documents({}) for name in db.list_collection_names() if not name.startswith("system.")}


def champion() -> str:
    """The id of the model that is live; empty: none is."""
    pointer = mongo.connect(settings()).pointers.find_one({"_id": "champion"})
    return pointer["model_id"] if pointer else ""


def served() -> bool:
    """Whether the live model has as many lists as it says that it serves users: what no reader may meet otherwise."""
    db = mongo.connect(settings())
    model = db.models.find_one({"_id": champion()})
    return model is not None and db[mongo.recommendations(model["_id"])].count_documents({}) == model["users_served"]


def stored(user: str) -> int:
    """The interactions of a user."""
    return mongo.connect(settings()).interactions.count_documents({"user_id": user})


def send(user: str, many: str) -> int:
    """Tell Kafka of that many purchases of a user; gives how many it says that it has on all copies."""
    sender = Sender(settings())
    for number in range(int(many)):
        told = {"user_id": user, "item_id": f"i{number}", "event_type": "purchase"}
        sender.send(user, json.dumps(told).encode())
    sender.flush()
    return sender.acknowledged


def copies() -> tuple[dict[str, int], list[str]]:
    """(copies of the topic's first partition, those in sync, how many must be; what each member of the replica set is)."""
    admin, topic = topics.admin_client(settings()), topics.name(topics.INTERACTIONS, settings())
    partition = admin.list_topics(timeout=15).topics[topic].partitions[0]
    asked = ConfigResource(ConfigResource.Type.TOPIC, topic)
    least = admin.describe_configs([asked])[asked].result(15)["min.insync.replicas"].value
    kafka = {"replicas": len(partition.replicas), "in_sync": len(partition.isrs), "min_in_sync": int(least)}
    hello = mongo.connect(settings()).client.admin.command("hello")
    return kafka, sorted("primary" if host == hello["primary"] else "secondary" for host in hello["hosts"])


def spoken() -> dict[str, str]:
    """What each of MongoDB's and Kafka's servers speaks: TLS, with a certificate of its own name by the platform's authority, where a
    word without it is not answered."""
    found, hello = {}, b"\0\0\0\n\0\x12\0\0\0\0\0\1\xff\xff"  # Kafka's ApiVersions; to MongoDB no words at all
    known = ssl.create_default_context(cafile=settings().tls_ca)
    for address in [*settings().mongo_hosts.split(","), *settings().kafka_bootstrap.split(",")]:
        host, _, port = address.partition(":")
        with socket.create_connection((host, int(port)), 10) as plain:
            plain.sendall(hello)
            try:
                answer = plain.recv(64)
            except OSError:
                answer = b""
        with socket.create_connection((host, int(port)), 10) as plain, known.wrap_socket(plain, server_hostname=host):
            found[address] = "plain text" if answer[:1] == b"\0" else "TLS"
    return found


def logins() -> list[str]:
    """The mechanisms by which Kafka knows the platform's user, other than PLAIN."""
    asked = topics.admin_client(settings()).describe_user_scram_credentials([settings().kafka_user])
    described = asked[settings().kafka_user].result(15)
    return sorted(one.mechanism.name.replace("_", "-") for one in described.scram_credential_infos)


def load(user: str) -> dict[str, Any]:
    """Send and read, many times a second, until `/tmp/stop` is there; tells what was seen.

    `acknowledged`: messages that Kafka says it has; `failed`: that it gave up; `wrong`: reads of a live model whose lists are
    not all there; `reads`; `silent`: seconds of the longest time in which no read was answered.
    """
    sender, stop = Sender(settings()), Path("/tmp/stop")  # noqa: S108 -- the container's own
    wrong, reads, silent, answered = 0, 0, 0.0, time.monotonic()
    while not stop.exists():
        for number in range(5):
            told = {"user_id": user, "item_id": f"i{reads}-{number}", "event_type": "view"}
            sender.send(user, json.dumps(told).encode())
        try:
            wrong += not served()
        except (TidemarkError, PyMongoError):
            continue
        reads += 1
        silent, answered = max(silent, time.monotonic() - answered), time.monotonic()
        time.sleep(0.2)
    sender.flush(120)
    return {
        "acknowledged": sender.acknowledged,
        "failed": sender.failed,
        "wrong": wrong,
        "reads": reads,
        "silent": silent,
    }


def master() -> Any:
    """What Spark's master tells of itself."""
    with urlopen("http://spark-master:8080/json/", timeout=30) as answer:
        return json.load(answer)


def executors() -> list[str]:
    """The applications that this worker has had executors of."""
    return [folder.name for folder in Path("/opt/tidemark/spark-work").glob("app-*")]


QUESTIONS: dict[str, Callable[..., Any]] = {
    f.__name__: f for f in (counts, champion, served, stored, send, copies, spoken, logins, load, master, executors)
}

if __name__ == "__main__":
    print(json.dumps(QUESTIONS[sys.argv[1]](*sys.argv[2:])))
