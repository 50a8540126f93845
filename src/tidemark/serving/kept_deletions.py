"""What a host remembers of deleted interactions, for a worker that starts while MongoDB is away: the packs that it serves
from, and the tail of the topic, still have them.

One file beside the packs, for the owner alone; it is signed, so that whoever can write there hides nothing.
"""

from collections.abc import Container, Iterable
from pathlib import Path
from typing import Any

from tidemark.storage.signed_file import SignedFile

NAME = ".deleted"

Document = dict[str, Any]


class KeptDeletions:
    """The file of one host; each of its workers adds what it has read.

    Args:
        folder: where it is; made when it is first written.
        secret: that it is signed with.
    """

    def __init__(self, folder: Path, secret: str) -> None:
        self._file = SignedFile(folder / NAME, secret, "deletions")

    def keep(self, documents: Iterable[Document]) -> None:
        """Remember these documents of the collection too; where they cannot be written, the log says so."""
        known = {document["_id"]: document for document in self.remembered()}
        new = {document["_id"]: document for document in documents}
        if not new.keys() <= known.keys():
            self._file.write({"deleted": [*(known | new).values()]})

    def forget(self, users: Container[str]) -> None:
        """Remember nothing of these users any more: who is erased is named nowhere."""
        known = self.remembered()
        stay = [document for document in known if document["user_id"] not in users]
        if len(stay) < len(known):
            self._file.write({"deleted": stay})

    def remembered(self) -> list[Document]:
        """All that any worker of this host has read: `{_id, user_id, deleted_at}`."""
        document = self._file.read()
        return list(document["deleted"]) if document else []
