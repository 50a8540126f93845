"""What a host remembers of the API keys, for a worker that starts while MongoDB is away: without it, one that has a model
and could answer would refuse every program.

One file beside the packs, for the owner alone: ids and hashes, nothing that is a key. It is signed, so that whoever can
write there makes no keys, and believed for an hour: a key that was revoked before an outage could be good again only on a
host that has not seen MongoDB since.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tidemark.storage.signed_file import SignedFile

Document = dict[str, Any]

NAME = ".api-keys"
BELIEVED_FOR = 3_600
"""Seconds after MongoDB was last read."""
WRITTEN_EVERY = 300.0
"""Seconds after which the file is written again though no key has changed."""


class KeptKeys:
    """The file of one host; each of its workers writes what it has read.

    Args:
        folder: where it is; made when it is first written.
        secret: that it is signed with.
        clock: seconds that only grow.
    """

    def __init__(self, folder: Path, secret: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._file, self._clock = SignedFile(folder / NAME, secret, "API keys"), clock
        self._written: tuple[float, list[Document]] | None = None

    def keep(self, documents: Sequence[Mapping[str, Any]]) -> None:
        """Remember the collection `api_keys` as it was just read; where it cannot be written, the log says so."""
        known = [{name: value for name, value in document.items() if name != "used_at"} for document in documents]
        if self._written and self._written[1] == known and self._clock() - self._written[0] < WRITTEN_EVERY:
            return
        if self._file.write({"keys": [document | {"used_at": None} for document in known]}):
            self._written = self._clock(), known

    def remembered(self) -> list[Document] | None:
        """The documents, as any worker of this host last read them; None where there are none that may be believed."""
        document = self._file.read(BELIEVED_FOR)
        return None if document is None else list(document["keys"])
