"""What is removed of a user who is erased, place by place. Each may be looked through again at any time: what is gone is gone.

An account is its user's, and goes with its sessions; keys of the API are no person's, and stay.
"""

import base64
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pymongo.database import Database

from tidemark.interactions.from_messages import user_of
from tidemark.landing.erased_users import remove_interactions, users_of_reject
from tidemark.registry import champion
from tidemark.storage import mongo

Document = dict[str, Any]

CHUNK = 500
"""Documents that are removed at a time."""
LOOKED_AT = 5_000
"""Documents that are looked at between two steps, where no index finds whom they name."""
THEIRS = ("reviews", "shown_lists", "experiment_users", "deleted_interactions")
"""Collections that say in `user_id` whose a document is, and nothing more is to be done."""

KEPT = (
    "Kafka keeps its messages (topics interactions, recommendations, interactions.dead_letter) until their retention has "
    "passed; nothing is stored or learned from those of the user any more.",
    "Serving packs of the models that are kept are not written anew; the user is left out when they are read, and of every "
    "later one.",
    "Files stay until tidy_up removes them: landed sources, run folders of models, explorations and graphs. Backups and logs "
    "stay as long as whoever runs the platform keeps them.",
    "What was counted of many people stays: figures of models and hours, in which nobody is named.",
)
"""What an erasure does not remove, for its report."""


@dataclass(frozen=True)
class Place:
    """Documents of a user in one collection.

    Args:
        collection: where.
        count: how many there are; counted before any of them is removed, so that a worker that is killed loses no count.
        steps: removes them; from one step to the next is a short time, and it may end anywhere.
    """

    collection: str
    count: int
    steps: Iterator[object]


@dataclass
class Sweep:
    """One look through all places.

    Args:
        db: the platform's database.
        user_id: who is erased.

    Attributes:
        unreadable: collection -> documents of which nobody can tell whom they name.
    """

    db: Database[Document]
    user_id: str
    unreadable: Counter[str] = field(default_factory=Counter)

    def places(self) -> Iterator[Place | None]:
        """Every place, one after the other; None: still looking for what the next one has."""
        yield self._interactions()
        for name in THEIRS:
            yield Place(name, self._count(name), self._remove_theirs(name))
        for model_id in champion.kept(self.db):
            yield self._list(model_id)
        yield from self._unindexed("dead_letters", {}, ("value",), _of_letter)
        yield from self._unindexed("rejects", {"kind": {"$ne": "product"}}, ("raw", "user_id"), users_of_reject)
        yield from self._signed_in()

    def _count(self, name: str) -> int:
        return self.db[name].count_documents({"user_id": self.user_id})

    def _remove_theirs(self, name: str) -> Iterator[object]:
        for ids in mongo.keys(self.db[name], {"user_id": self.user_id}, CHUNK):
            yield self.db[name].delete_many({"_id": {"$in": ids}})

    def _interactions(self) -> Place:
        theirs = remove_interactions(self.db, {"user_id": self.user_id}, CHUNK)
        return Place("interactions", self._count("interactions"), theirs)

    def _list(self, model_id: str) -> Place:
        name = mongo.recommendations(model_id)

        def remove() -> Iterator[object]:
            with self.db.client.start_session() as session:
                yield session.with_transaction(
                    lambda inside: champion.forget(self.db, model_id, [self.user_id], inside)
                )

        return Place(name, self.db[name].count_documents({"_id": self.user_id}), remove())

    def _unindexed(
        self, name: str, among: Document, fields: Sequence[str], users: Callable[[Document], Sequence[str] | None]
    ) -> Iterator[Place | None]:
        """Of documents that have whole what somebody sent, those that name the user."""
        ids, unreadable = [], 0
        for number, document in enumerate(self.db[name].find(among, dict.fromkeys(fields, 1)), 1):
            named = users(document)
            if named is None:
                unreadable += 1
            elif self.user_id in named:
                ids.append(document["_id"])
            if number % LOOKED_AT == 0:
                yield None
        self.unreadable[name] = unreadable
        chunks = (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK))
        yield Place(name, len(ids), (self.db[name].delete_many({"_id": {"$in": chunk}}) for chunk in chunks))

    def _signed_in(self) -> Iterator[Place]:
        """Sessions, then accounts: without these nobody would know whose sessions they are. A presenter who acts as the user
        is themselves again."""
        sessions = self.db["sessions"]
        accounts = {"_id": {"$in": [each["_id"] for each in self.db["accounts"].find({"user_id": self.user_id})]}}
        theirs = {"$or": [{"account": accounts["_id"]}, {"user_id": self.user_id}]}
        acting = {"acting": self.user_id}
        alone = {"$set": {"acting": None, "basket": [], "not_for_me": []}, "$inc": {"revision": 1}}

        def end() -> Iterator[object]:
            yield sessions.delete_many(theirs)
            yield sessions.update_many(acting, alone)

        yield Place("sessions", sessions.count_documents({"$or": [theirs, acting]}), end())

        def remove() -> Iterator[object]:
            yield self.db["accounts"].delete_many(accounts)

        yield Place("accounts", self.db["accounts"].count_documents(accounts), remove())


def _of_letter(letter: Document) -> Sequence[str] | None:
    value = letter.get("value")
    named = user_of(base64.b64decode(value)) if value else None
    return None if named is None else [named]
