"""The storefront under a steady load of reads while what it stands on goes away, comes back, or is not as it should be."""

import os
import re
import resource
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import httpx
import orjson
import psutil
import pytest
from confluent_kafka import Consumer, TopicPartition

from tests.support.own_shop import GONE, USERS, WRONG_PASSWORD, OwnShop, kill
from tests.support.published import is_whole, model_id
from tests.support.reading import reading
from tests.support.waiting import eventually
from tidemark.local import kafka, mongo
from tidemark.storefront.sign_ins import PER_ADDRESS
from tidemark.stream import topics

FULL = bool(os.environ.get("TIDEMARK_FULL"))
AWAY = 60.0 if FULL else 5.0
"""Seconds that a server is away."""
READERS = USERS[100:200]
"""Users who take nothing."""


@pytest.fixture
def shop(real_shop: OwnShop) -> Iterator[OwnShop]:
    """The shop with all of it up, and again after the test, whatever that did."""
    real_shop.every_worker()
    yield real_shop
    real_shop.mongo.thaw()
    real_shop.kafka.thaw()
    if not mongo.is_up(real_shop.config):
        real_shop.mongo.start()
    if not kafka.is_up(real_shop.config):
        real_shop.kafka.start()


def take(shop: OwnShop, user: str, *items: str) -> httpx.Response:
    """Say that a user bought items."""
    sent = [{"user_id": user, "item_id": item, "event_type": "purchase"} for item in items]
    return shop.ask("/api/v1/interactions", "write", method="POST", json={"interactions": sent})


def recommended(shop: OwnShop, user: str) -> dict[str, Any]:
    answer = shop.ask(f"/api/v1/users/{user}/recommendations")
    assert answer.status_code == 200
    told: dict[str, Any] = answer.json()
    return told


def items_of(told: dict[str, Any]) -> set[str]:
    return {item["item_id"] for item in told["items"]}


def both(shop: OwnShop, user: str) -> list[dict[str, Any]]:
    """What workers answer by a dozen connections: any of them."""
    return [recommended(shop, user) for _ in range(12)]


