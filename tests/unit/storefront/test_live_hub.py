"""Streams, each with its own queue: who keeps up gets all, who does not is let go."""

import json

import pytest

from tidemark.storefront import live_hub
from tidemark.storefront.live_hub import QUEUE, Client, FullError, Hub


def texts(client: Client) -> list[str]:
    return [client.waiting.get_nowait().decode() for _ in range(client.waiting.qsize())]


def news(hub: Hub, number: int) -> None:
    hub.board.tell("tide", {"lag": number, "mark": 1_000})
    hub.beat()


def test_a_stream_begins_with_all_there_is_and_goes_on_with_news() -> None:
    hub, client = Hub(), Client("a")
    news(hub, 1)
    hub.join(client)
    news(hub, 2)
    hub.beat()  # nothing happened: no frame
    whole, second = texts(client)
    assert whole.split("\n")[1] == "event: whole"
    assert json.loads(whole.split("\n")[2].removeprefix("data: "))["tide"]["lag"] == 1
    assert '"lag":2' in second
    hub.leave(client)
    hub.leave(client)
    news(hub, 3)
    assert (texts(client), len(hub)) == ([], 0)


def test_whoever_comes_back_misses_nothing() -> None:
    hub, client = Hub(), Client("a")
    hub.join(client)
    news(hub, 1)
    last_id = texts(client)[-1].split("\n")[0].removeprefix("id: ")
    hub.leave(client)
    news(hub, 2)
    news(hub, 3)
    again = Client("a")
    hub.join(again, last_id)
    (missed,) = texts(again)
    assert ['lag":2' in missed, 'lag":3' in missed, 'lag":1' in missed, "whole" in missed] == [True, True, False, False]


def test_a_slow_one_is_let_go_and_holds_up_nobody() -> None:
    hub, slow, quick = Hub(), Client("slow"), Client("quick")
    hub.join(slow)
    hub.join(quick)
    got = 0
    for number in range(QUEUE + 50):
        news(hub, number)
        got += len(texts(quick))
    assert got == QUEUE + 50 + 1
    assert (slow.over.is_set(), slow.dropped, slow.waiting.qsize(), hub.dropped) == (True, True, QUEUE, 1)
    assert not quick.over.is_set()


def test_ones_own_stream_and_the_page_are_two() -> None:
    hub, page, mine, other = Hub(), Client("a"), Client("a", user_id="u"), Client("b", user_id="v")
    for client in (page, mine, other):
        hub.join(client)
    hub.own.acted("u", "x")
    hub.beat()
    assert len(texts(page)) == 1
    assert [text.split("\n")[1] for text in texts(mine)] == ["event: hello", "event: changed"]
    assert [text.split("\n")[1] for text in texts(other)] == ["event: hello"]


def test_no_more_streams_than_there_may_be(monkeypatch) -> None:
    hub = Hub()
    monkeypatch.setattr(live_hub, "MOST", live_hub.MOST_OF_ONE + 1)
    for _ in range(live_hub.MOST_OF_ONE):
        hub.join(Client("one"))
    with pytest.raises(FullError) as own:
        hub.join(Client("one"))
    assert own.value.own
    hub.join(Client("another"))
    with pytest.raises(FullError) as full:
        hub.join(Client("a third"))
    assert not full.value.own


def test_at_the_end_every_stream_is_over() -> None:
    hub, client, late = Hub(), Client("a"), Client("b")
    hub.join(client)
    hub.close()
    hub.join(late)
    assert client.over.is_set()
    assert late.over.is_set()
    assert not client.dropped
