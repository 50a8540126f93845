"""What long use of a platform leaves, made of one real retrain: many models and their run folders; and dead letters."""

import shutil
from datetime import timedelta
from typing import Any

import numpy as np
from pymongo.database import Database
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from tidemark.dag_ids import RETRAIN_RECOMMENDER
from tidemark.registry import champion
from tidemark.settings import Settings
from tidemark.storage import mongo, run_folder
from tidemark.stream.sending import Sender

Document = dict[str, Any]

HOUR = timedelta(hours=1)


def run_id(number: int) -> str:
    """The Airflow run that the `number`-th older model is said to come from."""
    return f"older-{number:05}"


def older(model: Document, number: int, root: str, rng: np.random.Generator) -> Document:
    """`model` as if it were `number` hours older: every fourth was rejected, and its figures are a little worse."""
    made, rejected = model["created_at"] - number * HOUR, number % 4 == 0
    lost = float(rng.uniform(0, 0.002)) * number**0.5
    contender = model["decision"]["contender"]
    ndcg = {name: value - lost for name, value in model["metrics"][contender]["ndcg_at_10"].items()}
    figures = model["metrics"][contender] | {"ndcg_at_10": ndcg}
    return model | {
        "_id": f"{made:%Y%m%dT%H%M%S}-{number:08x}",
        "status": "rejected" if rejected else "retired",
        "created_at": made,
        "published_at": None if rejected else made + timedelta(minutes=2),
        "users_served": None if rejected else model["users_served"],
        "decision": model["decision"] | {"publish": not rejected},
        "metrics": model["metrics"] | {contender: figures},
        "artifacts": run_folder.of(root, RETRAIN_RECOMMENDER, run_id(number)),
    }


def fill(db: Database[Document], config: Settings, count: int, folders: int) -> None:
    """Put `count` models in all into the registry, all but the champion copies of it that are older; the newest `folders`
    of them have run folders, and as many as are kept have recommendations."""
    model, rng = champion.live(db), np.random.default_rng(0)
    assert model is not None
    copies = [older(model, number, config.artifacts_root, rng) for number in range(1, count)]
    db["models"].insert_many(copies)
    for copy in copies[:folders]:
        shutil.copytree(model["artifacts"], copy["artifacts"])
    published = [copy["_id"] for copy in copies if copy["published_at"]]
    for model_id in published[: config.kept_models - 1]:
        db[mongo.recommendations(model["_id"])].aggregate([{"$out": mongo.recommendations(model_id)}])


def send_bad_messages(db: Database[Document], config: Settings, count: int) -> None:
    """Send `count` messages that are no interactions, and wait until the ingest has put each with the dead letters."""
    sender = Sender(config)
    for number in range(count):
        sender.send(f"u{number}", b"not JSON")
    assert sender.flush()
    wait = Retrying(stop=stop_after_delay(120), wait=wait_fixed(0.5), retry=retry_if_result(lambda n: n < count))
    wait(db["dead_letters"].count_documents, {})
