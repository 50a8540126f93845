"""An experiment as it is met: 600 users through the API, over real models, a real database and a real broker."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr

from tests.support import published
from tests.support.published import ITEMS, Published, listed, model_id
from tests.support.shop_api import StandInExposures, StandInKeys, bearer
from tests.support.topic import Topic
from tidemark.registry import champion
from tidemark.serving.service import Serving
from tidemark.settings import Settings
from tidemark.storage import mongo
from tidemark.storefront import experiments
from tidemark.storefront.app import create_app
from tidemark.storefront.experiments import Arm
from tidemark.storefront.shop import Shop

USERS = [f"u{n:03}" for n in range(600)]
KEPT, LIVE = 1, 2
HAD, N = "i00", 5


@pytest.fixture
def shop(mongo_db: Settings, kafka_env: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """Two models, the second of them live; everybody has taken `HAD`."""
    topic = Topic(monkeypatch)
    db = topic.db
    models = Published(db, tmp_path / "runs", USERS)
    here: dict[str, Any] = {"next_offsets": topic.bookmark.ends(), "topic_id": topic.bookmark.topic_id()}
    for number in (KEPT, LIVE):
        models.publish(number, **here)
    taken_at = published.MADE_AT - timedelta(days=1)
    db["interactions"].insert_many(
        [
            {"_id": f"interactions-0-{n}", "user_id": user, "item_id": HAD, "rating": None, "weight": 1.0,
             "timestamp": taken_at, "source": "stream"}
            for n, user in enumerate(USERS)
        ]
    )  # fmt: skip
    config = topic.config.model_copy(
        update={"shop_packs": str(tmp_path / "packs"), "shop_secret": SecretStr("signed with this")}
    )
    serving = Serving(config)
    serving.start()
    whole = Shop.of(config, serving)
    whole.exposures.close()
    shop = replace(whole, keys=StandInKeys(), exposures=StandInExposures())  # type: ignore[arg-type]
    yield shop
    whole.close()


def ask(client: FlaskClient, user: str) -> Any:
    answer = client.get(f"/api/v1/users/{user}/recommendations?n={N}", headers=bearer())
    assert answer.status_code == 200, answer.text
    return answer.json


def test_600_users_get_what_their_arm_gives_and_its_id_says_so(shop: Shop) -> None:
    client, now = create_app(shop=shop).test_client(), datetime.now(UTC)
    arms = [Arm("live", "champion", 0.4), Arm("old", model_id(KEPT), 0.3), Arm("most", "popularity", 0.3)]
    experiment = experiments.planned("autumn", arms, now, now + timedelta(days=1), 10)
    experiments.add(shop.db, experiment)
    seen: Counter[str] = Counter()
    for user in USERS:
        told = ask(client, user)
        arm = experiment.arm_of(user)
        assert arm is not None
        expected = {
            "live": (model_id(LIVE), [ITEMS[item] for item in listed(LIVE, user)[:N]], "stored"),
            "old": (model_id(KEPT), [ITEMS[item] for item in listed(KEPT, user)[:N]], "stored"),
            "most": (model_id(LIVE), ITEMS[1 : N + 1], "popular"),  # `HAD` is the most taken of all
        }[arm.name]
        assert (told["model_id"], [item["item_id"] for item in told["items"]], told["method"]) == expected
        assert told["arm"] == f"autumn/{arm.name}"
        shown = shop.signer.read(told["recommendation_id"], user, datetime.now(UTC))
        assert shown is not None
        assert (shown.arm, shown.model_id) == (told["arm"], expected[0])
        seen[arm.name] += 1
    assert all(seen[arm.name] > 100 for arm in arms)
    assert shop.experiments.fallbacks == 0

    figures = client.get("/api/v1/experiments/autumn", headers=bearer()).json
    assert [(arm["name"], arm["users"], arm["verdict"]) for arm in figures["arms"]] == [
        (arm.name, 0, "no decision yet") for arm in arms
    ]
    assert client.get("/api/v1/experiments/winter", headers=bearer()).status_code == 404


def test_the_arm_of_a_model_that_is_gone_gets_the_champion_and_it_is_counted(shop: Shop) -> None:
    client, now = create_app(shop=shop).test_client(), datetime.now(UTC)
    experiment = experiments.planned(
        "autumn", [Arm("old", model_id(KEPT), 0.5), Arm("live", "champion", 0.5)], now, now + timedelta(days=1), 10
    )
    experiments.add(shop.db, experiment)
    shop.db.drop_collection(mongo.recommendations(model_id(KEPT)))
    assert champion.kept(shop.db) == [model_id(LIVE)]
    user = next(user for user in USERS if experiment.arm_of(user).name == "old")
    told = ask(client, user)
    assert (told["arm"], told["model_id"]) == ("autumn/old", model_id(LIVE))
    assert shop.experiments.fallbacks == 1
    metrics = client.get("/metrics", headers=bearer()).text
    assert "tidemark_shop_arm_fallbacks_total 1.0" in metrics
