"""Deleting one interaction for the user whose it is: it is gone from MongoDB, and stays away.

Its tombstone and its removal are one transaction: whoever stores, loads, replays or follows interactions reads tombstones,
and drops it from then on (`storage.tombstones`). What is a review's goes with its review. Kafka keeps its message until
retention, and models that learned from it stay as they are; the next one is without it.
"""

from typing import TYPE_CHECKING, Any

from pymongo import ReturnDocument
from pymongo.client_session import ClientSession
from pymongo.database import Database

from tidemark.interactions.keys import REVIEW_PREFIX
from tidemark.serving.deletions import Deletion
from tidemark.storage.patience import brief, ensure
from tidemark.storage.tombstones import DELETED

if TYPE_CHECKING:
    from tidemark.serving.service import Serving

Document = dict[str, Any]

PATIENCE = 2.0
"""Seconds that the transaction may take."""


class Deleting:
    """Deletes single interactions.

    Args:
        db: the platform's database.
        serving: is told at once; other workers find out within a second or two.
    """

    def __init__(self, db: Database[Document], serving: "Serving") -> None:
        self._db, self._serving = db, serving
        self._ensured = False

    def delete(self, user_id: str, interaction_id: str) -> bool:
        """Delete an interaction of a user; deleted again, it is deleted.

        Returns:
            False where the user has no such interaction, stored or just come, and never deleted one.

        Raises:
            UnreachableError: MongoDB does not answer; it may have been deleted or not.
        """
        if not self._ensured:
            ensure(self._db, DELETED)
            self._ensured = True
        with brief(PATIENCE):
            if not self._is_there(user_id, interaction_id):
                return False
            with self._db.client.start_session() as session:
                document = session.with_transaction(lambda inside: self._delete(user_id, interaction_id, inside))
        self._serving.deleted(Deletion(interaction_id, user_id, document["deleted_at"]))
        return True

    def _is_there(self, user_id: str, interaction_id: str) -> bool:
        theirs = {"_id": interaction_id, "user_id": user_id}
        return (
            self._db["interactions"].find_one(theirs, {"_id": 1}) is not None
            or any(event.id == interaction_id for event in self._serving.newer(user_id))
            or self._db[DELETED].find_one(theirs, {"_id": 1}) is not None
        )

    def _delete(self, user_id: str, interaction_id: str, session: ClientSession) -> Document:
        """The tombstone, and what it stands for removed."""
        alone = {"_id": interaction_id}
        wanted = {"user_id": {"$literal": user_id}, "deleted_at": {"$ifNull": ["$deleted_at", "$$NOW"]}}
        document: Document = self._db[DELETED].find_one_and_update(  # type: ignore[assignment]
            alone, [{"$set": wanted}], upsert=True, return_document=ReturnDocument.AFTER, session=session
        )
        self._db["interaction_details"].delete_one(alone, session=session)
        self._db["interactions"].delete_many(alone, session=session)
        if interaction_id.startswith(REVIEW_PREFIX):
            self._db["reviews"].delete_many({"_id": interaction_id.removeprefix(REVIEW_PREFIX)}, session=session)
        return document
