"""Sessions: which browser is signed in. They are in MongoDB, so that each can be ended at once, whoever holds its cookie.

The cookie bears 256 random bits, MongoDB their SHA-256. A worker holds what it has read for `HELD_FOR` seconds, and while
MongoDB is away for `AWAY_FOR`; a browser that it does not know must wait for MongoDB. What a session itself holds (basket,
what is not to be shown, as whom a presenter shops) must be seen by the next request, whichever worker gets it: so each
change counts up the session's `revision`, which the cookie bears beside the id, and a worker that holds an older one reads
again.
"""

import hashlib
import re
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import ReturnDocument
from pymongo.database import Database

from tidemark.errors import SignedOutError, UnreachableError
from tidemark.storage.patience import Breaker, brief, ensure
from tidemark.storefront import session_changes

Document = dict[str, Any]

HELD_FOR = 5.0
"""Seconds until what was read is read again: a session that was ended elsewhere is over by then."""

AWAY_FOR = 600.0
"""Seconds that a session which was read holds while MongoDB does not answer."""

PAUSE = 2.0
"""Seconds after MongoDB did not answer in which no session is asked for there: what is held serves meanwhile."""

HELD = 4_096
"""Sessions that a worker holds at most, those used least recently dropped first: 100 KB each at the very most, 1 KB mostly."""

TOUCHED_EVERY = timedelta(minutes=1)
"""How exactly the last use is known: a write a minute and browser, not one a page."""

LONGEST = timedelta(days=30)
"""After that a password is asked for, however often the session was used."""

_COOKIE = re.compile(r"([A-Za-z0-9_-]{43})\.([0-9]{1,9})")


@dataclass(frozen=True, slots=True)
class Session:
    """One browser that is signed in, as it was read.

    Attributes:
        key: its `_id`, the SHA-256 of the id in its cookie; safe to show.
        account, role, user_id: who signed in; `account` is the email.
        created_at, used_at, expires_at: UTC.
        user_agent: what the browser calls itself, cut.
        csrf: the secret of its forms.
        acting: the user as whom a presenter shops; None: as themselves.
        basket, not_for_me: item_ids, the latest last.
        revision: changes so far.
        origins: (item_id, recommendation_id) of what came into the basket from something recommended.
    """

    key: str
    account: str
    role: str
    user_id: str
    created_at: datetime
    used_at: datetime
    expires_at: datetime
    user_agent: str
    csrf: str
    acting: str | None
    basket: tuple[str, ...]
    not_for_me: tuple[str, ...]
    revision: int
    origins: tuple[tuple[str, str], ...] = ()

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Session":
        """The session of a document of the collection `sessions`."""
        lists = {name: tuple(document[name]) for name in ("basket", "not_for_me")}
        origins = tuple((one["item_id"], one["recommendation_id"]) for one in document.get("origins", ()))
        fields: dict[str, Any] = {**document, **lists, "origins": origins, "key": document["_id"]}
        del fields["_id"]
        return cls(**fields)


def end_all(db: Database[Document], account: str) -> int:
    """End all sessions of an account; returns how many there were."""
    return db["sessions"].delete_many({"account": account}).deleted_count


