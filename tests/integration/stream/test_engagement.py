"""Exposures and clicks through a real Kafka into a real MongoDB: counted once, whenever the consumer is killed."""

import json
import os
import random
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from pymongo.database import Database

from tests.support.engagement_service import EngagementService, read
from tests.support.topic import own_topics
from tests.support.waiting import eventually
from tidemark.errors import OutpacedError, TopicChangedError
from tidemark.settings import Settings
from tidemark.storage import mongo
from tidemark.storage.tombstones import tombstone
from tidemark.stream import engagement_figures, progress, topics
from tidemark.stream.bookmark import Bookmark
from tidemark.stream.engagement import Engagement, progress_id
from tidemark.stream.exposures import QUEUE, Exposures
from tidemark.stream.sending import Sender

FULL = bool(os.environ.get("TIDEMARK_FULL"))
LISTS, KILLS = (10_000, 5) if FULL else (2_000, 3)


@pytest.fixture
def config(mongo_db: Settings, kafka_env: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    return own_topics(monkeypatch)


@pytest.fixture
def db(config: Settings) -> Iterator[Database[dict[str, Any]]]:
    db = mongo.connect(config)
    yield db
    db.client.close()


@pytest.fixture
def exposures(config: Settings) -> Iterator[Exposures]:
    made = Exposures(config)
    yield made
    assert made.close(30)


def click(sender: Sender, user: str, item: str, **more: object) -> None:
    sender.send(user, json.dumps({"user_id": user, "item_id": item, "event_type": "click"} | more).encode())


def counted(db: Database[dict[str, Any]]) -> dict[str, int]:
    """Messages that are counted, by the topic's own name."""
    names = {progress_id(topics.name(short)): short for short in topics.TOPICS}
    found = db["progress"].find({"_id": {"$in": list(names)}})
    return {names[each["_id"]]: sum(each["next_offsets"].values()) for each in found}


def totals(db: Database[dict[str, Any]], field: str = "model_id") -> dict[Any, Counter[str]]:
    found: dict[Any, Counter[str]] = {}
    for each in db["engagement"].find():
        numbers = {name: value for name, value in each.items() if isinstance(value, int)}
        found.setdefault(each[field], Counter()).update(numbers)
    return found


def test_killed_anywhere_the_counts_are_what_was_sent(
    config: Settings, db: Database[dict[str, Any]], exposures: Exposures, tmp_path: Path
) -> None:
    chance, sender, service = random.Random(7), Sender(config), EngagementService(tmp_path / "engagement.log")
    wanted: dict[Any, Counter[str]] = {}
    clicks = 0
    for number in range(LISTS):
        user, model = f"u{number % 500}", f"m{number % 3}"
        name, items = f"{user}/{number}/good", [f"i{chance.randrange(50)}-{place}" for place in range(5)]
        arm = f"e/{'ab'[number % 2]}" if number % 4 else "champion"
        exposures.shown(name, user, items, model, arm, "for_you", "stored")
        expected = wanted.setdefault(model, Counter())
        expected.update(lists=1, shown=5)
        for item in chance.sample(items, chance.randrange(3)):
            bought = chance.random() < 0.3
            for _ in range(chance.choice([1, 1, 2])):  # some click twice
                click(sender, user, item, recommendation_id=name, event_type="purchase" if bought else "click")
                clicks += 1
            expected.update(clicked=1, purchased=int(bought))
        organic = {
            0: {},
            1: {"recommendation_id": f"{user}/{number}/forged"},
            2: {"recommendation_id": f"x/{number}/good"},
        }
        if number % 10 in organic:  # none at all, a forged one, another user's
            click(sender, user, items[0], **organic[number % 10])
            wanted.setdefault(None, Counter()).update(organic=1, unproven=int(number % 10 > 0))
            clicks += 1
        if (number + 1) % (LISTS // (KILLS + 1)) == 0 and number + 1 < LISTS:
            before = sum(counted(db).values())
            eventually(lambda before=before: sum(counted(db).values()) > before, 60, service.log.read_text)
            service.kill()
            service.start()
    assert sender.flush()
    all_of_it = {"recommendations": LISTS, "interactions": clicks}
    eventually(lambda: counted(db) == all_of_it, 120, lambda: f"{counted(db)} {service.log.read_text()[-2_000:]}")
    assert service.stop() == 0
    assert totals(db) == wanted
    rates = engagement_figures.by_model(db)
    assert {model: rate.clicked for model, rate in rates.items()} == {
        model: expected["clicked"] for model, expected in wanted.items() if model
    }
    users = engagement_figures.users_by_arm(db, "e")
    assert {arm: rate.shown for arm, rate in users.items()} == {"a": 125, "b": 250}
    assert set(engagement_figures.by_placement(db)) == {
        (f"m{n}", arm, "for_you") for n in range(3) for arm in ("champion", "e/a", "e/b")
    }


def test_two_at_once_count_once(config: Settings, db: Database[dict[str, Any]], exposures: Exposures) -> None:
    first, second = (Engagement(config, db, read) for _ in range(2))
    first.begin()
    second.begin()
    exposures.shown("u/1/good", "u", ["a"], "m", "champion", "p", "stored")
    eventually(first.step, 30, "nothing came")
    with pytest.raises(OutpacedError):
        eventually(second.step, 30, "nothing came")
    second.begin()
    exposures.shown("u/2/good", "u", ["a", "b"], "m", "champion", "p", "stored")
    eventually(second.step, 30, "nothing came")
    assert totals(db) == {"m": Counter(lists=2, shown=3)}
    first.close()
    second.close()


def test_an_open_transaction_of_who_was_killed_holds_up_nobody(
    config: Settings, db: Database[dict[str, Any]], exposures: Exposures
) -> None:
    killed, next_one = Engagement(config, db, read), Engagement(config, db, read)
    killed.begin()
    exposures.shown("u/1/good", "u", ["a"], "m", "champion", "p", "stored")
    assert killed._session is not None
    killed._session.start_transaction()
    progress_of = {"_id": progress_id(topics.name(topics.RECOMMENDATIONS))}
    db["progress"].update_one(progress_of, {"$set": {"next_offsets.0": 99}}, session=killed._session)
    next_one.begin()
    start = datetime.now(UTC)
    eventually(next_one.step, 30, "nothing came")
    assert (datetime.now(UTC) - start).total_seconds() < 30  # MongoDB itself would end the transaction after 60
    assert totals(db) == {"m": Counter(lists=1, shown=1)}
    next_one.close()


def test_a_topic_made_anew_is_counted_from_its_start(
    config: Settings, db: Database[dict[str, Any]], exposures: Exposures
) -> None:
    counting = Engagement(config, db, read)
    counting.begin()
    sender = Sender(config)
    click(sender, "u", "a")
    assert sender.flush()
    eventually(counting.step, 30, "nothing came")
    admin, full = topics.admin_client(config), topics.name(topics.INTERACTIONS, config)
    admin.delete_topics([full])[full].result(30)
    eventually(lambda: full not in admin.list_topics(timeout=10).topics, 60, "it is still there")
    topics.ensure(config)
    again = Sender(config)
    for _ in range(3):
        click(again, "u", "a")
    assert again.flush()
    stop = threading.Event()
    thread = threading.Thread(target=counting.run, args=(stop,))
    thread.start()
    eventually(lambda: totals(db)[None]["organic"] == 4, 60, lambda: str(totals(db)))
    stop.set()
    thread.join()
    known = progress.read(db, progress_id(full))
    assert known is not None
    assert (known.generation, known.topic_id) == (1, Bookmark(config).topic_id())


def test_an_old_batch_of_a_topic_that_is_gone_is_not_counted(config: Settings, db: Database[dict[str, Any]]) -> None:
    counting = Engagement(config, db, read)
    counting.begin()
    db["progress"].update_one({"_id": progress_id(topics.name("interactions"))}, {"$set": {"topic_id": "another"}})
    sender = Sender(config)
    click(sender, "u", "a")
    assert sender.flush()
    with pytest.raises((OutpacedError, TopicChangedError)):
        eventually(counting.step, 30, "nothing came")
    assert totals(db) == {}
    counting.close()


def test_reports_name_the_place(config: Settings, exposures: Exposures) -> None:
    start = datetime.now(UTC)
    exposures.shown("u/1/good", "u", ["a"], None, "champion", "p", "popular")
    report = eventually(lambda: exposures.report("u/1/good"), 30, lambda: exposures.problem)
    assert report.offset == 0
    assert report.at is not None
    assert abs((report.at - start).total_seconds()) < 60
    assert exposures.report("u/2/good") is None
    exposures.shown("u/3/good", "\ud800", ["a"], None, "champion", "p", "popular")  # no message can hold it
    eventually(lambda: exposures.failed == 1, 30, "it was not given up")
    assert (exposures.sent, exposures.acknowledged, exposures.overflowed) == (2, 1, 0)


def test_nobody_waits_for_a_kafka_that_is_away(config: Settings) -> None:
    exposures = Exposures(config.model_copy(update={"kafka_bootstrap": "127.0.0.1:9"}))
    for number in range(QUEUE + 25):
        exposures.shown(f"{number}", "u", ["a"], "m", "champion", "p", "stored")
    assert (exposures.sent, exposures.acknowledged, exposures.overflowed) == (QUEUE, 0, 25)
    assert not exposures.close(0.2)
    exposures.shown("after", "u", ["a"], "m", "champion", "p", "stored")
    assert exposures.overflowed == 26


def test_what_an_erased_user_does_is_read_and_counts_nowhere(
    config: Settings, db: Database[dict[str, Any]], exposures: Exposures
) -> None:
    config = config.model_copy(update={"shop_secret": SecretStr("a secret of the tests")})
    db["erased"].insert_one({"_id": tombstone("anna", config), "erased_at": datetime.now(UTC)})
    sender = Sender(config)
    for user in ("anna", "ben"):
        exposures.shown(f"{user}/1/good", user, ["i1", "i2"], "m", "e/a", "for_you", "stored")
        click(sender, user, "i1", recommendation_id=f"{user}/1/good")
        click(sender, user, "i9")
    assert sender.flush()
    engagement = Engagement(config, db, read)
    engagement.begin()
    eventually(lambda: engagement.step() >= 0 and engagement.counted == 6, 60, lambda: f"{engagement.counted} counted")
    engagement.close()
    assert totals(db) == {"m": Counter(lists=1, shown=2, clicked=1), None: Counter(organic=1)}
    assert [each["user_id"] for name in ("shown_lists", "experiment_users") for each in db[name].find()] == ["ben"] * 2
