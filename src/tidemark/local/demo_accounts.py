"""The accounts that `make run` makes, so that the storefront can be tried at once: three shoppers, a presenter, an admin."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from pymongo import DESCENDING
from pymongo.database import Database

from tidemark.settings import Settings

Document = dict[str, Any]

DOMAIN = "@tidemark.example"
NEWEST = 100_000
"""Interactions that people are chosen from: the newest, so that it takes no longer where there are many."""

NOBODY_YET = "demo-new"
"""Who signs in as `new`: a user without a history, until they take something."""


class Accounts(Protocol):
    """What is asked of `storefront.accounts.Accounts`."""

    def get(self, email: str) -> Any:
        """The account, or None."""

    def add(self, email: str, password: str, role: str, user_id: str | None) -> Any:
        """Make it."""


@dataclass(frozen=True)
class Demo:
    """One account; `user_id` is None for who is no shopper."""

    name: str
    role: str
    user_id: str | None
    meaning: str

    @property
    def email(self) -> str:
        """What one signs in with."""
        return f"{self.name}{DOMAIN}"


def ensure(config: Settings, db: Database[Document], accounts: Accounts | None = None) -> list[str]:
    """Make those that are missing, with the password of `shop_password`; gives the addresses of all that are there.

    One that is there stays as it is: whoever it was made for may have moved on. Where nobody has taken anything yet, only
    those are made that need no history.
    """
    accounts = accounts or _accounts(db)
    there = []
    for demo in wanted(db):
        if accounts.get(demo.email) is None:
            accounts.add(demo.email, config.shop_password.get_secret_value(), demo.role, demo.user_id)
        there.append(demo.email)
    return there


def _accounts(db: Database[Document]) -> Accounts:
    from tidemark.storefront.accounts import Accounts as Stored  # argon2 and the rest of the storefront

    return Stored(db)


def wanted(db: Database[Document]) -> Iterator[Demo]:
    """The accounts that the data allows, in the order in which they are told of."""
    counted = histories(db)
    if counted:
        yield Demo("shopper", "shopper", counted[len(counted) // 2][0], "a history as most have it")
        yield Demo("heavy", "shopper", counted[-1][0], "the longest history")
    yield Demo("new", "shopper", NOBODY_YET, "no history yet")
    yield Demo("presenter", "presenter", None, "shops as six others")
    yield Demo("admin", "admin", None, "sees everything")


def histories(db: Database[Document]) -> list[tuple[str, int]]:
    """Each user of the newest interactions with how many of those are theirs, fewest first; (user_id, interactions)."""
    newest: list[Document] = [
        {"$match": {"user_id": {"$ne": NOBODY_YET}}},
        {"$sort": {"timestamp": DESCENDING, "_id": 1}},  # the collection's own index
        {"$limit": NEWEST},
        {"$group": {"_id": "$user_id", "count": {"$sum": 1}}},
    ]
    found = db["interactions"].aggregate(newest)
    return sorted(((str(user["_id"]), int(user["count"])) for user in found), key=lambda user: (user[1], user[0]))
