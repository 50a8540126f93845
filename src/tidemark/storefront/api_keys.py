"""API keys: `tm_<id>_<secret>`, of which MongoDB has the id and the SHA-256 of the secret.

A worker holds all keys in memory and a thread reads them again every `READ_EVERY` seconds, so a request with a key waits for
no server, a revoked key is refused everywhere within 10 s, and all go on through an outage, of which a worker that starts in
it hears by what its host remembers (`kept_keys`). The secret is 256 random bits, so
a slow hash would defend nothing.
"""

import hashlib
import hmac
import logging
import re
import secrets
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import UpdateOne
from pymongo.database import Database

from tidemark.errors import AccountError, UnreachableError
from tidemark.storage import mongo
from tidemark.storage.patience import brief
from tidemark.storefront import audit
from tidemark.storefront.kept_keys import KeptKeys
from tidemark.storefront.rates import Rates

log = logging.getLogger(__name__)

Document = dict[str, Any]

SCOPES = ("read", "write", "admin")
READ_EVERY = 5.0
"""Seconds. Half of what a revoked key may still be good for: the reading itself may be slow."""

UNKNOWN_EVERY = 1.0
"""Seconds at least between two readings that a key which is not known asks for: a new one is good at once, and somebody who
makes keys up has MongoDB asked once a second."""

USED_EVERY = timedelta(minutes=1)
"""How exactly the last use of a key is known."""

