"""Erasing a user of a real MongoDB: nothing of them is left anywhere, others keep all, and a killed worker stops nothing."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from tests.support.waiting import eventually
from tidemark.contracts import conformance
from tidemark.errors import LeaseLostError
from tidemark.registry import champion
from tidemark.settings import Settings
from tidemark.storage import mongo
from tidemark.storage.tombstones import tombstone
from tidemark.storefront import erasing
from tidemark.storefront.erasing import Sweep
from tidemark.storefront.erasures import Erasures

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GONE, STAYS = "leaving-käthe/7f3a", "leaving-käthe/7f3"
MODELS = ("20260101T000000-00000001", "20260102T000000-00000002")
AT_ONCE = timedelta(0)


@pytest.fixture
def config(mongo_db: Settings) -> Settings:
    return mongo_db.model_copy(update={"shop_secret": SecretStr("a secret of the tests")})


@pytest.fixture
def db(config):
    db = mongo.connect(config)
    for user_id in (GONE, STAYS):
        fill(db, user_id)
    for model_id in MODELS:
        db["models"].insert_one(
            {"_id": model_id, "status": "retired", "engine": "implicit", "feedback": "implicit", "params": {},
             "snapshot": {}, "metrics": {}, "decision": {}, "artifacts": "runs/1", "users_served": 2, "created_at": NOW,
             "published_at": NOW}
        )  # fmt: skip
    champion.move_pointer(db, MODELS[1], "a test")
    yield db
    db.client.close()


@pytest.fixture
def worker(config):
    made = []

    def make(**how: Any) -> Erasures:
        made.append(Erasures(config, **({"settle": AT_ONCE} | how)))
        return made[-1]

    yield make
    for each in made:
        each.close()


def fill(db: Any, user_id: str, interactions: int = 25) -> None:
    """Everything that may be stored of one user."""
    keys = [f"interactions-{len(user_id)}-{n}" for n in range(interactions)]
    event = {"user_id": user_id, "item_id": "i", "rating": None, "weight": 1.0, "timestamp": NOW, "source": "stream"}
    db["interactions"].insert_many([{"_id": key} | event for key in keys])
    db["interaction_details"].insert_many(
        [{"_id": key, "event_type": "view", "extra": json.dumps({"who": user_id})} for key in keys[::5]]
    )
    texts = {"title": "", "text": "", "clean_text": "", "user_name": user_id, "helpful_votes": 0, "release": "2018"}
    review = {"user_id": user_id, "item_id": "i", "rating": 5.0, "timestamp": NOW}
    db["reviews"].insert_one({"_id": f"{user_id}:i:1"} | review | texts)
    for model_id in MODELS:
        db[mongo.recommendations(model_id)].insert_one(
            {"_id": user_id, "model_id": model_id, "items": [{"item_id": "i", "score": 1.0}], "made_at": NOW}
        )
    wrong = [{"user_id": user_id, "item_id": "i", "rating": 9}, {"user_id": user_id}]
    for offset, message in enumerate([*map(json.dumps, wrong), f"{user_id}:an item"]):
        value = base64.b64encode(message.encode()).decode()
        place = {"topic": "interactions", "partition": len(user_id), "offset": offset, "time": NOW}
        letter = {"_id": f"interactions-{len(user_id)}-9{offset}", "reason": "wrong", "value": value}
        db["dead_letters"].insert_one(letter | place | {"replayed_at": None})
    for name in ("reviewerID", "user_id"):
        raw = json.dumps({name: user_id, "overall": 9})
        db["rejects"].insert_one(
            {"_id": (name + user_id).encode().hex()[:64].ljust(64, "0"), "kind": "review", "raw": raw, "raw_base64": None,
             "raw_bytes": len(raw), "cut": False, "reasons": ["overall"], "file": "f", "load": "l", "copies": 1}
        )  # fmt: skip
    shown = {"user_id": user_id, "clicked": [], "purchased": [], "expires_at": datetime.now(UTC) + timedelta(days=1)}
    db["shown_lists"].insert_one({"_id": f"shown to {len(user_id)}"} | shown)
    arm = {"arm": "test/a", "user_id": user_id, "expires_at": shown["expires_at"]}
    db["experiment_users"].insert_one({"_id": f"test/a:{user_id}"} | arm)
    db["deleted_interactions"].insert_one({"_id": f"review:{user_id}:i:2", "user_id": user_id, "deleted_at": NOW})
    account(db, f"{len(user_id)}@shop.example", user_id)
    session(db, f"{len(user_id)}@shop.example", user_id)
    session(db, f"presenter{len(user_id)}@shop.example", "presenter", acting=user_id)


def with_contracts(db: Any) -> None:
    """Hold what is there, and what is changed, to its contract."""
    for name in db.list_collection_names():
        if name in mongo.COLLECTIONS or name.startswith(mongo.RECOMMENDATIONS_PREFIX):
            mongo.ensure(db, name)
            validator = db.command("listCollections", filter={"name": name})["cursor"]["firstBatch"][0]["options"]
            wrong = list(db[name].find({"$nor": [validator["validator"]]})) if "validator" in validator else []
            assert wrong == [], name


def account(db: Any, email: str, user_id: str) -> None:
    db["accounts"].insert_one(
        {"_id": email, "password": "$argon2id$", "role": "shopper", "user_id": user_id, "created_at": NOW,
         "password_changed_at": NOW}
    )  # fmt: skip


def session(db: Any, email: str, user_id: str, acting: str | None = None) -> None:
    ends = datetime.now(UTC) + timedelta(days=1)
    db["sessions"].insert_one(
        {"_id": email.encode().hex()[:64].ljust(64, "0"), "account": email, "role": "presenter" if acting else "shopper",
         "user_id": user_id, "created_at": NOW, "used_at": NOW, "expires_at": ends, "user_agent": "", "csrf": "c" * 64,
         "acting": acting, "basket": ["i"], "not_for_me": [], "revision": 3}
    )  # fmt: skip


def texts(value: Any) -> list[str]:
    """Every text within a document, and what it holds in base64."""
    if isinstance(value, dict):
        return [text for pair in value.items() for each in pair for text in texts(each)]
    if isinstance(value, list):
        return [text for each in value for text in texts(each)]
    if not isinstance(value, str):
        return []
    try:
        return [value, base64.b64decode(value, validate=True).decode()]
    except ValueError:
        return [value]


def found(db: Any, user_id: str) -> list[str]:
    """Where the user is named, in all there is: as it is, or as JSON has it."""
    spelled = [f"{written}{end}" for written in (user_id, json.dumps(user_id)[1:-1]) for end in ('"', ":", "")]
    named = []
    for name in db.list_collection_names():
        for document in db[name].find():
            for text in texts(document):
                is_other = user_id == STAYS and (GONE in text or json.dumps(GONE)[1:-1] in text)
                if not is_other and any(each in text for each in spelled):
                    named.append(name)
    return sorted(named)


def test_nothing_of_the_user_is_left_and_others_keep_everything(db, worker):
    with_contracts(db)
    before, others = set(found(db, GONE)), found(db, STAYS)
    assert before >= {"interactions", "interaction_details", "reviews", "dead_letters", "rejects", "shown_lists",
                      "experiment_users", "accounts", "sessions", *map(mongo.recommendations, MODELS)}  # fmt: skip
    erasures = worker()
    asked = erasures.ask(GONE)
    (pending,) = db["erased"].find()
    assert (asked.state, asked.finished_at, pending["user_id"]) == ("pending", None, GONE)
    assert conformance.reasons("erased", pending) == []
    erasures.look()
    assert found(db, GONE) == []
    assert found(db, STAYS) == others
    done = erasures.get(asked.erasure_id)
    assert (done.state, done.erased_at) == ("done", asked.erased_at)
    assert done.finished_at >= done.erased_at
    assert done.removed == {
        "interactions": 25, "deleted_interactions": 1, "reviews": 1, "shown_lists": 1, "experiment_users": 1, "dead_letters": 3,
        "rejects": 2, "sessions": 2, "accounts": 1, **{mongo.recommendations(model_id): 1 for model_id in MODELS}
    }  # fmt: skip
    (document,) = db["erased"].find()
    assert document.keys() == {"_id", "erased_at", "state", "report", "finished_at"}
    assert conformance.reasons("erased", document) == []
    assert champion.verify(db) == {"model_id": MODELS[1], "users_served": 1}
    (presenter,) = db["sessions"].find({"account": f"presenter{len(GONE)}@shop.example"})
    assert (presenter["acting"], presenter["basket"], presenter["revision"]) == (None, [], 4)


def test_a_worker_that_is_killed_half_way_is_replaced_and_its_count_is_not_lost(db, worker, monkeypatch):
    monkeypatch.setattr(erasing, "CHUNK", 10)
    killed, other = worker(lease=timedelta(seconds=1.5)), worker()
    erasure_id = killed.ask(GONE).erasure_id
    taken = killed._take()
    place = next(iter(Sweep(db, GONE).places()))
    killed._count(taken, place.collection, place.count, again=False)
    next(place.steps)
    assert db["interactions"].count_documents({"user_id": GONE}) == 15
    other.look()
    assert other.get(erasure_id).state == "pending", "nobody else works on what is worked on"

    def taken_up() -> bool:
        other.look()
        return other.get(erasure_id).state == "done"

    eventually(taken_up, 30, "the erasure was not taken up")
    assert found(db, GONE) == []
    assert other.get(erasure_id).removed["interactions"] == 25
    with pytest.raises(LeaseLostError):
        killed._renew(taken)


def test_what_comes_while_it_is_erased_is_removed_by_the_second_look(db, worker):
    erasures = worker(settle=timedelta(seconds=1))
    erasure_id = erasures.ask(GONE).erasure_id
    erasures.look()
    assert erasures.get(erasure_id).state == "pending"
    db["shown_lists"].insert_one(
        {"_id": "late", "user_id": GONE, "clicked": [], "purchased": [], "expires_at": NOW + timedelta(days=999)}
    )

    def done() -> bool:
        erasures.look()
        return erasures.get(erasure_id).state == "done"

    eventually(done, 30, "it was never looked at again")
    assert found(db, GONE) == []
    assert erasures.get(erasure_id).removed["shown_lists"] == 2


def test_asked_again_it_looks_again_and_the_tombstone_keeps_its_time(db, worker, config):
    erasures = worker()
    first = erasures.ask(GONE)
    assert erasures.ask(GONE).erased_at == first.erased_at
    assert first.erasure_id == tombstone(GONE, config)
    erasures.look()
    account(db, "again@shop.example", GONE)
    again = erasures.ask(GONE)
    assert (again.state, again.erased_at, again.finished_at) == ("pending", first.erased_at, None)
    erasures.look()
    done = erasures.get(first.erasure_id)
    assert (done.state, done.removed["accounts"], done.removed["interactions"]) == ("done", 2, 25)
    assert found(db, GONE) == []


def test_what_nobody_can_read_is_counted(db, worker):
    for offset, value in enumerate([b"\xff\xfe", b"[1]", b'{"item_id": "i"}']):
        letter = {"topic": "t", "partition": 0, "offset": offset, "time": NOW, "reason": "r", "replayed_at": None}
        encoded = base64.b64encode(value).decode()
        db["dead_letters"].insert_one(letter | {"_id": f"t-0-{offset}", "value": encoded})
    erasures = worker()
    erasure_id = erasures.ask("a user of whom nothing is".replace(" ", "-")).erasure_id
    erasures.look()
    done = erasures.get(erasure_id)
    assert (done.state, done.removed, done.unreadable) == ("done", {}, {"dead_letters": 3})


def test_a_worker_that_ends_gives_back_what_it_works_on(db, worker, monkeypatch):
    monkeypatch.setattr(erasing, "CHUNK", 5)
    ending, other = worker(), worker()
    erasure_id = ending.ask(GONE).erasure_id
    taken = ending._take()
    ending._closing.set()
    with pytest.raises(LeaseLostError):
        ending._renew(taken)
    other.look()
    assert other.get(erasure_id).state == "done"
