"""What is counted together: by account, never in clear, and by address, a subscriber's whole network."""

from datetime import UTC, datetime, timedelta

import pytest

from tidemark.errors import TooManyAttemptsError
from tidemark.storefront import sign_ins


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.7", "address:192.0.2.7"),
        ("::ffff:192.0.2.7", "address:192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "address:2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "address:2001:db8:1:2::/64"),
        ("", "address:unknown"),
        ("x" * 1_000, "address:unknown"),
    ],
)
def test_addresses(address, key):
    assert sign_ins._of_address(address) == key


def test_an_account_is_counted_without_being_named():
    key = sign_ins._of_account("anna@tidemark.example")
    assert "anna" not in key
    assert len(key) <= 100
    assert key != sign_ins._of_account("anne@tidemark.example")
    assert sign_ins._of_account("\ud800")


class Counting:
    """A collection whose counters are over every bound; it counts how often it is asked."""

    def __init__(self):
        self.asked = 0

    def __getitem__(self, name):
        return self

    def find_one_and_update(self, *_, **__):
        self.asked += 1
        now = datetime(2026, 1, 1, tzinfo=UTC)
        return {"attempts": sign_ins.PER_ADDRESS + 1, "seen_at": now, "expires_at": now + timedelta(seconds=600)}


def test_who_is_refused_is_turned_away_for_a_while_without_mongodb_being_asked(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(sign_ins.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(sign_ins, "ensure", lambda *_: None)
    collection = Counting()
    attempts = sign_ins.SignIns(collection)  # type: ignore[arg-type]
    left = []
    for after in (0.0, 1.0, sign_ins.BELIEVED - 0.1, sign_ins.BELIEVED + 0.1):
        clock[0] = 100.0 + after
        with pytest.raises(TooManyAttemptsError) as refused:
            attempts.attempt(f"somebody{after}@tidemark.example", "192.0.2.7")
        left.append(refused.value.retry_after)
    assert collection.asked == 2
    assert left == [600, 599, 596, 600]  # MongoDB's own word again, when it is asked again
    with pytest.raises(TooManyAttemptsError):
        attempts.attempt("somebody@tidemark.example", "192.0.2.8")
    assert collection.asked == 3


def test_no_more_are_remembered_than_fit(monkeypatch):
    monkeypatch.setattr(sign_ins, "MOST_REMEMBERED", 3)
    monkeypatch.setattr(sign_ins, "ensure", lambda *_: None)
    attempts = sign_ins.SignIns(Counting())  # type: ignore[arg-type]
    for number in range(10):
        with pytest.raises(TooManyAttemptsError):
            attempts.attempt("somebody@tidemark.example", f"192.0.2.{number}")
    assert len(attempts._refused) <= 3
