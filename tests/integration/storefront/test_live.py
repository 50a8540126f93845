"""The live process with a real Kafka and MongoDB: who gets what, who comes back, who is too slow, and who gets nothing."""

import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.live_server import COOKIE, LiveServer, Reader, live_server
from tests.support.topic import own_topics
from tests.support.waiting import eventually
from tidemark.registry import champion
from tidemark.settings import Settings, settings
from tidemark.storage import mongo
from tidemark.stream.exposures import Exposures
from tidemark.stream.sending import Sender

OLD, NEW = "20260101T000000-0a0a0a0a", "20260102T000000-0b0b0b0b"


@pytest.fixture
def config(mongo_db: Settings, kafka_env: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("TIDEMARK_SHOP_PORT", "8090")
    return own_topics(monkeypatch)


@pytest.fixture
def server(config: Settings, tmp_path: Path) -> Iterator[LiveServer]:
    with live_server(tmp_path) as made:
        yield made


def buy(sender: Sender, user: str, item: str) -> None:
    sender.send(user, json.dumps({"user_id": user, "item_id": item, "event_type": "purchase"}).encode())
    assert sender.flush()


def counted(reader: Reader) -> int:
    """Lists that a reader was told of, each by its number."""
    return len({told["number"] for event in reader.events for told in event.data.get("shown", [])})


def test_twenty_browsers_get_everything_and_one_comes_back(server: LiveServer, config: Settings) -> None:
    readers = [server.open("/live/events", f"a{n}.u{n}.{'admin' if n == 0 else 'shopper'}") for n in range(20)]
    eventually(lambda: all(reader.named("whole") for reader in readers), 30, "not all have begun")
    exposures = Exposures(config)
    for number in range(5):
        exposures.shown(f"r{number}", "SHOPPER-77", ["a", "b"], NEW, "champion", "for_you", "stored")
    eventually(lambda: all(counted(reader) == 5 for reader in readers), 30, "not all were told")
    admin, shopper = readers[0], readers[1]
    users = [{told["user_id"] for e in r.events for told in e.data.get("shown", [])} for r in (admin, shopper)]
    assert users == [{"SHOPPER-77"}, {"SH…7"}]
    last_id = shopper.events[-1].id
    shopper.close()
    eventually(lambda: server.state()["streams"] == 19, 30, "it was not noticed that a browser left")
    for number in range(3):
        exposures.shown(f"late{number}", "SHOPPER-78", ["c"], NEW, "champion", "for_you", "stored")
    eventually(lambda: counted(admin) == 8, 30, "the rest were not told")
    again = server.open("/live/events", "a1.u1.shopper", Last_Event_ID=last_id)
    eventually(lambda: counted(again) == 3, 30, "what was missed did not come")
    assert not again.named("whole")
    numbers = [int(event.id.rpartition("-")[2]) for event in again.events]
    assert numbers == list(range(int(last_id.rpartition("-")[2]) + 1, numbers[-1] + 1))  # no gap
    assert server.open("/live/events", "a1.u1.shopper", Last_Event_ID="ffffffff-1").answer.status == 200
    eventually(lambda: admin.comments > 0, 30, "no heartbeat came")
    assert exposures.close()
    for reader in (*readers, again):
        reader.close()


def test_the_page_is_told_of_the_tide_the_top_ten_and_the_pointer(server: LiveServer, config: Settings) -> None:
    db = mongo.connect(config)
    db["models"].insert_one({"_id": NEW, "status": "candidate", "engine": "implicit", "created_at": datetime.now(UTC)})
    db["products"].insert_one({"_id": "i1", "title": "A lamp"})
    page, mine = server.open("/live/events"), server.open("/live/me")
    eventually(lambda: mine.named("hello"), 30, "it has not begun")
    sender = Sender(config)
    for _ in range(3):
        buy(sender, "somebody", "i1")

    def latest(part: str) -> object:
        told = [event.data[part] for event in page.events if event.data.get(part) is not None]
        return told[-1] if told else None

    eventually(lambda: latest("tide") == {"lag": 3, "mark": config.retrain_mark}, 30, lambda: str(latest("tide")))
    eventually(
        lambda: latest("top") == [{"item_id": "i1", "title": "A lamp", "taken": 3}], 30, lambda: str(latest("top"))
    )
    champion.move_pointer(db, OLD, "a run")
    eventually(lambda: (latest("champion") or {}).get("model_id") == OLD, 30, "the pointer was not seen")  # type: ignore[attr-defined]
    eventually(lambda: (latest("retrain") or {}).get("stage") == "publishing", 30, lambda: str(latest("retrain")))  # type: ignore[attr-defined]
    champion.move_pointer(db, NEW, "another run")
    eventually(lambda: [e.data.get("champion") for e in mine.named("changed")] == [NEW], 30, "no word of the new model")
    eventually(lambda: [row["status"] for row in latest("models")] == ["champion"], 30, lambda: str(latest("models")))  # type: ignore[attr-defined]
    assert not [event for event in mine.events if "interaction" in event.data]
    for reader in (page, mine):
        reader.close()
    db.client.close()


def test_each_gets_their_own_and_nobody_elses(server: LiveServer, config: Settings) -> None:
    exposures, sender, db = Exposures(config), Sender(config), mongo.connect(config)
    mine, other = server.open("/live/me", "a.u1.shopper"), server.open("/live/me", "b.u2.admin")
    eventually(lambda: mine.named("hello") and other.named("hello"), 30, "they have not begun")
    exposures.shown("rid-1", "u1", ["i1", "i2"], NEW, "champion", "for_you", "stored")
    eventually(lambda: mine.named("shown"), 30, "the delivery was not told")
    report = exposures.report("rid-1")
    assert report is not None
    place = {"recommendation_id": "rid-1", "partition": report.partition, "offset": report.offset}
    assert mine.named("shown")[0].data == {"shown": [place]}
    buy(sender, "u1", "i9")
    eventually(lambda: mine.named("changed"), 30, "the purchase was not told")
    assert mine.named("changed")[0].data == {"interaction": ["i9"]}
    db["items"].insert_one({"_id": "i2", "available": False, "updated_at": datetime.now(UTC)})
    eventually(lambda: len(mine.named("changed")) == 2, 30, "the withdrawal was not told")
    assert mine.named("changed")[1].data == {"withdrawn": ["i2"]}
    deleted = {"_id": "interactions-0-9", "user_id": "u1", "deleted_at": datetime.now(UTC)}
    db["deleted_interactions"].insert_one(deleted)
    eventually(lambda: len(mine.named("changed")) == 3, 30, "the deletion was not told")
    assert mine.named("changed")[2].data == {"deleted": ["interactions-0-9"]}
    later = server.open("/live/me", "a.u1.shopper")
    eventually(lambda: later.named("hello"), 30, "it has not begun")
    assert later.named("hello")[0].data == {"shown": [place]}
    buy(sender, "u2", "i1")
    eventually(lambda: other.named("changed"), 30, "it was not told")
    assert [event.data for event in other.events] == [{"shown": []}, {"interaction": ["i1"]}]
    assert exposures.close()
    for reader in (mine, other, later):
        reader.close()
    db.client.close()


def test_who_gets_nothing(server: LiveServer) -> None:
    cookie = f"{COOKIE}=a.u1.shopper"
    for path in ("/live/events", "/live/me"):
        assert server.get(path).status == 401
        assert server.get(path, Cookie=f"{COOKIE}=nobody").status == 401
        for origin in ("http://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1:8090", ""):
            assert server.get(path, Cookie=cookie, Origin=origin).status == 403, origin
        refused = server.get(path, Origin="http://127.0.0.1:8090")
        assert (refused.status, refused.headers["access-control-allow-credentials"]) == (401, "true")
        allowed = server.get(path, Cookie=cookie, Origin="http://127.0.0.1:8090")
        assert allowed.status == 200
        assert allowed.headers["access-control-allow-origin"] == "http://127.0.0.1:8090"
        assert allowed.headers["vary"] == "Origin, Cookie"
        assert allowed.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert server.get("/live/nothing").status == 404


def test_a_session_that_is_ended_ends_its_streams(server: LiveServer) -> None:
    mine, other = server.open("/live/me", "a.u1.shopper"), server.open("/live/me", "b.u2.shopper")
    eventually(lambda: mine.named("hello") and other.named("hello"), 30, "they have not begun")
    server.ended.write_text("a")
    eventually(lambda: mine.ended, 30, "it goes on")
    assert not other.ended
    other.close()


def test_whoever_does_not_read_is_let_go(config: Settings, tmp_path: Path) -> None:
    with live_server(tmp_path, tick=0.01, send_buffer=4_096) as server:
        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        slow.connect(("127.0.0.1", server.port))
        slow.sendall(f"GET /live/events HTTP/1.1\r\nHost: x\r\nCookie: {COOKIE}=slow.u1.shopper\r\n\r\n".encode())
        quick = server.open("/live/events", "quick.u2.shopper")
        eventually(lambda: quick.named("whole"), 30, "it has not begun")
        buy(Sender(config), "u", "i")  # for a minute, each beat tells how many there are a second
        eventually(lambda: server.state()["dropped"] == 1, 60, lambda: str(server.state()))
        eventually(lambda: server.state()["streams"] == 1, 30, "it still has its stream")
        seen = len(quick.events)
        eventually(lambda: len(quick.events) > seen, 30, "the quick one was held up")
        numbers = [int(event.id.rpartition("-")[2]) for event in quick.events]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        slow.close()
        quick.close()


def test_without_servers_it_answers_and_ends(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Kafka and MongoDB are away: whoever is known still gets a stream, and the end does not wait for either."""
    from starlette.testclient import TestClient

    from tidemark.storefront.live import Viewer, create_app

    for server in ("KAFKA_BOOTSTRAP", "MONGO_HOSTS"):
        monkeypatch.setenv(f"TIDEMARK_{server}", "127.0.0.1:9")
    for login in ("KAFKA_PASSWORD", "MONGO_PASSWORD"):
        monkeypatch.setenv(f"TIDEMARK_{login}", "any")
    settings.cache_clear()
    with TestClient(create_app(find=lambda _: Viewer("a", "u", is_admin=False))) as client:
        assert client.get("/live/healthz").json()["follows"] is False
        assert client.get("/live/me").status_code == 401
