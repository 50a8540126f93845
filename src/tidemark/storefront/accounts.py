"""Accounts: who may sign in to the storefront, as what, and how a password is checked.

Passwords are hashed by argon2id. One process hashes one at a time, in a thread that lets all others go first, so that people
who try passwords cost the machine 19 MiB and what no reader needs; an account that is not there costs what one that is there
costs, so that nobody learns which are.
"""

import os
import re
import secrets
import threading
import unicodedata
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from email_validator import EmailNotValidError, validate_email
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from tidemark.errors import AccountError, BusyError, TransientError
from tidemark.storage import mongo, tombstones
from tidemark.storage.patience import brief
from tidemark.storefront import sessions

Document = dict[str, Any]

ROLES = ("shopper", "presenter", "admin")
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""OWASP's settings for argon2id: 19 MiB, two passes, one lane; 40 ms of CPU. The library's own take 250."""

PATIENCE = 0.25
"""Seconds that a sign-in waits for its turn to hash; one waits at a time, for a worker has three threads, and people who only
read need one."""
NICENESS = 10
"""Of the thread that hashes: it takes the core that nobody else wants."""

SHORTEST, LONGEST = 8, 1_000
"""Characters of a password. 8: NIST SP 800-63B; the longest bounds what one attempt has hashed."""

_USER_ID = re.compile(r"[^\s:\x00-\x1f\x7f]{1,128}")
_NOBODYS = "an account with this email is not there: `tidemark account list` shows those that are"


@dataclass(frozen=True, slots=True)
class Account:
    """Who may sign in.

    Attributes:
        email: its `_id`, normalised.
        role: one of `ROLES`.
        user_id: the user of `interactions` that it stands for.
        created_at, password_changed_at: UTC.
    """

    email: str
    role: str
    user_id: str
    created_at: datetime
    password_changed_at: datetime

    @classmethod
    def from_document(cls, document: Document) -> "Account":
        """The account of a document of the collection `accounts`; its hash stays behind."""
        return cls(
            document["_id"],
            document["role"],
            document["user_id"],
            document["created_at"],
            document["password_changed_at"],
        )


def normalised(email: str) -> str:
    """`email` as it is stored and looked for: without spaces around, in lower case, the domain as IDNA has it.

    Raises:
        AccountError: it is no email address. Whether its domain can take mail is not asked.
    """
    try:
        return validate_email(email.strip(), check_deliverability=False).normalized.lower()
    except EmailNotValidError as error:
        raise AccountError(f"this is no email address: {error}") from None


class Accounts:
    """The collection `accounts`.

    Args:
        db: the platform's database.
        patience: seconds to wait for one's turn to hash.

    Attributes:
        hashed: passwords that this process has hashed or verified so far.
    """

    def __init__(self, db: Database[Document], patience: float = PATIENCE) -> None:
        self._db, self._patience = db, patience
        self._turn, self._places = threading.Semaphore(1), threading.Semaphore(2)
        self._hashing = ThreadPoolExecutor(1, "hashing", initializer=_go_last)
        self.hashed = 0

    def add(self, email: str, password: str, role: str = "shopper", user_id: str | None = None) -> Account:
        """Make an account.

        Args:
            email: normalised here.
            password: `SHORTEST` to `LONGEST` characters.
            role: one of `ROLES`.
            user_id: whose history it has; None: a new user's.

        Raises:
            AccountError: one of these cannot be, there is such an account, or the user was erased.
            BusyError: this process is hashing.
        """
        email = normalised(email)
        if role not in ROLES:
            raise AccountError(f"{role} is no role: choose {', '.join(ROLES)}")
        user_id = user_id or f"shopper-{secrets.token_hex(8)}"
        if not _USER_ID.fullmatch(user_id):
            raise AccountError("a user_id has 1 to 128 characters, no space and no colon among them")
        acceptable = _acceptable(password)
        if user_id in tombstones.read(self._db):
            raise AccountError(
                f"the user {user_id} was erased, and nobody can come back under that id: leave the user out, for a new one"
            )
        now = datetime.now(UTC)
        document: Document = {"_id": email, "password": self._hash(acceptable), "role": role}
        document |= {"user_id": user_id, "created_at": now, "password_changed_at": now}
        mongo.ensure(self._db, "accounts")
        try:
            self._db["accounts"].insert_one(document)
        except DuplicateKeyError:
            raise AccountError(f"there is an account {email} already") from None
        return Account.from_document(document)

    def get(self, email: str) -> Account | None:
        """The account of `email`; None where there is none."""
        try:
            document = self._db["accounts"].find_one({"_id": normalised(email)})
        except AccountError:
            return None
        return Account.from_document(document) if document else None

    def list(self) -> list[Account]:
        """All accounts, by email."""
        return [Account.from_document(document) for document in self._db["accounts"].find().sort("_id")]

    def check(self, email: str, password: str) -> Account | None:
        """The account of `email` if `password` is its password; else None, after the same work whatever the reason.

        A hash that was made with other settings than today's is made anew on the way.

        Raises:
            BusyError: this process is hashing.
            UnreachableError: MongoDB does not answer.
        """
        try:
            known = normalised(email)
        except AccountError:
            known = ""  # nobody's
        with brief():
            document = self._db["accounts"].find_one({"_id": known})
        typed = _bytes(password) or b"\0"
        if document is None:
            self._hash(typed)
            return None
        if not self._verify(document["password"], typed):
            return None
        if HASHER.check_needs_rehash(document["password"]):
            # Only where it is still the hash that was verified: somebody may be changing the password just now.
            was = {"_id": known, "password": document["password"]}
            with suppress(TransientError), brief():  # there will be another sign-in
                self._db["accounts"].update_one(was, {"$set": {"password": self._hash(typed)}})
        return Account.from_document(document)

    def change_password(self, email: str, password: str) -> int:
        """Give the account another password, and end its sessions; returns how many there were.

        Raises:
            AccountError: there is no such account, or the password cannot be one.
            BusyError: this process is hashing.
        """
        email = normalised(email)
        changed = {"password": self._hash(_acceptable(password)), "password_changed_at": datetime.now(UTC)}
        if not self._db["accounts"].update_one({"_id": email}, {"$set": changed}).matched_count:
            raise AccountError(_NOBODYS)
        return sessions.end_all(self._db, email)

    def remove(self, email: str) -> int:
        """Remove the account and end its sessions; returns how many there were. Its user's interactions stay.

        Raises:
            AccountError: there is no such account.
        """
        email = normalised(email)
        if not self._db["accounts"].delete_one({"_id": email}).deleted_count:
            raise AccountError(_NOBODYS)
        return sessions.end_all(self._db, email)

    def _hash(self, password: bytes) -> str:
        with self._a_turn():
            return self._hashing.submit(HASHER.hash, password).result()

    def _verify(self, stored: str, password: bytes) -> bool:
        with self._a_turn():
            try:
                return self._hashing.submit(HASHER.verify, stored, password).result()
            except VerificationError:
                return False

    @contextmanager
    def _a_turn(self) -> Iterator[None]:
        with _held(self._places, 0), _held(self._turn, self._patience):
            self.hashed += 1
            yield


@contextmanager
def _held(places: threading.Semaphore, patience: float) -> Iterator[None]:
    """Hold one of `places`, if it can be had within `patience` seconds.

    Raises:
        BusyError: it cannot.
    """
    if not places.acquire(timeout=patience):
        raise BusyError("other passwords are being checked: try again in a few seconds")
    try:
        yield
    finally:
        places.release()


def _go_last() -> None:
    """Let the other threads of this machine go first; Linux has a niceness for each thread."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


def made_up() -> str:
    """A password of 144 random bits."""
    return secrets.token_urlsafe(18)


def _bytes(password: str) -> bytes | None:
    """What is hashed: the same for each way that a keyboard has to send a letter; None: no account has such a password."""
    if not SHORTEST <= len(password) <= LONGEST:
        return None
    try:
        return unicodedata.normalize("NFKC", password).encode()
    except UnicodeEncodeError:
        return None


def _acceptable(password: str) -> bytes:
    acceptable = _bytes(password)
    if acceptable is None:
        raise AccountError(f"a password has {SHORTEST} to {LONGEST:,} characters")
    return acceptable
