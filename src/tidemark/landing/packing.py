"""Packing: files read through from beginning to end, unpacked on the way: whole, hashed, and never more than may be.

What a file's name says of its packing must be what it is. gzip, bzip2 and Zstandard are unpacked.
"""

import bz2
import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import fsspec
import pyarrow as pa

from tidemark.errors import BadInputError, UnreachableError

CHUNK = 1 << 20
"""Bytes that are read at a time."""

LONGEST_LINE = 64 * CHUNK
"""Bytes of a line, above which a file is none of lines: one record never needs as much, and nobody could hold many."""

PACKINGS = {".gz": b"\x1f\x8b", ".bz2": b"BZh", ".zst": b"\x28\xb5\x2f\xfd"}
"""How a packed file's name ends, and what its contents begin with."""

NAMES = {".gz": "gzip", ".bz2": "bzip2", ".zst": "Zstandard"}

NOT_UNPACKED = (".zip", ".xz", ".7z", ".tar", ".tgz", ".tar.gz", ".rar")


class Hashed(io.RawIOBase):
    """A stream that hashes what is read from it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream, self.hash, self.size = stream, hashlib.sha256(), 0

    def readable(self) -> bool:
        """See `io.RawIOBase`."""
        return True

    def readinto(self, buffer: Any) -> int:
        """See `io.RawIOBase`."""
        data = self.stream.read(len(buffer))
        buffer[: len(data)] = data
        self.hash.update(data)
        self.size += len(data)
        return len(data)


class Unpacked:
    """One file while it is read.

    Attributes:
        packing: how its name must end, a key of `PACKINGS`; empty where it is not packed.
    """

    def __init__(self, path: str, stream: IO[bytes], most_bytes: int) -> None:
        self._path, self._hashed, self._most = path, Hashed(stream), most_bytes
        self._buffered = io.BufferedReader(self._hashed, CHUNK)
        self.packing = _packing(path, self._buffered)
        self._plain = _plain(self._buffered, self.packing)
        self.plain_bytes = 0

    def chunks(self) -> Iterator[bytes]:
        """What is in it, to its end.

        Raises:
            BadInputError: it is more than may be.
        """
        while chunk := self._plain.read(CHUNK):
            self.plain_bytes += len(chunk)
            if self.plain_bytes > self._most:
                raise BadInputError(
                    f"{self._path}: holds more than {self._most / 1e9:.3g} GB, as much as one load may (TIDEMARK_LANDING_MAX_GB), "
                    f"in {self._hashed.size / 1e6:,.1f} MB. Split it, or raise the setting if it is what it should be"
                )
            yield chunk
        while self._buffered.read(CHUNK):  # what follows the last packed part is hashed too
            pass

    def lines(self) -> Iterator[bytes]:
        """Its lines, each with its line feed but the last, which may have none.

        Raises:
            BadInputError: one is longer than `LONGEST_LINE`.
        """
        rest, number = b"", 0
        for chunk in self.chunks():
            whole = (rest + chunk).split(b"\n")
            rest = whole.pop()
            for line in whole:
                yield line + b"\n"
            number += len(whole)
            if len(rest) > LONGEST_LINE:
                raise BadInputError(
                    f"{self._path}: line {number + 1:,} is longer than {LONGEST_LINE >> 20} MB: this is no file of one record a line"
                )
        if rest:
            yield rest

    @property
    def bytes(self) -> int:
        """Size of the file as it lies there, once it was read."""
        return self._hashed.size

    @property
    def sha256(self) -> str:
        """Of the file as it lies there, once it was read."""
        return self._hashed.hash.hexdigest()


@contextmanager
def opened(path: str, most_bytes: int) -> Iterator[Unpacked]:
    """The file at `path`, a path or an fsspec URL, to be read through.

    Args:
        path: of the file.
        most_bytes: that it may hold, unpacked.

    Raises:
        BadInputError: it may not be read, is damaged, or is packed otherwise than its name says.
        UnreachableError: reading it failed.
    """
    try:
        with fsspec.open(path, "rb") as stream:
            yield Unpacked(path, stream, most_bytes)
    except FileNotFoundError:
        raise BadInputError(f"{path}: is gone since the load began") from None
    except PermissionError:
        raise BadInputError(f"{path}: may not be read. Give the user that runs Airflow access") from None
    except (EOFError, zlib.error, gzip.BadGzipFile, OSError) as error:
        packed = next((name for end, name in NAMES.items() if path.endswith(end)), "")
        damaged = not isinstance(error, OSError) or isinstance(error, gzip.BadGzipFile)
        # Of other packings, what is damaged and what cannot be read are one error to their libraries.
        if damaged or packed in ("bzip2", "Zstandard"):
            tells = "; `gzip -t` tells" if packed == "gzip" else ""
            raise BadInputError(
                f"{path}: truncated or damaged {packed} ({str(error)[:200]}). Fetch it again{tells}"
            ) from None
        raise UnreachableError(f"{path}: reading it failed ({type(error).__name__}: {str(error)[:200]})") from None


def _packing(path: str, stream: Any) -> str:
    """How the file is packed, which its name must say."""
    if path.endswith(NOT_UNPACKED):
        raise BadInputError(f"{path}: this packing cannot be read. Unpack it, or pack it with gzip")
    start = stream.peek(4)[:4]
    is_ = next((end for end, magic in PACKINGS.items() if start.startswith(magic)), "")
    said = next((end for end in PACKINGS if path.endswith(end)), "")
    if is_ == said or not start:
        return is_
    if is_:
        raise BadInputError(f"{path}: it is {NAMES[is_]}, but its name does not end in {is_}. Rename it")
    raise BadInputError(f"{path}: its name ends in {said}, but it is not {NAMES[said]}. Rename it")


def _plain(stream: Any, packing: str) -> Any:
    match packing:
        case ".gz":
            return gzip.GzipFile(fileobj=stream)
        case ".bz2":
            return bz2.BZ2File(stream)
        case ".zst":
            return pa.CompressedInputStream(pa.PythonFile(stream, "r"), "zstd")
        case _:
            return stream
