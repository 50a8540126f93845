"""Where the local platform keeps its state, and the short folder that its Unix sockets need."""

import hashlib
import os
import tempfile
from pathlib import Path

from tidemark.errors import SettingError
from tidemark.settings import Settings

LONGEST_SOCKET_PATH = 107
"""What the kernel allows for the path of a Unix socket, in bytes."""

LONGEST_SOCKET_NAME = len("/.s.PGSQL.5432.lock")


def state_folder(config: Settings) -> Path:
    """The folder of all state, absolute."""
    return config.state.expanduser().absolute()


def private_folder(path: Path) -> Path:
    """Make `path`, readable by its owner alone, if it is not there; a path that is not ours is refused.

    Raises:
        SettingError: it cannot be made, or another user owns it.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = path.stat().st_uid
    except OSError as error:
        raise SettingError(f"cannot make the folder {path}: {error.strerror}. Choose another TIDEMARK_STATE") from None
    if owner != os.geteuid():
        raise SettingError(f"the folder {path} belongs to another user. Choose another TIDEMARK_STATE")
    path.chmod(0o700)
    return path


def log_file(config: Settings, service: str) -> Path:
    """Where the output of `service` goes."""
    return private_folder(state_folder(config) / "logs") / f"{service}.log"


def socket_folder(config: Settings) -> Path:
    """A private folder for Unix sockets: below the state, or, where that path is too long, in the system's temporary folder."""
    below = state_folder(config) / "run"
    is_short = len(os.fsencode(below)) + LONGEST_SOCKET_NAME <= LONGEST_SOCKET_PATH
    if is_short and "," not in str(below):  # PostgreSQL's clients take a comma for the end of an address
        private_folder(state_folder(config))
        return private_folder(below)
    key = hashlib.sha256(os.fsencode(state_folder(config))).hexdigest()[:12]
    return private_folder(Path(tempfile.gettempdir()) / f"tidemark-{os.geteuid()}-{key}")


def write_private(path: Path, text: str, mode: int = 0o600) -> None:
    """Write `text` to `path`, whole or not at all, never readable by others in between."""
    beside = path.with_name(path.name + ".part")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
    beside.chmod(mode)
    beside.replace(path)