def measured(shop: OwnShop, name: str) -> float:
    """One figure of the metrics."""
    found = re.search(rf"^{name}(?:{{[^}}]*}})? (\S+)$", shop.ask("/metrics").text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_while_mongodb_is_away_all_is_answered_and_who_is_known_stays(shop: OwnShop) -> None:
    listed = [item["item_id"] for item in recommended(shop, "u20")["items"]]
    assert take(shop, "u20", listed[0]).status_code == 202
    eventually(lambda: all(told["method"] == "fold_in" for told in both(shop, "u20")), 20, "not folded in")
    browser = shop.browser("shopper")
    assert browser.get("/").status_code == 200
    with reading(shop, READERS, is_whole) as reads:
        shop.mongo.kill()
        end = time.monotonic() + AWAY
        # What is taken now is known by Kafka; the history, which a fold-in needs, is not.
        assert take(shop, "u21", listed[1]).status_code == 202
        assert take(shop, "u20", listed[2]).status_code == 202
        eventually(
            lambda: all(told["stale"] and listed[2] not in items_of(told) for told in both(shop, "u20")),
            20,
            lambda: str(recommended(shop, "u20")),
        )
        for told in both(shop, "u20"):
            assert (told["method"], told["model_id"]) == ("stored", model_id(1))
            assert told["items"]
            assert not items_of(told) & {listed[0], listed[2]}
        newcomer = shop.browser()
        while time.monotonic() < end:
            assert browser.get("/").status_code == 200, "who is signed in stays so"
            answer = newcomer.sign_in("presenter")
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
            assert shop.ask("/readyz").status_code == 200
            assert shop.ask("/api/v1/popular").status_code == 200
            for path in ("/api/v1/users/u22/interactions", "/api/v1/users/u22/because/i01"):
                answer = shop.ask(path)
                assert answer.status_code == 503
                assert answer.headers["Retry-After"]
        shop.mongo.start()
        eventually(lambda: all(told["method"] == "fold_in" for told in both(shop, "u20")), 60, "still stale")
        eventually(lambda: newcomer.sign_in("presenter").status_code == 303, 30, "still not signing in")
    assert reads.all_answered, str(reads)


@pytest.mark.parametrize(
    "dead", [False, pytest.param(True, marks=pytest.mark.skipif(not FULL, reason="TIDEMARK_FULL"))]
)
def test_while_kafka_is_away_reading_goes_on_and_nothing_acknowledged_is_lost(shop: OwnShop, dead: bool) -> None:
    numbers, said = count(), {True: set[str](), False: set[str]()}

    def tell() -> httpx.Response:
        name = f"kafka-fault-{dead}-{next(numbers)}"
        answer = take(shop, "u30", name)
        assert answer.status_code in (202, 503)
        said[answer.status_code == 202].add(name)
        return answer

    with reading(shop, READERS, is_whole) as reads:
        for _ in range(20):
            assert tell().status_code == 202
        (shop.kafka.kill if dead else shop.kafka.freeze)()
        end = time.monotonic() + AWAY
        while time.monotonic() < end or len(said[False]) < 3:
            begun = time.monotonic()
            answer = tell()
            assert answer.status_code == 503
            assert answer.headers["Retry-After"]
            assert time.monotonic() - begun < 10, "it is given up after 5 s, on a machine that is busy"
        (shop.kafka.start if dead else shop.kafka.thaw)()
        eventually(lambda: tell().status_code == 202, 60, "Kafka is back and is not found")
        for _ in range(20):
            tell()
    assert reads.all_answered, str(reads)
    assert len(said[True]) > 20
    assert said[True] <= in_topic(shop), "acknowledged and lost"


def in_topic(shop: OwnShop) -> set[str]:
    """The item_ids of all messages of the topic."""
    name = topics.name(topics.INTERACTIONS, shop.config)
    consumer = Consumer(topics.client_config(shop.config) | {"group.id": "the tests", "enable.auto.commit": False})
    numbers = consumer.list_topics(name, timeout=20).topics[name].partitions
    ends = {n: consumer.get_watermark_offsets(TopicPartition(name, n), timeout=20)[1] for n in numbers}
    consumer.assign([TopicPartition(name, n, 0) for n in numbers])
    found, deadline = set(), time.monotonic() + 60
    while any(ends.values()) and time.monotonic() < deadline:
        for message in consumer.consume(1_000, 0.5):
            if message.error() is None:
                found.add(orjson.loads(message.value() or b"{}").get("item_id"))
                if (message.offset() or 0) + 1 >= ends[message.partition() or 0]:
                    ends[message.partition() or 0] = 0
    consumer.close()
    return found


def test_workers_that_start_while_both_are_away_serve_from_this_host(shop: OwnShop) -> None:
    assert {told["method"] for told in both(shop, GONE)} == {"stored"}
    assert shop.ask(f"/api/v1/users/{GONE}", "admin", method="DELETE").status_code == 202
    eventually(lambda: {told["method"] for told in both(shop, GONE)} == {"popular"}, 20, "not erased")
    shop.mongo.freeze()
    shop.kafka.freeze()
    before = shop.workers()
    for process in before:
        kill(process)
    eventually(lambda: len(set(shop.workers()) - set(before)) == len(before), 60, shop.storefront.log.read_text)
    eventually(lambda: shop.ask("/readyz").status_code == 200, 30, shop.storefront.log.read_text)
    # The pack of this host has their list; that they were erased this host knows too.
    assert {told["method"] for told in both(shop, GONE)} == {"popular"}
    with reading(shop, READERS, is_whole) as reads:
        eventually(lambda: reads.statuses[200] > 50, 30, lambda: str(reads))
        assert take(shop, "u40", "i01").status_code == 503
        assert shop.browser().sign_in("shopper").status_code == 503
        shop.kafka.thaw()
        shop.mongo.thaw()
        eventually(lambda: take(shop, "u40", "i01").status_code == 202, 60, "Kafka is not found")
        eventually(lambda: all("i01" not in items_of(told) for told in both(shop, "u40")), 30, "no tail")
    assert reads.all_answered, str(reads)


def test_a_worker_that_is_killed_takes_what_it_had_with_it_and_no_more(shop: OwnShop) -> None:
    threads = 6
    with reading(shop, READERS, is_whole, threads) as reads:
        eventually(lambda: reads.statuses[200] > 30, 30, lambda: str(reads))
        killed, *_ = before = shop.workers()
        kill(killed)
        eventually(lambda: len(set(shop.workers()) - set(before)) == 1, 60, shop.storefront.log.read_text)
        shop.every_worker()
    assert set(reads.statuses) == {200}
    assert reads.wrong == []
    assert len(reads.broken) <= threads, "each thread has one request at a time"


def test_a_flood_of_wrong_passwords_is_hardly_looked_at_and_reading_goes_on(shop: OwnShop) -> None:
    """From one address, against one account after another, by eight threads over both workers."""
    shop.db["sign_ins"].delete_many({})
    browsers = [shop.browser() for _ in range(8)]
    tokens = [browser.token() for browser in browsers]

    def guess(number: int) -> int:
        form = {"email": f"guessed{number % 40}@tidemark.example", "password": WRONG_PASSWORD}
        return browsers[number % 8].submit("/sign-in", form, tokens[number % 8]).status_code

    with reading(shop, READERS, is_whole) as reads, ThreadPoolExecutor(8) as pool:
        statuses = Counter(pool.map(guess, range(1_000 if FULL else 160)))
        for _ in range(
            100
        ):  # a worker that is hashing says so at once, and does not count it: until the address is known
            if statuses[429]:
                break
            statuses.update(pool.map(guess, range(40)))
        assert shop.browser().sign_in("shopper").status_code == 429, "the right one neither, from there"
    shop.db["sign_ins"].delete_many({})  # all tests come from this address
    assert reads.all_answered, str(reads)
    assert 0 < statuses[403] <= PER_ADDRESS, "these were hashed"
    assert set(statuses) <= {403, 429, 503}, statuses

    def everybody_is_let_in() -> bool:
        return all(shop.browser().sign_in("shopper").status_code == 303 for _ in range(6))

    eventually(everybody_is_let_in, 60, "a worker goes on refusing whom MongoDB would let in", 0.5)
    assert shop.browser("shopper").get("/").status_code == 200


def test_a_pack_that_is_not_as_it_was_published_is_not_answered_from(shop: OwnShop) -> None:
    with reading(shop, READERS, is_whole) as reads:
        shop.models.publish(2, live=False, **shop.here())
        lists = shop.config.state / "runs" / model_id(2) / "pack" / "lists.npy"
        whole = lists.read_bytes()
        lists.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        failures = measured(shop, "tidemark_shop_swap_failures_total")
        shop.models.move_to(2)
        eventually(lambda: measured(shop, "tidemark_shop_swap_failures_total") >= failures + 2, 30, "no alert")
        assert {told["model_id"] for told in both(shop, "u99")} == {model_id(1)}
        lists.write_bytes(whole)
        eventually(lambda: {told["model_id"] for told in both(shop, "u99")} == {model_id(2)}, 60, "not tried again")
        shop.models.move_to(1)
        eventually(lambda: {told["model_id"] for told in both(shop, "u99")} == {model_id(1)}, 30, "not rolled back")
    assert reads.all_answered, str(reads)
    assert set(reads.models) == {model_id(1), model_id(2)}


def test_a_full_disk_keeps_the_model_that_answers(shop: OwnShop) -> None:
    """The disk takes no file as large as the new pack's; so small a one as the log's it does."""
    most = shop.storefront.log.stat().st_size + 200_000
    extras = [f"extra-{'x' * 90}-{number:05}" for number in range(most // 50)]
    with reading(shop, READERS, is_whole) as reads:
        shop.models.publish(3, live=False, extras=extras, **shop.here())
        for process in shop.workers():
            psutil.Process(process).rlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
        failures = measured(shop, "tidemark_shop_swap_failures_total")
        shop.models.move_to(3)
        eventually(lambda: measured(shop, "tidemark_shop_swap_failures_total") >= failures + 2, 30, "no alert")
        assert {told["model_id"] for told in both(shop, "u99")} == {model_id(1)}
        assert list(shop.config.packs_root.glob(".part-*")) == [], "what was begun takes no room"
        for process in shop.workers():
            psutil.Process(process).rlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        eventually(lambda: {told["model_id"] for told in both(shop, "u99")} == {model_id(3)}, 60, "not tried again")
        shop.models.move_to(1)
        eventually(lambda: {told["model_id"] for told in both(shop, "u99")} == {model_id(1)}, 30, "not rolled back")
    assert reads.all_answered, str(reads)
    assert "File too large" in shop.storefront.log.read_text()
