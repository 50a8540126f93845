"""How often somebody may try to sign in: counted in MongoDB, so that all workers of all hosts count together.

An attempt is counted before its password is looked at, by one atomic update for the address and one for the account: however
many come at once, no more are hashed than are allowed. A right password takes its attempt back, and clears its account.
Times are MongoDB's, so that a worker whose clock is wrong counts with the others.
"""

import hashlib
import ipaddress
import math
import time
from typing import Any

from pymongo import ReturnDocument
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from tidemark.errors import TooManyAttemptsError
from tidemark.storage.patience import Breaker, brief, ensure

Document = dict[str, Any]

WINDOW = 15 * 60
"""Seconds that attempts are counted for, from the first on. Refused ones do not make it longer: whoever tries on for another
keeps them out for a quarter of an hour, not for ever."""

PER_ACCOUNT = 20
"""Wrong passwords of one account in a window: more than a person needs, and 700,000 a year for who guesses from a thousand
addresses: not enough to find a password that was not among the commonest."""

PER_ADDRESS = 50
"""Wrong passwords from one address in a window. A house or an office shares one; right passwords are not counted."""

PAUSE = 2.0
"""Seconds after MongoDB did not answer in which no attempt is counted, and so no password is looked at."""

BELIEVED = 5.0
"""Seconds in which who is refused stays so in this process, without MongoDB being asked: a flood is turned away for little."""
MOST_REMEMBERED = 10_000

IPV6_NETWORK = 64
"""Bits of an IPv6 address that are counted together: a subscriber has all addresses of such a network."""


class SignIns:
    """The collection `sign_ins`.

    Args:
        db: the platform's database.
    """

    def __init__(self, db: Database[Document]) -> None:
        self._db, self._ensured = db, False
        self._breaker = Breaker(PAUSE)
        self._refused: dict[str, tuple[float, float]] = {}  # key -> until when it is believed, and until when it holds

    def attempt(self, email: str, address: str) -> None:
        """Count one attempt, before its password is looked at.

        The address comes first: one that tries too often no longer counts against the accounts it tries.

        Args:
            email: normalised or not a person's at all.
            address: the IP address that it came from.

        Raises:
            TooManyAttemptsError: the password is not to be looked at.
            UnreachableError: MongoDB does not answer.
        """
        wanted = ((_of_address(address), PER_ADDRESS), (_of_account(email), PER_ACCOUNT))
        for key, _ in wanted:
            self._turn_away(key)
        if not self._ensured:
            with self._breaker.asking():
                ensure(self._db, "sign_ins")  # its documents must expire
            self._ensured = True
        with self._breaker.asking():
            for key, most in wanted:
                counted = self._count(key)
                if counted["attempts"] > most:
                    left = (counted["expires_at"] - counted["seen_at"]).total_seconds()
                    self._remember(key, left)
                    raise TooManyAttemptsError(retry_after=max(1, math.ceil(left)))

    def _remember(self, key: str, left: float) -> None:
        """Turn `key` away for a while, `left` seconds at most."""
        if len(self._refused) >= MOST_REMEMBERED:
            self._refused.clear()
        now = time.monotonic()
        self._refused[key] = (now + min(BELIEVED, left), now + left)

    def _turn_away(self, key: str) -> None:
        believed, holds = self._refused.get(key, (0.0, 0.0))
        now = time.monotonic()
        if now < believed:
            raise TooManyAttemptsError(retry_after=max(1, math.ceil(holds - now)))

    def succeeded(self, email: str, address: str) -> None:
        """The password of the attempt was right: clear the account, give the address its attempt back.

        Raises:
            UnreachableError: MongoDB does not answer.
        """
        with brief():
            self._db["sign_ins"].delete_one({"_id": _of_account(email)})
            self._give_back(_of_address(address))

    def not_looked_at(self, email: str, address: str) -> None:
        """The password of the attempt was not looked at after all: give both their attempt back.

        Raises:
            UnreachableError: MongoDB does not answer.
        """
        with brief():
            self._give_back(_of_account(email))
            self._give_back(_of_address(address))

    def _give_back(self, key: str) -> None:
        self._db["sign_ins"].update_one({"_id": key, "attempts": {"$gt": 0}}, {"$inc": {"attempts": -1}})

    def _count(self, key: str) -> Document:
        # The server removes what has expired once a minute only, so whether it has is asked here too.
        runs = {"$gt": ["$expires_at", "$$NOW"]}
        end = {"$dateAdd": {"startDate": "$$NOW", "unit": "second", "amount": WINDOW}}
        counted = {
            "attempts": {"$cond": [runs, {"$add": ["$attempts", 1]}, 1]},
            "seen_at": "$$NOW",
            "expires_at": {"$cond": [runs, "$expires_at", end]},
        }
        for last in (False, True):
            try:
                counter = self._db["sign_ins"].find_one_and_update(
                    {"_id": key}, [{"$set": counted}], upsert=True, return_document=ReturnDocument.AFTER
                )
            except DuplicateKeyError:  # another worker made it at the same moment: it is there now
                if last:
                    raise
            else:
                break
        assert counter  # noqa: S101 -- it is there after an upsert
        return counter


def _of_account(email: str) -> str:
    """Hashed: what is typed for an email is a password now and then."""
    return f"account:{hashlib.sha256(email.encode('utf-8', 'replace')).hexdigest()}"


def _of_address(address: str) -> str:
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return "address:unknown"
    if isinstance(known, ipaddress.IPv6Address):
        if known.ipv4_mapped:
            return f"address:{known.ipv4_mapped}"
        return f"address:{ipaddress.ip_network((int(known), IPV6_NETWORK), strict=False)}"
    return f"address:{known}"
