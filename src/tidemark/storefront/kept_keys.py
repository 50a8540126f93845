"""What a host remembers of the API keys, for a worker that starts while MongoDB is away: without it, one that has a model
and could answer would refuse every program.

One file beside the packs, for the owner alone: ids and hashes, nothing that is a key. It is signed, so that whoever can
write there makes no keys, and believed for an hour: a key that was revoked before an outage could be good again only on a
host that has not seen MongoDB since.
"""

import hashlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import bson
from bson.codec_options import CodecOptions
from itsdangerous import BadData, TimestampSigner

log = logging.getLogger(__name__)

Document = dict[str, Any]

NAME = ".api-keys"
BELIEVED_FOR = 3_600
"""Seconds after MongoDB was last read."""
WRITTEN_EVERY = 300.0
"""Seconds after which the file is written again though no key has changed."""

_AWARE: CodecOptions[Document] = CodecOptions(tz_aware=True)


class KeptKeys:
    """The file of one host; each of its workers writes what it has read.

    Args:
        folder: where it is; made when it is first written.
        secret: that it is signed with.
        clock: seconds that only grow.
    """

    def __init__(self, folder: Path, secret: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._path, self._clock = folder / NAME, clock
        self._signer = TimestampSigner(secret, salt="kept API keys", digest_method=hashlib.sha256)
        self._written: tuple[float, list[Document]] | None = None

    def keep(self, documents: Sequence[Mapping[str, Any]]) -> None:
        """Remember the collection `api_keys` as it was just read; where it cannot be written, the log says so."""
        known = [{name: value for name, value in document.items() if name != "used_at"} for document in documents]
        if self._written and self._written[1] == known and self._clock() - self._written[0] < WRITTEN_EVERY:
            return
        try:
            self._write(self._signer.sign(bson.encode({"keys": [document | {"used_at": None} for document in known]})))
        except OSError as error:
            log.warning("the API keys cannot be remembered at %s (%s)", self._path, error.strerror)
        else:
            self._written = self._clock(), known

    def remembered(self) -> list[Document] | None:
        """The documents, as any worker of this host last read them; None where there are none that may be believed."""
        try:
            signed = self._path.read_bytes()
            keys = bson.decode(self._signer.unsign(signed, max_age=BELIEVED_FOR), _AWARE)["keys"]
        except OSError:
            return None
        except BadData as error:
            log.warning("the API keys that this host remembers are not believed: %s", type(error).__name__)
            return None
        return list(keys)

    def _write(self, text: bytes) -> None:
        """Whole or not at all; nobody else can ever read it."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=self._path.parent, prefix=f"{NAME}-", delete=False) as beside:
            try:
                beside.write(text)
                beside.flush()
                Path(beside.name).replace(self._path)
            except OSError:
                Path(beside.name).unlink(missing_ok=True)
                raise
