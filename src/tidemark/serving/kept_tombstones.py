"""What a host remembers of who was erased, for a worker that starts while MongoDB is away: the packs that it serves from
still have the lists of users who were erased after they were written.

One file beside the packs, for the owner alone: tombstones, which name nobody. It is signed, so that whoever can write there
hides nobody; and a tombstone does not age, so it is believed for ever.
"""

from collections.abc import Set as AbstractSet
from pathlib import Path

from tidemark.storage.signed_file import SignedFile

NAME = ".erased"


class KeptTombstones:
    """The file of one host; each of its workers adds what it has read.

    Args:
        folder: where it is; made when it is first written.
        secret: that it is signed with.
    """

    def __init__(self, folder: Path, secret: str) -> None:
        self._file = SignedFile(folder / NAME, secret, "tombstones")

    def keep(self, ids: AbstractSet[str]) -> None:
        """Remember these too; where they cannot be written, the log says so."""
        known = self.remembered()
        if not ids <= known:
            self._file.write({"erased": sorted(ids | known)})

    def remembered(self) -> frozenset[str]:
        """All that any worker of this host has read."""
        document = self._file.read()
        return frozenset(document["erased"]) if document else frozenset()
