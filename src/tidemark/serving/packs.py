"""The packs of one host: each fetched once, whatever the number of processes that want it, checked, and dropped when no
longer kept.

`<root>/<model_id>/` is a whole pack. A fetch writes into `<root>/.part-<model_id>` beside it, under the one lock of the
folder, and moves it into place when every hash is right: killed at any moment, it leaves nothing that could be taken for a
pack, and the next fetch goes over what it left.
"""

import fcntl
import hashlib
import logging
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import fsspec

from tidemark.errors import PackError, UnreachableError
from tidemark.serving import pack, pack_contents
from tidemark.storage import artifacts

log = logging.getLogger(__name__)

PART = artifacts.PART
LOCK = ".lock"

YOUNG_SECONDS = 60.0
"""A pack younger than this is not dropped: another process, which knows of a newer model, may be about to map it."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")


class Packs:
    """The packs below one folder of this host.

    Args:
        root: the folder; it is made.
        keep: how many of the newest stay, whatever `drop` is told.
    """

    def __init__(self, root: Path, keep: int = 0) -> None:
        self.root, self.keep = root, keep
        self._verified: set[tuple[str, str]] = set()

    def fetch(self, source: str, model_id: str, sha256: str | None = None) -> Path:
        """The local folder of the pack of `model_id`, fetched unless it is there; verified once in each process.

        Where several processes want it, one fetches and the others wait.

        Args:
            source: where the pack is, a path or fsspec URL.
            model_id: whose it is.
            sha256: of its `pack.json`, as the registry has it; None: whatever is there.

        Raises:
            PackError: there is none, it is not whole, it is another's, or this host has no room for it.
            UnreachableError: the source does not answer.
        """
        if not _NAME.fullmatch(model_id):
            raise PackError(f"{model_id[:80]!r} is no model")
        folder = self.root / model_id
        if (model_id, sha256 or "") in self._verified and (folder / pack_contents.NAME).is_file():
            return folder
        with self._locked():
            if folder.exists() and not self._is_whole(folder, model_id, sha256):
                _remove(folder)
            if not folder.exists():
                self._fetch(source, folder, model_id, sha256)
        self._verified.add((model_id, sha256 or ""))
        return folder

    def there(self) -> list[str]:
        """The models whose packs are on this host, sorted."""
        try:
            return sorted(path.name for path in self.root.iterdir() if _NAME.fullmatch(path.name) and path.is_dir())
        except FileNotFoundError:
            return []

    def drop(self, keep: set[str]) -> list[str]:
        """Remove the packs of all models but `keep`; gives those that went.

        One that is being fetched, or was a moment ago, stays; and everything while another process fetches: the next
        call has it. Whoever has a pack mapped keeps its pages until the last of them ends.
        """
        if not self.root.is_dir():
            return []
        gone = []
        with self._locked(wait=False) as held:
            if not held:
                return []
            for left in self.root.glob(f"{PART}*"):  # nobody fetches now: whoever began these is dead
                shutil.rmtree(left, ignore_errors=True)
            there = self.there()
            newest = there[-self.keep :] if self.keep else []
            for model_id in there:
                folder = self.root / model_id
                young = time.time() - folder.stat().st_mtime < YOUNG_SECONDS
                if model_id not in keep and model_id not in newest and not young:
                    _remove(folder)
                    gone.append(model_id)
        self._verified = {known for known in self._verified if known[0] not in gone}
        return gone

    @contextmanager
    def _locked(self, *, wait: bool = True) -> Iterator[bool]:
        """Hold the lock of the folder, which the system lets go when a process dies; whether it is held."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            stream = (self.root / LOCK).open("a")
        except OSError as error:
            raise PackError(f"packs cannot be kept at {self.root} ({error.strerror})") from None
        with stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
                return
            yield True  # closing the file lets go

    def _is_whole(self, folder: Path, model_id: str, sha256: str | None) -> bool:
        try:
            _require((folder / pack_contents.NAME).read_bytes(), folder, model_id, sha256)
            pack.verify(folder)
        except (OSError, PackError) as error:
            log.warning("the pack of model %s on this host is fetched anew: %s", model_id, error)
            return False
        return True

    def _fetch(self, source: str, folder: Path, model_id: str, sha256: str | None) -> None:
        """Fetch into a folder beside, check, move into place. The lock is held."""
        part = self.root / f"{PART}{model_id}"
        shutil.rmtree(part, ignore_errors=True)
        try:
            copy(source, part, sha256, model_id)
            pack.verify(part)
            part.rename(folder)
            os.utime(folder)
        except OSError as error:
            raise PackError(f"the pack of model {model_id} cannot be kept at {self.root} ({error.strerror})") from None
        finally:
            shutil.rmtree(part, ignore_errors=True)
        log.info("the pack of model %s was fetched", model_id)


