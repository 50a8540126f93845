"""The demo accounts: who they are follows from the data, and what is there stays as it is."""

from typing import Any

import pytest
from pydantic import SecretStr

from tidemark.local import demo_accounts
from tidemark.settings import Settings

CONFIG = Settings(_env_file=None, shop_password=SecretStr("a password of the test"))
WITHOUT_HISTORY = ["new@tidemark.example", "presenter@tidemark.example", "admin@tidemark.example"]


class Kept:
    """In place of the storefront's accounts."""

    def __init__(self) -> None:
        self.added: dict[str, tuple[str, str, str | None]] = {}

    def get(self, email: str) -> Any:
        return self.added.get(email)

    def add(self, email: str, password: str, role: str, user_id: str | None) -> None:
        assert email not in self.added
        self.added[email] = (password, role, user_id)


def ensure(counted: list[tuple[str, int]], kept: Kept, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(demo_accounts, "histories", lambda db: counted)
    return demo_accounts.ensure(CONFIG, None, kept)  # type: ignore[arg-type]


def test_the_shopper_has_the_usual_history_and_heavy_the_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept()
    counted = [("a", 1), ("b", 1), ("c", 4), ("d", 9), ("e", 70)]
    assert ensure(counted, kept, monkeypatch) == [
        "shopper@tidemark.example",
        "heavy@tidemark.example",
        *WITHOUT_HISTORY,
    ]
    assert {email.split("@")[0]: (role, user) for email, (_, role, user) in kept.added.items()} == {
        "shopper": ("shopper", "c"),
        "heavy": ("shopper", "e"),
        "new": ("shopper", demo_accounts.NOBODY_YET),
        "presenter": ("presenter", None),
        "admin": ("admin", None),
    }
    assert {password for password, _, _ in kept.added.values()} == {"a password of the test"}


def test_without_data_only_those_are_made_that_need_none_and_the_others_later(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept()
    assert ensure([], kept, monkeypatch) == WITHOUT_HISTORY
    assert list(kept.added) == WITHOUT_HISTORY
    ensure([("only", 3)], kept, monkeypatch)
    assert kept.added["shopper@tidemark.example"][2] == kept.added["heavy@tidemark.example"][2] == "only"


def test_made_again_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept()
    ensure([("a", 1)], kept, monkeypatch)
    before = dict(kept.added)
    ensure([("a", 1), ("b", 5), ("c", 9)], kept, monkeypatch)
    assert kept.added == before
