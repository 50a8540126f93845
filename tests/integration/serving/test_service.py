"""Serving with a real database and a real broker: swaps under readers, what is newer, and servers that are away."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from tests.support import published
from tests.support.published import ITEMS, USERS, Published, listed, model_id
from tests.support.topic import Topic
from tests.support.waiting import eventually
from tidemark.errors import NoChampionError, UnreachableError
from tidemark.serving import service
from tidemark.serving.answers import CONTENT, FOLD_IN, NEW, POPULAR, STORED, Answer, Ask
from tidemark.serving.filters import Filter
from tidemark.serving.service import Serving
from tidemark.settings import Settings
from tidemark.storage import tombstones
from tidemark.storefront.deleting import Deleting

soon = partial(eventually, timeout=30)
AWAY = "127.0.0.1:9"


class Platform:
    """A topic, a database and a registry of the test's own."""

    def __init__(self, topic: Topic, folder: Path) -> None:
        self.topic, self.db, self.folder = topic, topic.db, folder
        self.config = topic.config.model_copy(
            update={"shop_packs": str(folder / "packs"), "shop_secret": SecretStr("secret")}
        )
        self.models = Published(self.db, folder / "runs")

    def here(self) -> dict[str, Any]:
        """What a model that is made now has learned from."""
        return {"next_offsets": self.topic.bookmark.ends(), "topic_id": self.topic.bookmark.topic_id()}

    @contextmanager
    def serving(self, patience: float = 10, **settings: Any) -> Iterator[Serving]:
        serving = Serving(self.config.model_copy(update=settings))
        serving.start(patience)
        try:
            yield serving
        finally:
            serving.close()


