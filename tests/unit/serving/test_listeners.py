import threading
from datetime import UTC, datetime

from tests.support.waiting import eventually
from tidemark.serving import listeners
from tidemark.serving.events import Event
from tidemark.serving.listeners import Listeners


def event(number: int) -> Event:
    return Event(f"t-0-{number}", "u", f"i{number}", 1.0, None, datetime(2026, 1, 1, tzinfo=UTC), None, "stream")


def test_each_is_told_in_order_until_it_ends():
    told, heard, gone = Listeners(), [], []
    told.tell(event(0))  # nobody is there yet
    told.add(heard.append)
    end = told.add(gone.append)
    told.tell(event(1))
    eventually(lambda: gone, 10, "nobody was told")
    end()
    told.tell(event(2))
    eventually(lambda: len(heard) == 2, 10, lambda: f"{heard}")
    told.close()
    assert (heard, gone, told.missed) == ([event(1), event(2)], [event(1)], 0)


def test_who_is_slow_holds_up_nobody(monkeypatch):
    monkeypatch.setattr(listeners, "WAITING", 3)
    told, at_it, go_on = Listeners(), threading.Event(), threading.Event()

    def be_slow(_: Event) -> None:
        at_it.set()
        go_on.wait(10)

    told.add(be_slow)
    told.tell(event(0))
    assert at_it.wait(10)
    for number in range(1, 6):
        told.tell(event(number))
    assert told.missed == 2
    go_on.set()
    told.close()


def test_a_listener_that_fails_is_told_of_the_next(caplog):
    told, heard = Listeners(), []

    def fail(one: Event) -> None:
        heard.append(one)
        raise ValueError("a listener's own")

    told.add(fail)
    told.tell(event(1))
    told.tell(event(2))
    eventually(lambda: told.failures == 2, 10, "not told again")
    told.close()
    assert heard == [event(1), event(2)]


def test_it_can_be_closed_when_nobody_ever_listened():
    Listeners().close()