_KEY = re.compile(r"tm_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_LENGTH = 3 + 12 + 1 + 43


@dataclass(frozen=True, slots=True)
class Key:
    """What a program may do.

    Attributes:
        id: the part of the key that is no secret.
        name: who has it, for what.
        scopes: some of `SCOPES`; `admin` has all.
        rate: requests a minute of each worker.
        created_at, expires_at, used_at, revoked_at: UTC; None: never, not yet.
    """

    id: str
    name: str
    scopes: frozenset[str]
    rate: int
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None
    revoked_at: datetime | None

    def may(self, scope: str) -> bool:
        """Whether the key has `scope`."""
        return scope in self.scopes or "admin" in self.scopes


def parsed(text: str) -> tuple[str, str] | None:
    """The id and the secret of a key; None where `text` is none. Nothing of another length is looked at."""
    parts = _KEY.fullmatch(text) if len(text) == _LENGTH else None
    return (parts[1], parts[2]) if parts else None


class ApiKeys:
    """The collection `api_keys`, and all of it that this process holds.

    Args:
        db: the platform's database, whose times are aware of UTC (`mongo.connect` makes it so).
        rate: requests a minute of a key that has no rate of its own.
        read_every: seconds.
        kept: where this host remembers them; None: nowhere.
    """

    def __init__(
        self,
        db: Database[Document],
        rate: int = 100_000,
        read_every: float = READ_EVERY,
        kept: KeptKeys | None = None,
    ) -> None:
        self._db, self._rate, self._read_every, self._kept = db, rate, read_every, kept
        self._held: dict[str, tuple[Key, bytes]] | None = None
        self._tried_at = float("-inf")
        self._reading, self._starting = threading.Lock(), threading.Lock()
        self._used: dict[str, datetime] = {}
        self._noted: dict[str, float] = {}
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()
        self.rates = Rates()

    def add(
        self, name: str, scopes: Iterable[str], lasts: timedelta | None = None, rate: int | None = None
    ) -> tuple[str, Key]:
        """Make a key.

        Args:
            name: who is to have it, for what.
            scopes: some of `SCOPES`.
            lasts: how long; None: until it is revoked.
            rate: requests a minute of each worker; None: what the settings say.

        Returns:
            the key, which nothing can show again, and what is known of it.

        Raises:
            AccountError: one of these cannot be.
        """
        wanted = sorted(set(scopes), key=lambda scope: SCOPES.index(scope) if scope in SCOPES else -1)
        if not wanted or not set(wanted) <= set(SCOPES):
            raise AccountError(f"a key has at least one scope; there are: {', '.join(SCOPES)}")
        if not 1 <= len(name) <= 100 or not name.isprintable():
            raise AccountError("the name of a key has 1 to 100 characters")
        if (lasts is not None and lasts <= timedelta(0)) or (rate is not None and rate < 1):
            raise AccountError("a key lasts some time and has a rate of 1 a minute or more")
        id_, secret, now = secrets.token_hex(6), secrets.token_urlsafe(32), datetime.now(UTC)
        document: Document = {"_id": id_, "name": name, "secret": _digest(secret).hex(), "scopes": wanted, "rate": rate}
        document |= {
            "created_at": now,
            "expires_at": now + lasts if lasts else None,
            "used_at": None,
            "revoked_at": None,
        }
        mongo.ensure(self._db, "api_keys")
        self._db["api_keys"].insert_one(document)
        return f"tm_{id_}_{secret}", self._key(document)

    def list(self) -> list[Key]:
        """All keys, revoked ones too, the newest first."""
        return [self._key(document) for document in self._db["api_keys"].find().sort("created_at", -1)]

    def revoke(self, key_id: str) -> None:
        """Let the key be good for nothing: here at once, in other workers within 10 s.

        Raises:
            AccountError: there is no such key, or it was revoked before.
        """
        there = {"_id": key_id, "revoked_at": None}
        revoked = {"$set": {"revoked_at": datetime.now(UTC)}}
        if not self._db["api_keys"].update_one(there, revoked).matched_count:
            raise AccountError("there is no such key that is good: `tidemark key list` shows all")
        if self._held is not None:
            self._read()

    def check(self, text: str) -> Key | None:
        """The key that `text` is; None where it is none, or one that was revoked or has expired.

        Raises:
            UnreachableError: the keys were never read, MongoDB does not answer, and this host remembers none.
        """
        parts = parsed(text)
        if parts is None:
            return None
        held = self._known(parts[0])
        if held is None:
            return None
        key, digest = held
        if not hmac.compare_digest(_digest(parts[1]), digest):
            return None
        now = datetime.now(UTC)
        if key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= now):
            self._note_refused(key)
            return None
        self._used[key.id] = now
        return key

    def wait(self, key: Key) -> float:
        """Count one request of the key against its rate; returns the seconds to wait, 0 where it may go on."""
        return self.rates.wait(key.id, key.rate)

    def close(self) -> None:
        """Write down the last uses, and read no more."""
        self._closed.set()
        if self._thread:
            self._thread.join(timeout=2 * self._read_every)
            self._write_uses()

    def _known(self, key_id: str) -> tuple[Key, bytes] | None:
        if self._thread is None:
            self._start()
        held = self._held
        known = held.get(key_id) if held is not None else None
        if known is None and time.monotonic() - self._tried_at > UNKNOWN_EVERY and not self._reading.locked():
            self._read()  # made just now, perhaps
            held = self._held
            known = held.get(key_id) if held is not None else None
        if held is None:
            raise UnreachableError("the API keys could not be read yet: MongoDB does not answer")
        return known

    def _start(self) -> None:
        # With the first key and not before: a server that forks its workers would leave the thread behind.
        with self._starting:
            if self._thread is None:
                self._read()
                self._thread = threading.Thread(target=self._follow, name="api-keys", daemon=True)
                self._thread.start()

    def _follow(self) -> None:
        while not self._closed.wait(self._read_every):
            self._read()
            self._write_uses()

    def _read(self) -> None:
        """Read all keys; where MongoDB does not answer, those that were read before are good."""
        with self._reading:
            try:
                with brief():
                    documents = list(self._db["api_keys"].find())
                self._hold(documents)
                if self._kept:
                    self._kept.keep(documents)
            except UnreachableError as error:
                log.warning("%s; the API keys that were read before are good", error)
                if self._held is None and self._kept and (remembered := self._kept.remembered()) is not None:
                    self._hold(remembered)
            except Exception:  # the thread must go on: a key that cannot be revoked is worse than a line in the log
                log.exception("the API keys were not read")
            finally:
                self._tried_at = time.monotonic()

    def _hold(self, documents: Iterable[Document]) -> None:
        self._held = {d["_id"]: (self._key(d), bytes.fromhex(d["secret"])) for d in documents}
        self.rates.keep(self._held)

    def _write_uses(self) -> None:
        held, used = self._held or {}, self._used
        since = {id_: held[id_][0].used_at if id_ in held else None for id_ in list(used)}
        due = {id_: used[id_] for id_, before in since.items() if before is None or used[id_] - before > USED_EVERY}
        if not due:
            return
        try:
            with brief():
                writes = [UpdateOne({"_id": id_}, {"$max": {"used_at": at}}) for id_, at in due.items()]
                self._db["api_keys"].bulk_write(writes, ordered=False)
        except Exception as error:
            log.warning("when API keys were used last was not written: %s", type(error).__name__)

    def _note_refused(self, key: Key) -> None:
        """In the audit, once a minute and key: a program that goes on would fill it."""
        now = time.monotonic()
        if now - self._noted.get(key.id, float("-inf")) > USED_EVERY.total_seconds():
            self._noted[key.id] = now
            audit.note("key_refused", key=key.id, why="revoked" if key.revoked_at else "expired")

    def _key(self, document: Document) -> Key:
        return Key(
            document["_id"],
            document["name"],
            frozenset(document["scopes"]),
            document["rate"] or self._rate,
            document["created_at"],
            document["expires_at"],
            document["used_at"],
            document["revoked_at"],
        )


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
