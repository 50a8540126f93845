"""Downloads: one gzip file from an address to this machine's disk, whole or not at all, going on where an earlier try broke off.

What is unreachable (no answer, too many requests, a break) is tried again with growing pauses, as the server asks for them;
what is wrong (no such file, a damaged one) is said at once.
"""

import fcntl
import gzip
import json
import logging
import shutil
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_exponential

from tidemark.errors import BadInputError, SettingError, UnreachableError

log = logging.getLogger(__name__)

CHUNK = 1 << 20
PART, ABOUT = ".part", ".part.json"
"""After the name of a file: what has come of it, and what the server said of it."""
ROOM = 64 * 2**20
"""Bytes of the disk that stay free."""


@dataclass(frozen=True)
class Patience:
    """How long is waited.

    Args:
        tries: in a row that bring nothing.
        longest: seconds between two of them, whatever the server asks for.
        stalled: seconds in which nothing comes, after which a try has failed.
        told: seconds between two lines of the log.
    """

    tries: int = 6
    longest: float = 120
    stalled: float = 30
    told: float = 5


PATIENCE = Patience()


class _TryError(Exception):
    """A try that failed and may go better later; `after`: seconds that the server asks to wait; `came`: it brought something."""

    def __init__(self, why: str, after: float = 0, *, came: bool = False) -> None:
        super().__init__(why)
        self.after, self.came = after, came


class _DamagedError(Exception):
    """What came is no whole gzip file."""