@pytest.fixture
def platform(mongo_db: Settings, kafka_env: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Platform:
    return Platform(Topic(monkeypatch), tmp_path)


def ids(answer: Answer) -> list[str]:
    return [item.item_id for item in answer.items]


def is_whole(answer: Answer) -> bool:
    """Whether all of a stored answer is of the model that it names: its list, and the prices of its catalogue."""
    assert answer.model_id is not None
    number = int(answer.model_id.rsplit("-", 1)[1], 16)
    wanted = [ITEMS[item] for item in listed(number, answer.user_id or "")]
    return (
        ids(answer) == wanted and {item.price for item in answer.items} == {float(number)} and answer.method == STORED
    )


def test_what_is_newer_than_the_model_counts_at_once(platform: Platform) -> None:
    platform.topic.send([b"u00:i05"], partition=0)  # learned: it is in the snapshot
    platform.models.publish(1, **platform.here())
    with platform.serving() as serving:
        assert serving.ready()
        assert is_whole(serving.recommend(Ask("u00")))
        before = serving.version("u00")
        assert serving.recommend(Ask("u00")).version == before
        platform.topic.send([b"u00:i33"], partition=0)
        soon(lambda: serving.version("u00") != before, message="the tail did not bring it")
        answer = serving.recommend(Ask("u00", explain=True))
        assert answer.method == FOLD_IN
        assert answer.version == serving.version("u00")
        assert "i33" not in ids(answer)
        assert answer.items[0].because[0].item_id == "i33"
        assert serving.because("u00", answer.items[0].item_id)[0].item_id == "i33"
        assert [event.item_id for event in serving.history("u00")] == ["i33"]
        assert is_whole(serving.recommend(Ask("u01")))
        soon(lambda: serving.state().fresh, message="not fresh")
        # A model that has learned from it, then one that has not.
        platform.models.publish(2, **platform.here())
        soon(lambda: serving.state().model_id == model_id(2), message="not swapped")
        assert is_whole(serving.recommend(Ask("u00")))
        platform.models.move_to(1)
        soon(lambda: serving.state().model_id == model_id(1), message="not rolled back")
        assert serving.recommend(Ask("u00")).method == FOLD_IN
        # A kept model by its name, which has a tail of its own.
        other = serving.recommend(Ask("u00"), model_id(2))
        assert other.model_id == model_id(2)
        assert is_whole(other)
        assert serving.version("u00", model_id(2)) == other.version
        with pytest.raises(NoChampionError):
            serving.recommend(Ask("u00"), "20200101T000000-00000000")
        assert [model["_id"] for model in serving.models()] == [model_id(2), model_id(1)]
        assert serving.models()[0]["run_id"] == "run 2"


def test_swaps_under_readers(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pointer moves 50 times while 8 threads read: every answer is whole, and of one model; nothing is left behind."""
    monkeypatch.setattr(service, "POLL", 0.02)
    here = platform.here()
    for number in (1, 2, 3):
        platform.models.publish(number, live=False, **here)
    platform.models.move_to(1)
    wrong: list[Any] = []
    stop = threading.Event()

    def read(offset: int, serving: Serving) -> None:
        turn = offset
        while not stop.is_set():
            turn += 1
            try:
                answer = serving.recommend(Ask(USERS[turn % len(USERS)]))
                if not is_whole(answer):
                    wrong.append(answer)
            except Exception as error:
                wrong.append(error)
            time.sleep(0.0005)  # the machine has more to do than this

    def native_threads() -> int:
        return len(list(Path("/proc/self/task").iterdir()))

    with platform.serving() as serving:
        readers = [threading.Thread(target=read, args=(offset, serving)) for offset in range(8)]
        for reader in readers:
            reader.start()
        counts = []
        for turn in range(50):
            wanted = (2, 3, 1)[turn % 3]
            platform.models.move_to(wanted)
            soon(
                lambda wanted=wanted: serving.recommend(Ask("u00")).model_id == model_id(wanted),
                message=lambda: f"{serving.state()}",
            )
            counts.append((threading.active_count(), native_threads()))
        stop.set()
        for reader in readers:
            reader.join()
        assert wrong == []
        state = serving.state()
        assert (state.swaps, state.swap_failures, state.without_pack) == (50, 0, 0)
        assert max(count for count, _ in counts[10:]) <= max(count for count, _ in counts[:10])
        soon(lambda: native_threads() <= max(native for _, native in counts[:10]), message="Kafka's clients are left")


def test_what_was_withdrawn_is_shown_to_nobody_and_who_was_erased_is_nobody(platform: Platform) -> None:
    platform.models.publish(1, **platform.here())
    now = datetime.now(UTC)
    first = ITEMS[listed(1, "u00")[0]]
    with platform.serving() as serving:
        assert serving.recommend(Ask("u00")).items[0].item_id == first
        platform.db["items"].insert_many(
            [{"_id": first, "available": False, "updated_at": now},
             {"_id": "new", "title": "A new one", "category": "c9", "available": True, "updated_at": now}]
        )  # fmt: skip
        soon(lambda: first not in ids(serving.recommend(Ask("u00"))), message="it is still shown")
        assert serving.product("new")["title"] == "A new one"
        assert ids(serving.new_items(2)) == ["new", "i39"]
        assert [item.method for item in serving.new_items(2).items] == [CONTENT, NEW]
        assert ids(serving.new_items(3, ["c1"])) == ["i39", "i37", "i35"]
        assert ids(serving.new_items(2, filter=Filter(exclude=frozenset({"new"})))) == ["i39", "i38"]
        # Also under a model whose pack does not know of it, from its first answer on.
        platform.models.publish(2, **platform.here())
        soon(lambda: serving.state().model_id == model_id(2), message="not swapped")
        assert first not in ids(serving.popular(len(ITEMS)))

        platform.topic.send([b"u05:i01"], partition=0)
        soon(lambda: serving.history("u05"), message="the tail did not bring it")
        platform.db["erased"].insert_one({"_id": tombstones.tombstone("u05", platform.config), "erased_at": now})
        soon(lambda: serving.erased("u05"), message="not erased")
        assert serving.recommend(Ask("u05")).method == POPULAR
        assert serving.recommend(Ask("u05")).version == serving.version("u05")
        assert serving.history("u05") == serving.because("u05", "i01") == []


def test_what_is_deleted_is_in_no_answer_of_any_worker(platform: Platform) -> None:
    """What the model has learned from, and what came since: the one by MongoDB, the other by Kafka alone."""
    old = {"_id": "old", "user_id": "u05", "item_id": "i30", "rating": None, "weight": 5.0, "source": "stream"}
    platform.db["interactions"].insert_many(
        [
            old | {"timestamp": published.MADE_AT},
            old | {"_id": "other", "item_id": "i31", "timestamp": published.MADE_AT},
        ]
    )
    platform.models.publish(1, **platform.here())

    def has(serving: Serving) -> list[str]:
        return [event.item_id for event in serving.history("u05")]

    with platform.serving() as here, platform.serving() as there:
        deleting = Deleting(platform.db, here)
        assert there.recommend(Ask("u05")).method == STORED
        before = there.version("u05")
        platform.topic.send([b"u05:i01", b"u05:i02"], partition=0)
        for serving in (here, there):
            soon(lambda serving=serving: has(serving) == ["i02", "i01", "i31", "i30"], message="the tail is not there")
        came = {event.item_id: event.id for event in here.history("u05")}
        for item in ("i01", "i30"):
            assert deleting.delete("u05", came[item])
        for serving in (there, here):
            assert has(serving) == ["i02", "i31"], "at once, by whichever worker"
        soon(lambda: there.version("u05") == here.version("u05"), message="the workers do not agree")
        soon(lambda: [e.item_id for e in there.newer("u05")] == ["i02"], message="the tail still has it")
        assert {share.item_id for share in there.because("u05", "i05")} <= {"i02", "i31"}
        # Nothing newer is left, and yet the list is not the stored one: that came from what was deleted too.
        assert deleting.delete("u05", came["i02"])
        soon(lambda: not there.newer("u05"), message="the tail still has it")
        assert there.version("u05") != before
        answer = there.recommend(Ask("u05"))
        assert (answer.method, answer.version) == (FOLD_IN, there.version("u05"))
        assert "i30" in ids(there.recommend(Ask("u05", len(ITEMS)))), "what was deleted is no longer theirs"
        with platform.serving() as later:
            assert has(later) == ["i31"]
            assert (later.newer("u05"), later.version("u05")) == ((), there.version("u05"))


def test_before_the_first_model_there_is_nothing_and_that_is_no_fault(platform: Platform) -> None:
    with platform.serving() as serving:
        assert serving.ready()
        answer = serving.recommend(Ask("u00"))
        assert (answer.items, answer.short, answer.model_id) == ((), True, None)
        assert answer.version == serving.version("u00")
        assert ids(serving.popular(5)) == ids(serving.similar("i01", 5)) == ids(serving.new_items(5)) == []
        assert len(serving.catalogue()) == 0
        platform.models.publish(1, **platform.here())
        soon(lambda: serving.state().model_id == model_id(1), message="it did not go live")


def test_a_model_without_a_pack_is_read_from_mongodb(platform: Platform) -> None:
    here = platform.here()
    platform.models.publish(1, packed=False, **here)
    platform.db["interactions"].insert_many(
        [{"_id": f"review:{user}:{item}", "user_id": f"x{user}", "item_id": item, "weight": 1.0, "source": "review",
          "timestamp": published.MADE_AT} for at, item in enumerate(ITEMS) for user in range(len(ITEMS) - at)]
    )  # fmt: skip
    with platform.serving() as serving:
        state = serving.state()
        assert (state.model_id, state.pack_from, state.without_pack) == (model_id(1), "mongodb", 1)
        answer = serving.recommend(Ask("u00"))
        assert (answer.method, ids(answer)) == (STORED, [ITEMS[item] for item in listed(1, "u00")])
        assert ids(serving.recommend(Ask("nobody", 3))) == ids(serving.popular(3)) == ["i00", "i01", "i02"]
        platform.topic.send([f"u00:{answer.items[0].item_id}".encode()], partition=0)
        soon(lambda: serving.version("u00") != answer.version, message="the tail did not bring it")
        assert ids(serving.recommend(Ask("u00", 9))) == ids(answer)[1:]
        platform.models.publish(2, **here)
        soon(lambda: serving.state().pack_from == "registry", message="it stayed without a pack")


def test_a_corrupt_pack_the_old_one_answers_on_and_the_next_is_taken(platform: Platform) -> None:
    platform.models.publish(1, **platform.here())
    platform.models.publish(2, live=False, **platform.here())
    scores = platform.folder / "runs" / model_id(2) / "pack" / "scores.npy"
    whole = scores.read_bytes()
    scores.write_bytes(whole[:-4] + b"\0\0\0\0")
    with platform.serving() as serving:
        platform.models.move_to(2)
        soon(lambda: serving.state().swap_failures > 0, message="nothing was noticed")
        assert "scores.npy" in serving.state().problem
        assert is_whole(serving.recommend(Ask("u00")))
        assert serving.state().model_id == model_id(1)
        scores.write_bytes(whole)
        soon(lambda: serving.state().model_id == model_id(2), message="it was not tried again")
        assert serving.state().problem == ""


def test_both_servers_away_at_the_start_the_pack_of_the_host_answers(platform: Platform) -> None:
    platform.models.publish(1, **platform.here())
    with platform.serving():
        pass
    with platform.serving(mongo_hosts=AWAY, kafka_bootstrap=AWAY) as serving:
        soon(serving.ready, message=lambda: f"{serving.state()}")
        state = serving.state()
        assert (state.model_id, state.pack_from, state.pointer_seen_at) == (model_id(1), "host", None)
        answer = serving.recommend(Ask("u00"))
        assert is_whole(answer)
        assert not answer.fresh
        assert serving.recommend(Ask("u00", filter=Filter(category="c1"))).stale
        assert serving.product("i01")["title"] == "title of i01"
        assert serving.product("unheard of") is None
        assert serving.models() == []
        with pytest.raises(UnreachableError):
            serving.history("u00")
    nowhere = {"mongo_hosts": AWAY, "kafka_bootstrap": AWAY, "shop_packs": str(platform.folder / "none")}
    with platform.serving(patience=0.1, **nowhere) as serving:
        assert not serving.ready()
        assert ids(serving.recommend(Ask("u00"))) == []
