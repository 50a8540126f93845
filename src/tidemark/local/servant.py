"""Where PostgreSQL lives when root runs the platform: it refuses to run as root, and the user that it then runs as can
enter neither a state folder, which is root's alone, nor an installation below one (a clone below /root).

    <state>/postgres -> /var/lib/tidemark-<random>    which holds
        platform                  the state folder that it belongs to
        installation-<version>/   a copy of what the package brings: root's, for the servant to read
        data/, run/               the database and its socket: the servant's alone

The link says which folder it is, so a clone that was deleted and made anew at the same place begins with an empty
database, and one that was moved keeps its own.
"""

import contextlib
import grp
import os
import pwd
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tidemark.errors import SettingError
from tidemark.local.command import Identity
from tidemark.local.layout import private_folder, state_folder, write_private
from tidemark.settings import Settings

NAME = "nobody"
"""The user that the server runs as: there is one on every machine, so none has to be made."""

GROUPS = range(61_184, 65_520)
"""Numbers of groups that no account has (systemd's for the moment). Each platform's servant gets one of its own: others
that run as `nobody` can then neither enter its folder nor trace it."""

PLACES: tuple[str, ...] = ("/var/lib", "/srv", "/opt", tempfile.gettempdir())
"""Where the folder may be made, the best first; the later ones are for machines whose system is read-only."""

PROGRAMS = {"initdb", "postgres"}


def is_needed() -> bool:
    """Whether the server must run as another user than we do."""
    return os.geteuid() == 0


def link(config: Settings) -> Path:
    """`<state>/postgres`: a link to the folder, or, where no servant is needed, the folder itself."""
    return state_folder(config) / "postgres"


def folder(config: Settings) -> Path:
    """The folder, whether it is there or not."""
    return link(config).readlink() if link(config).is_symlink() else link(config)


def identity(home: Path) -> Identity:
    """Whom the server runs as: `nobody`, in the group that `home` belongs to."""
    return Identity(pwd.getpwnam(NAME).pw_uid, home.stat().st_gid)


def ready(config: Settings) -> Path:
    """The folder, made where it is not there yet; killed half-way and called again, it goes on.

    Raises:
        SettingError: there is no place for it, or root may not become another user here.
    """
    private_folder(state_folder(config))
    own = link(config)
    before = own.with_name("postgres.before")
    if own.is_dir() and not own.is_symlink():
        own.rename(before)  # made when the database still lay in the state folder
    if own.is_symlink() and _is_of_another(config, own.readlink()):
        own.unlink()
    if not own.is_symlink():
        own.symlink_to(_place() / f"tidemark-{secrets.token_hex(6)}")
    home = own.readlink()
    try:
        home.mkdir(mode=0o700, exist_ok=True)
        if home.is_symlink() or home.stat().st_uid != 0:
            raise SettingError(f"{home} is not the folder that root made there: remove {own} and run it again")
        if home.stat().st_gid not in GROUPS:
            os.chown(home, 0, _free_group())
        home.chmod(0o710)
        write_private(home / "platform", str(state_folder(config)))
        _adopt(before / "data", home)
    except OSError as error:
        raise SettingError(
            f"PostgreSQL does not run as root, and root cannot give it a folder of its own here ({error}): "
            "run make as another user"
        ) from None
    shutil.rmtree(before, ignore_errors=True)
    return home


def _is_of_another(config: Settings, home: Path) -> bool:
    """Whether `home` belongs to another platform that is still there: this state folder is a copy of that one's."""
    with contextlib.suppress(OSError):
        other = Path((home / "platform").read_text())
        return other != state_folder(config) and (other / "postgres").readlink() == home
    return False


def _place() -> Path:
    for name in PLACES:
        place = Path(name)
        with contextlib.suppress(OSError):
            can_be_entered = all(path.stat().st_mode & 0o001 for path in (place, *place.parents))
            runs_programs = not os.statvfs(place).f_flag & os.ST_NOEXEC
            if can_be_entered and runs_programs and os.access(place, os.W_OK):
                return place
    raise SettingError(
        f"PostgreSQL does not run as root, and none of {', '.join(map(str, PLACES))} can hold a folder for the user "
        f"{NAME}: run make as another user"
    )


def _free_group() -> int:
    taken = {group.gr_gid for group in grp.getgrall()}
    return secrets.choice([number for number in GROUPS if number not in taken])


def private(path: Path, home: Path) -> Path:
    """Make the folder `path` below `home`, the servant's alone."""
    path.mkdir(mode=0o700, exist_ok=True)
    os.chown(path, *identity(home))
    path.chmod(0o700)
    return path


def _adopt(data: Path, home: Path) -> None:
    """Take over the database in `data`, which is not in use, unless there is one in `home`."""
    if not data.is_dir() or (home / "data").exists():
        return
    fresh = home / "data.new"
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(data, fresh, symlinks=True)
    for path in (fresh, *fresh.rglob("*")):
        os.chown(path, *identity(home), follow_symlinks=False)
    os.sync()
    fresh.rename(home / "data")


def installation(package: Path, version: str, home: Path) -> Path:
    """The copy below `home` of the installation `package`, the servant's to read; those of other versions go.

    The programs find their libraries and tables by the way from where they lie, so the copy is laid out as the packages
    are: `<copy>/<package's folder>/<installation>/bin`.
    """
    copy = home / f"installation-{version}"
    for other in set(home.glob("installation-*")) - {copy}:
        shutil.rmtree(other)
    gid, site = home.stat().st_gid, package.parents[1]
    for source in _needed(package):
        target = copy / source.relative_to(site)
        for folder in [*reversed(target.relative_to(home).parents)][1:]:
            _folder(home / folder, gid)
        _put(source, target, gid)
    return copy


def _needed(package: Path) -> Iterator[Path]:
    """The files that the two programs read, those of the wheel's own libraries beside it included."""
    libraries = package.parent.with_name(f"{package.parent.name}.libs")
    for path in (*package.rglob("*"), *libraries.rglob("*")):
        within = path.relative_to(package.parents[1]).parts
        is_other_program = "bin" in within and path.name not in PROGRAMS
        is_for_compiling = {"include", "pgxs", "pkgconfig"} & set(within) or path.suffix == ".a"
        if path.is_file() and not is_other_program and not is_for_compiling:
            yield path


def _folder(path: Path, gid: int) -> None:
    if not path.exists() or path.stat().st_gid != gid:
        path.mkdir(mode=0o700, exist_ok=True)
        path.chmod(0o750)
        os.chown(path, 0, gid)


def _put(source: Path, target: Path, gid: int) -> None:
    """Copy the file, unless that was done: one that a kill or a power cut left half written is written again."""
    wanted = source.stat()
    mode = 0o750 if wanted.st_mode & 0o100 else 0o640
    if target.exists():
        there = target.stat()
        if (there.st_size, there.st_gid, stat.S_IMODE(there.st_mode)) == (wanted.st_size, gid, mode):
            return
        target.unlink()
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as written, source.open("rb") as read:
        os.fchown(descriptor, 0, gid)
        os.fchmod(descriptor, mode)
        shutil.copyfileobj(read, written)


def remove(config: Settings) -> None:
    """Remove the folder of a stopped platform, unless it is that of another one."""
    if link(config).is_symlink() and not _is_of_another(config, folder(config)):
        shutil.rmtree(folder(config), ignore_errors=True)