def fetch(url: str, target: Path, patience: Patience = PATIENCE) -> None:
    """Have the file at `url` as `target`; one that is there already stays as it is.

    Two processes do not fetch the same file: the second waits for the first. Killed anywhere and called again, it goes on.

    Raises:
        BadInputError: the address has no such file, or a damaged one.
        SettingError: there is no room for it on the disk.
        UnreachableError: the server did not give it, after all tries.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with _alone(target):
        if target.exists():
            log.info("%s is there already", target.name)
            return
        for time_ in range(2):
            _whole(url, target, patience)
            try:
                _check_gzip(_part(target))
                break
            except _DamagedError as damaged:
                _forget(target)
                if time_:
                    raise BadInputError(
                        f"{url}: what it gives is no whole gzip file ({damaged}), twice. Fetch it by other means and give its path"
                    ) from None
                log.warning("%s: what came is damaged (%s): it is fetched anew", target.name, damaged)
        _part(target).replace(target)
        _forget(target)


def _part(target: Path) -> Path:
    return target.with_name(target.name + PART)


def _about(target: Path) -> Path:
    return target.with_name(target.name + ABOUT)


def _forget(target: Path) -> None:
    for path in (_part(target), _about(target)):
        path.unlink(missing_ok=True)


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    """Hold the lock of `target`; it is let go of with the process, however that ends."""
    with target.with_name(target.name + ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.info("%s is being fetched by another run: waiting for it", target.name)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _whole(url: str, target: Path, patience: Patience) -> None:
    """Have all of the file as its part."""
    progress = _Progress(target.name, patience.told)

    def wait(state: RetryCallState) -> float:
        failed = state.outcome.exception() if state.outcome else None
        asked = failed.after if isinstance(failed, _TryError) else 0.0
        pause = min(patience.longest, max(asked, wait_exponential(min=0.2, max=patience.longest)(state)))
        log.warning("%s: %s; again in %.0f s", target.name, failed, pause)
        return pause

    tries = Retrying(retry=retry_if_exception_type(_TryError), wait=wait, stop=_Fruitless(patience.tries), reraise=True)
    try:
        tries(_once, url, target, patience, progress)
    except _TryError as failed:
        raise UnreachableError(
            f"{url}: {failed}, {patience.tries} times in a row",
            "clear the task later: what has come stays, and the download goes on there",
        ) from None


class _Fruitless:
    """Whether so many tries in a row have brought nothing: who gets on may break off as often as it likes."""

    def __init__(self, most: int) -> None:
        self._most, self._count = most, 0

    def __call__(self, state: RetryCallState) -> bool:
        failed = state.outcome.exception() if state.outcome else None
        self._count = 0 if isinstance(failed, _TryError) and failed.came else self._count + 1
        return self._count >= self._most


def _once(url: str, target: Path, patience: Patience, progress: "_Progress") -> None:
    """One request for what is missing.

    Raises:
        _TryError: it brought less than all.
    """
    part = _part(target)
    have, known = part.stat().st_size if part.exists() else 0, _read_about(target)
    headers = {"Accept-Encoding": "identity"}
    if have and known.get("mark"):  # without a mark nobody can tell whether the rest is of the same file
        headers |= {"Range": f"bytes={have}-", "If-Range": known["mark"]}
    timeout = httpx.Timeout(patience.stalled)
    try:
        with (
            httpx.Client(timeout=timeout, follow_redirects=True, max_redirects=5) as client,
            client.stream("GET", url, headers=headers) as answer,
        ):
            if answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                if have == known.get("length"):
                    return
                _forget(target)
                raise _TryError(f"it has no more than {have:,} bytes, which are not all: from the beginning")
            start = _start(url, answer, have)
            length = _length(answer, start)
            _about(target).write_text(json.dumps({"mark": _mark(answer), "length": length}))
            _require_room(target, (length or 0) - start)
            came = 0
            with part.open("ab" if start else "wb") as stream:
                for chunk in answer.iter_raw():  # as it comes: what is held back would be lost with the connection
                    stream.write(chunk)
                    came += len(chunk)
                    progress.tell(start + came, length)
    except httpx.TooManyRedirects:
        raise BadInputError(f"{url}: it leads round in a circle. Mend TIDEMARK_AMAZON_2023_URL") from None
    except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
        raise SettingError(
            f"{url}: this is no address that can be asked ({error}): mend TIDEMARK_AMAZON_2023_URL"
        ) from None
    except httpx.HTTPError as error:
        raise _TryError(f"it broke off ({type(error).__name__}: {error})"[:300], came=progress.is_new(target)) from None
    size = part.stat().st_size
    if length is not None and size < length:
        raise _TryError(f"it ended after {size:,} of {length:,} bytes", came=progress.is_new(target))


def _start(url: str, answer: httpx.Response, have: int) -> int:
    """At which byte the answer begins.

    Raises:
        _TryError, BadInputError: it gives nothing.
    """
    code = answer.status_code
    if code == httpx.codes.OK:
        return 0
    if code == httpx.codes.PARTIAL_CONTENT:
        told = answer.headers.get("Content-Range", "")
        if told.startswith(f"bytes {have}-"):
            return have
        raise _TryError(f"asked for what comes after {have:,} bytes, it gives {told!r}")
    if code in (408, 425, 429) or code >= 500:
        raise _TryError(f"it answers {code} {answer.reason_phrase}".rstrip(), _retry_after(answer))
    raise BadInputError(
        f"{url}: it answers {code} {answer.reason_phrase}".rstrip()
        + ". Is TIDEMARK_AMAZON_2023_URL the publisher's address? Else fetch the file by other means and give its path"
    )


def _length(answer: httpx.Response, start: int) -> int | None:
    """Bytes of the whole file; None where the server does not say."""
    told = answer.headers.get("Content-Range" if start else "Content-Length", "")
    total = told.rpartition("/")[2]
    return int(total) if total.isdigit() else None


def _mark(answer: httpx.Response) -> str:
    """By which the server knows this state of the file again: a strong ETag, or the time of its last change."""
    tag = answer.headers.get("ETag", "")
    return str(tag) if tag and not tag.startswith("W/") else str(answer.headers.get("Last-Modified", ""))


def _retry_after(answer: httpx.Response) -> float:
    """Seconds that the server asks to wait; 0 where it does not."""
    told = answer.headers.get("Retry-After", "").strip()
    if told.isdigit():
        return float(told)
    try:
        return max(0.0, parsedate_to_datetime(told).timestamp() - time.time())
    except (TypeError, ValueError):
        return 0.0


def _read_about(target: Path) -> dict[str, Any]:
    try:
        found = json.loads(_about(target).read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _require_room(target: Path, missing: int) -> None:
    """That the disk has room for what is missing.

    Raises:
        SettingError: it has not.
    """
    free = shutil.disk_usage(target.parent).free
    if missing + ROOM > free:
        raise SettingError(
            f"{target.name} needs {missing / 1e6:,.0f} MB more, and the disk of {target.parent} has {free / 1e6:,.0f} MB free: make "
            "room, or let TIDEMARK_LANDING be elsewhere"
        )


def _check_gzip(path: Path) -> None:
    """Unpack it all, and keep nothing.

    Raises:
        _DamagedError: it cannot be.
    """
    if not path.stat().st_size:
        raise _DamagedError("it is empty")
    try:
        with gzip.open(path) as stream:
            while stream.read(CHUNK):
                pass
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise _DamagedError(str(error) or type(error).__name__) from None


class _Progress:
    """What has come, as a line of the log now and then."""

    def __init__(self, name: str, every: float) -> None:
        self._name, self._every = name, every
        self._from: tuple[float, int] | None = None
        self._told = time.monotonic()
        self._most = 0

    def is_new(self, target: Path) -> bool:
        """Whether there is more of the file than there ever was: who begins anew and breaks off again gets nowhere."""
        size, most = _part(target).stat().st_size if _part(target).exists() else 0, self._most
        self._most = max(size, most)
        return size > most

    def tell(self, done: int, length: int | None) -> None:
        """`Books.jsonl.gz: 1,234.5 of 6,789.0 MB, 12.3 MB/s, 7 min 31 s left`, where it is time for it."""
        now = time.monotonic()
        if self._from is None:
            self._from = (now, done)
        if now - self._told < self._every and done != length:
            return
        self._told = now
        begun, had = self._from
        rate = (done - had) / max(now - begun, 1e-9)
        of = f" of {length / 1e6:,.1f}" if length else ""
        left = f", {_spoken((length - done) / rate)} left" if length and rate > 0 and done < length else ""
        log.info("%s: %s%s MB, %.1f MB/s%s", self._name, f"{done / 1e6:,.1f}", of, rate / 1e6, left)


def _spoken(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
