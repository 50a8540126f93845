"""A small file that a host keeps for itself: for the owner alone, signed, and whole or not there."""

import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import bson
from bson.codec_options import CodecOptions
from itsdangerous import BadData, TimestampSigner

log = logging.getLogger(__name__)

Document = dict[str, Any]

_AWARE: CodecOptions[Document] = CodecOptions(tz_aware=True)


class SignedFile:
    """One document in one file.

    Args:
        path: where it is; its folder is made when it is first written.
        secret: that it is signed with: whoever can write there makes none that is believed.
        what: it is of, for the log; no other kind of file signed with the same secret is taken for it.
    """

    def __init__(self, path: Path, secret: str, what: str) -> None:
        self._path, self._what = path, what
        self._signer = TimestampSigner(secret, salt=f"kept {what}", digest_method=hashlib.sha256)

    def write(self, document: Mapping[str, Any]) -> bool:
        """Write it whole or not at all; nobody else can ever read it. Where that cannot be, the log says so."""
        try:
            self._write(self._signer.sign(bson.encode(document)))
        except OSError as error:
            log.warning("the %s cannot be remembered at %s (%s)", self._what, self._path, error.strerror)
            return False
        return True

    def read(self, max_age: int | None = None) -> Document | None:
        """The document; None where there is none that may be believed.

        Args:
            max_age: seconds since it was written in which it is believed; None: for ever.
        """
        try:
            signed = self._path.read_bytes()
            return bson.decode(self._signer.unsign(signed, max_age=max_age), _AWARE)
        except OSError:
            return None
        except BadData as error:
            log.warning("the %s that this host remembers are not believed: %s", self._what, type(error).__name__)
            return None

    def _write(self, text: bytes) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=self._path.parent, prefix=f"{self._path.name}-", delete=False) as beside:
            try:
                beside.write(text)
                beside.flush()
                Path(beside.name).replace(self._path)
            except OSError:
                Path(beside.name).unlink(missing_ok=True)
                raise
