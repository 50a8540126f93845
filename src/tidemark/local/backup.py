"""Backup and restore of the platform on this machine: all that it knows, in one file, as of one moment.

It is a cold copy: the services end in order, so that MongoDB, Kafka and PostgreSQL agree with each other, and go on afterwards.
What can be made anew is left out (logs, sockets, serving packs). The file holds the passwords, so it is its owner's alone.
"""

import importlib.metadata
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tidemark import __version__
from tidemark.errors import BadInputError, PlatformError
from tidemark.local import archive, dotenv, kafka, lifecycle, mongo, postgres
from tidemark.local.layout import private_folder, state_folder
from tidemark.local.supervision import Supervisor
from tidemark.local.terminal import step
from tidemark.settings import Settings, settings

KEPT = ("mongo", "kafka", "checkpoints", "artifacts", "landing", "airflow")
"""Folders of the state."""
POSTGRES, ENV = "postgres/data", "env"
"""Names in the archive of what may lie elsewhere."""
UNPACKED = "restoring"
GB = 1 << 30

Document = dict[str, Any]


def versions() -> dict[str, str]:
    """Of the servers, whose files are only theirs."""
    said = subprocess.run([mongo.binary(), "--version"], capture_output=True, text=True, check=True).stdout
    return {
        "mongo": re.findall(r"v([0-9.]+)", said)[0],
        "kafka": next(kafka.JARS.glob("kafka_2.13-*.jar")).stem,
        "postgres": f"{importlib.metadata.version(postgres.PACKAGE)} {postgres.INSTALLATION}",
    }


def make(config: Settings, target: Path) -> Document:
    """Stop the platform, pack it into `target`, and start it again where it ran; gives the manifest.

    Raises:
        BadInputError: there is something at `target`, or no platform here.
        PlatformError: the disk is too full.
    """
    if target.exists():
        raise BadInputError(f"{target} is there already", "name another file by TO=")
    sources = {name: state_folder(config) / name for name in KEPT}
    sources |= {POSTGRES: postgres.data_folder(config), ENV: dotenv.env_file()}
    sources = {name: path for name, path in sources.items() if path.exists()}
    if "mongo" not in sources:
        raise BadInputError(f"there is no platform in {state_folder(config)} to back up", "make run starts one")
    lifecycle.require_whole(config)
    with lifecycle.alone(config):
        ran = Supervisor(config).is_running()
        lifecycle.stop(config)
        try:
            with step(f"writing {target.name}"):
                _require_room(target.parent, sum(_size(path) for path in sources.values()))
                about = {"tidemark": __version__, "state": str(state_folder(config)), "versions": versions()}
                return archive.write(target, sources, about)
        finally:
            if ran:
                lifecycle.start(config)


def restore(config: Settings, source: Path, *, over: bool = False) -> None:
    """Put what the file holds in the place of this platform. Nothing changes before all of it is unpacked and checked; killed
    later, it is simply run again, and until then nothing starts.

    Args:
        config: the settings.
        source: what `make` made.
        over: whether a platform that is here may go.

    Raises:
        BadInputError: the file is no whole backup, or of another place or other servers; or there is a platform, and not `over`.
    """
    state = private_folder(state_folder(config))
    unpacked, checked = state / UNPACKED, lifecycle.unfinished_restore(config)
    if not (over or checked.exists()) and any((state / name).exists() for name in ("mongo", "postgres")):
        raise BadInputError(f"there is a platform in {state}, which would be gone", "say YES=1, or make clean first")
    with lifecycle.alone(config):
        shutil.rmtree(unpacked, ignore_errors=True)
        with step(f"reading {source.name}"):
            try:
                _require_fit(config, archive.unpack(source, private_folder(unpacked))["about"], source)
            except BaseException:
                shutil.rmtree(unpacked, ignore_errors=True)
                raise
        lifecycle.stop(config)
        with step("putting it in place"):
            shutil.rmtree(checked, ignore_errors=True)
            unpacked.rename(checked)
            postgres.remove(config)
            if (state / "postgres").is_symlink():
                (state / "postgres").unlink()
            for name in (*KEPT, "postgres", "packs"):
                shutil.rmtree(state / name, ignore_errors=True)
                if (checked / name).exists():
                    (checked / name).rename(state / name)
            shutil.copy2(checked / ENV, dotenv.env_file())
            shutil.rmtree(checked)
    settings.cache_clear()


def _require_fit(config: Settings, about: Document, source: Path) -> None:
    if about["state"] != str(state_folder(config)):
        raise BadInputError(
            f"{source} is of a platform in {about['state']}, and its models name files there",
            f"set TIDEMARK_STATE={about['state']} and restore it there",
        )
    if about["versions"] != versions():
        raise BadInputError(
            f"{source} is of other servers ({about['versions']}; here: {versions()})",
            f"restore it with Tidemark {about['tidemark']}, which made it",
        )


def _size(path: Path) -> int:
    return sum(one.lstat().st_size for one in (path, *path.rglob("*")))


def _require_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:  # packed it takes a part of that: which, is known afterwards
        raise PlatformError(
            f"{free / GB:.1f} GB are free at {folder}, the backup may take {needed / GB:.1f}. Make room, or name another folder"
        )