def copy(source: str, folder: Path, sha256: str | None = None, model_id: str | None = None) -> None:
    """Copy the pack at `source` to the new local `folder`; whether every byte came is `pack.verify`'s to say.

    Args:
        source: a path or fsspec URL.
        folder: what is there is of no use to anybody if this fails.
        sha256: that its `pack.json` must have; None: any.
        model_id: whose it must be; None: anybody's.

    Raises:
        PackError: there is none, it is another's, a file is not of its size, or there is no room for it.
        UnreachableError: the source does not answer.
        OSError: the folder cannot be written to.
    """
    data = b"".join(_chunks(source, pack_contents.NAME, pack_contents.LARGEST))
    told = _require(data, source, model_id, sha256)
    folder.mkdir(parents=True)
    free = shutil.disk_usage(folder).free
    if free < told.bytes:
        raise PackError(
            f"the pack at {source} takes {told.bytes / 1e6:,.0f} MB, and {folder.parent} has {free / 1e6:,.0f} MB left",
            "free some of the disk, or let TIDEMARK_SHOP_PACKS name a folder on a larger one",
        )
    for name, file in told.files.items():
        size = 0
        with (folder / name).open("wb") as stream:
            for chunk in _chunks(source, name, file.bytes):
                size += len(chunk)
                stream.write(chunk)
        if size != file.bytes:
            raise PackError(f"{name} of the pack at {source} is not as it was written: its size differs")
    (folder / pack_contents.NAME).write_bytes(data)


@contextmanager
def local(source: str) -> Iterator[Path]:
    """A local folder with the pack at `source`: that itself, or a copy for as long as it is wanted.

    Raises:
        PackError, UnreachableError: see `copy`.
    """
    filesystem, path = fsspec.core.url_to_fs(source)
    if "file" in ((filesystem.protocol,) if isinstance(filesystem.protocol, str) else filesystem.protocol):
        yield Path(path)
        return
    with tempfile.TemporaryDirectory(prefix="tidemark-pack-") as scratch:
        copy(source, Path(scratch) / "pack")
        yield Path(scratch) / "pack"


def _chunks(source: str, name: str, most: int) -> Iterator[bytes]:
    """A file of the source in parts, `most` bytes and one more at the utmost: who finds that one has found too many."""
    left = most + 1
    try:
        with fsspec.open(f"{source.rstrip('/')}/{name}", "rb") as stream:
            while left and (chunk := stream.read(min(left, pack.CHUNK))):
                left -= len(chunk)
                yield chunk
    except FileNotFoundError:
        raise PackError(f"there is no whole pack at {source}: {name} is missing") from None
    except Exception as error:
        raise UnreachableError(
            f"{name} of the pack at {source} cannot be read ({type(error).__name__}: {error})"
        ) from None


def _require(data: bytes, where: object, model_id: str | None, sha256: str | None) -> pack_contents.Contents:
    """What the `pack.json` says that holds `data`, where it is the one that was to be found."""
    if sha256 and hashlib.sha256(data).hexdigest() != sha256:
        raise PackError(f"the pack at {where} is not the one that the registry names: its {pack_contents.NAME} differs")
    told = pack_contents.parsed(data)
    if model_id and told.about.model_id != model_id:
        raise PackError(f"the pack at {where} is of model {told.about.model_id[:80]}, not of {model_id}")
    return told


def _remove(folder: Path) -> None:
    """Remove a pack: out of its place first, so that nobody meets half of it."""
    aside = folder.with_name(f"{PART}gone-{folder.name}")
    shutil.rmtree(aside, ignore_errors=True)
    folder.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)