class Sessions:
    """The collection `sessions`, and what this process holds of it.

    Args:
        db: the platform's database, whose times are aware of UTC (`mongo.connect` makes it so).
        hours: that a session lasts without being used.
        clock: seconds that only grow.
    """

    def __init__(self, db: Database[Document], hours: float = 24, clock: Callable[[], float] = time.monotonic) -> None:
        self._db, self._lasts, self._clock = db, timedelta(hours=hours), clock
        self._held: OrderedDict[str, tuple[Session, float]] = OrderedDict()
        self._lock = threading.Lock()
        self._breaker = Breaker(PAUSE, clock=clock)
        self._ensured = False

    def begin(
        self, account: str, role: str, user_id: str, user_agent: str = "", instead_of: str = ""
    ) -> tuple[str, Session]:
        """Sign a browser in: always by a new id, so that nobody can have known it before.

        Args:
            account, role, user_id: of who signed in.
            user_agent: what the browser calls itself.
            instead_of: the cookie that it had; that session ends.

        Returns:
            what the cookie bears from now on, and the session.

        Raises:
            UnreachableError: MongoDB does not answer.
        """
        if not self._ensured:
            ensure(self._db, "sessions")  # its documents must expire
            self._ensured = True
        self.end(instead_of)
        id_, now = secrets.token_urlsafe(32), datetime.now(UTC)
        now = now.replace(microsecond=now.microsecond // 1000 * 1000)  # as exactly as MongoDB keeps it
        document: Document = {
            "_id": _key(id_),
            "account": account,
            "role": role,
            "user_id": user_id,
            "created_at": now,
            "used_at": now,
            "expires_at": now + min(self._lasts, LONGEST),
            "user_agent": user_agent[:200],
            "csrf": secrets.token_hex(32),
            "acting": None,
            "basket": [],
            "not_for_me": [],
            "origins": [],
            "revision": 0,
        }
        with brief():
            self._db["sessions"].insert_one(document)
        session = self._hold(Session.from_document(document))
        return f"{id_}.0", session

    def find(self, cookie: str) -> Session | None:
        """The session whose cookie this is, at most `HELD_FOR` seconds old and no older than the cookie.

        Returns:
            None where it has ended, or never was.

        Raises:
            UnreachableError: MongoDB does not answer, and this process does not know the session.
        """
        parts = _COOKIE.fullmatch(cookie)
        if not parts:
            return None
        key, revision = _key(parts[1]), int(parts[2])
        with self._lock:
            held, read_at = self._held.get(key, (None, 0.0))
        age = self._clock() - read_at
        if held and (held.expires_at <= datetime.now(UTC) or age > AWAY_FOR):
            held = None
        if held and age <= HELD_FOR and held.revision >= revision:
            return held
        try:
            return self._read(key)
        except UnreachableError:
            if held:
                return held
            raise

    def end(self, cookie: str) -> None:
        """End the session whose cookie this is, if there is one.

        Raises:
            UnreachableError: MongoDB does not answer; the session goes on.
        """
        if parts := _COOKIE.fullmatch(cookie):
            self.revoke(_key(parts[1]))

    def revoke(self, key: str) -> bool:
        """End the session `key`: here at once, in other workers after `HELD_FOR` seconds; returns whether there was one.

        Raises:
            UnreachableError: MongoDB does not answer; the session goes on.
        """
        with brief():
            there = self._db["sessions"].delete_one({"_id": key}).deleted_count == 1
        self._forget(lambda session: session.key == key)
        return there

    def revoke_all(self, account: str) -> int:
        """End all sessions of an account, as `revoke` does; returns how many there were.

        Raises:
            UnreachableError: MongoDB does not answer; some may go on.
        """
        with brief():
            ended = end_all(self._db, account)
        self._forget(lambda session: session.account == account)
        return ended

    def of_account(self, account: str) -> list[Session]:
        """The sessions of an account, the latest used first.

        Raises:
            UnreachableError: MongoDB does not answer.
        """
        with brief():
            there = list(self._db["sessions"].find({"account": account, "expires_at": {"$gt": datetime.now(UTC)}}))
        return sorted(map(Session.from_document, there), key=lambda session: session.used_at, reverse=True)

    def put_in_basket(self, session: Session, item_id: str, recommendation_id: str = "") -> Session:
        """`item_id` is the latest in the basket, once, and came from `recommendation_id` (empty: from none) this time.

        What each change raises: see `_change`.

        Raises:
            BadInputError: it can be no item's id.
        """
        return self._change(session, session_changes.put_in_basket(item_id, recommendation_id))

    def take_from_basket(self, session: Session, item_ids: Sequence[str]) -> Session:
        """None of `item_ids` is in the basket; see `_change`."""
        return self._change(session, session_changes.take_from_basket(item_ids))

    def exclude(self, session: Session, item_id: str) -> Session:
        """`item_id` is not for them: not to be shown again, nor in the basket; see `_change`.

        Raises:
            BadInputError: it can be no item's id.
        """
        return self._change(session, session_changes.exclude(item_id))

    def include(self, session: Session, item_id: str) -> Session:
        """`item_id` may be shown again; see `_change`."""
        return self._change(session, session_changes.include(item_id))

    def act_as(self, session: Session, user_id: str | None) -> Session:
        """A presenter shops as `user_id`, or as themselves again; with a basket of their own each time. See `_change`."""
        return self._change(session, session_changes.act_as(user_id))

    def _change(self, session: Session, change: Mapping[str, Any]) -> Session:
        """Set the fields of a `change` (`session_changes`) by one atomic update, whatever other requests change meanwhile;
        returns the session as it is then.

        Raises:
            SignedOutError: it has ended.
            UnreachableError: MongoDB does not answer; nothing may have changed.
        """
        update = [{"$set": {**change, "revision": {"$add": ["$revision", 1]}}}]
        alive = {"_id": session.key, "expires_at": {"$gt": datetime.now(UTC)}}
        with brief():
            document = self._db["sessions"].find_one_and_update(alive, update, return_document=ReturnDocument.AFTER)
        if document is None:
            self._forget(lambda held: held.key == session.key)
            raise SignedOutError("this session has ended: sign in again")
        return self._hold(Session.from_document(document))

    def _read(self, key: str) -> Session | None:
        now = datetime.now(UTC)
        with self._breaker.asking():
            document = self._db["sessions"].find_one({"_id": key, "expires_at": {"$gt": now}})
        if document is None:
            self._forget(lambda session: session.key == key)
            return None
        if now - document["used_at"] > TOUCHED_EVERY:
            used = {"used_at": now, "expires_at": min(now + self._lasts, document["created_at"] + LONGEST)}
            with suppress(UnreachableError), brief():  # it was read: the next reading touches it
                self._db["sessions"].update_one({"_id": key}, {"$set": used})
                document |= used
        return self._hold(Session.from_document(document))

    def _hold(self, session: Session) -> Session:
        with self._lock:
            known = self._held.get(session.key)
            # Two requests may have read at once: the older answer must not come to lie over the newer.
            if known is None or known[0].revision <= session.revision:
                self._held[session.key] = (session, self._clock())
                self._held.move_to_end(session.key)
            while len(self._held) > HELD:
                self._held.popitem(last=False)
        return session

    def _forget(self, ended: Callable[[Session], bool]) -> None:
        with self._lock:
            for key in [key for key, (session, _) in self._held.items() if ended(session)]:
                del self._held[key]


def later(cookie: str, session: Session) -> str:
    """What the cookie bears once its session has become `session`."""
    return f"{cookie.partition('.')[0]}.{session.revision}"


def _key(id_: str) -> str:
    return hashlib.sha256(id_.encode()).hexdigest()
