"""Tidying: what nobody needs any more goes, and it is told how much that freed.

| what | goes when |
|---|---|
| recommendations of a model | it is neither live, nor was before, nor among the newest kept; never published: a day later |
| a run folder | it is not among the newest of its DAG, and no model that is kept came from it |
| landed and staged data of a load | the load ended a day ago, or its run folder is gone |
| staging of a graph, files half written | a day later |

A model that is kept keeps its run folder: `model.npz` in it is what the next candidate is compared with. What is younger
than a day is never touched, for somebody may be writing it. Killed at any moment and run again, it goes on.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import fsspec
from pymongo.database import Database

from tidemark import dag_ids
from tidemark.registry import champion
from tidemark.storage import artifacts, manifests, run_folder

Document = dict[str, Any]

log = logging.getLogger(__name__)

AGE = timedelta(days=1)


@dataclass
class Tidied:
    """What went, of each kind, by name; and the bytes that it freed. `left` could not be removed, with the reason."""

    dry: bool = False
    gone: dict[str, list[str]] = field(default_factory=lambda: {k: [] for k in ("models", "runs", "staged", "parts")})
    freed: int = 0
    left: list[str] = field(default_factory=list)

    def document(self) -> Document:
        """As JSON holds it."""
        return {"dry_run": self.dry, "gone": self.gone, "freed_bytes": self.freed, "left": self.left}

    def text(self) -> str:
        """For a person."""
        verb = "would go" if self.dry else "went"
        lines = [f"{len(names)} {kind} {verb}: {', '.join(names) or 'none'}" for kind, names in self.gone.items()]
        lines += [f"{self.freed / 1e6:,.1f} MB freed", *(f"could not be removed: {left}" for left in self.left)]
        return "\n".join(lines)


class _Store:
    """One fsspec location, and what is old in it."""

    def __init__(self, root: str, now: datetime, done: Tidied) -> None:
        self.root = root.rstrip("/")
        self.filesystem, self.base = fsspec.core.url_to_fs(self.root)
        self.now, self.done = now, done

    def folders(self, below: str) -> list[str]:
        """Names of the folders in `<root>/<below>`."""
        at = f"{self.base}/{below}"
        if not self.filesystem.exists(at):
            return []
        entries = self.filesystem.ls(at, detail=True)
        return sorted(e["name"].rstrip("/").rsplit("/", 1)[-1] for e in entries if e["type"] == "directory")

    def is_old(self, files: Iterable[str]) -> bool:
        """Whether every one of `files` was last written more than a day ago."""
        return all(self.now - self.filesystem.modified(path).astimezone(UTC) > AGE for path in files)

    def drop(self, below: str, kind: str, name: str) -> None:
        """Remove a folder or file with all below it, its manifest first: what is left of it then is no whole run."""
        path = f"{self.base}/{below}"
        files = self.filesystem.find(path, detail=True)
        size = sum(info["size"] or 0 for info in files.values())
        try:
            if not self.done.dry:
                manifest = f"{path}/{run_folder.MANIFEST}"
                if manifest in files:
                    self.filesystem.rm(manifest)
                self.filesystem.rm(path, recursive=True)
        except OSError as error:
            self.done.left.append(f"{self.root}/{below} ({type(error).__name__}: {error})")
            return
        self.done.gone[kind].append(name)
        self.done.freed += size


def _models(db: Database[Document], keep: int, now: datetime, done: Tidied) -> None:
    """Drop the recommendations of models that are not kept; of one that was never published a day after it was made."""
    for model_id in sorted(champion.recommended(db)):
        model = db["models"].find_one({"_id": model_id}, {"published_at": 1, "created_at": 1})
        if model and not model["published_at"] and now - model["created_at"] < AGE:
            continue  # it is being written
        if model_id in champion.staying(db, keep):  # asked each time: somebody may be rolling back
            continue
        done.freed += champion.size(db, model_id)
        if not done.dry:
            champion.drop(db, model_id)
        done.gone["models"].append(model_id)


def _kept_folders(db: Database[Document]) -> set[str]:
    """The run folders of the champion, of the one before it, and of every model that can be rolled back to."""
    wanted = list(champion.staying(db))
    return {model["artifacts"].rstrip("/") for model in db["models"].find({"_id": {"$in": wanted}}, {"artifacts": 1})}


def _runs(place: _Store, kept: set[str], keep: int) -> None:
    """Drop the run folders beyond the newest `keep` of each DAG, but those of `kept`."""
    for dag in sorted(dag_ids.ALL):  # what else lies in the artifact root is somebody else's
        for key in manifests.runs(place.root, dag)[keep:]:
            files = place.filesystem.find(f"{place.base}/{dag}/{key}")
            if f"{place.root}/{dag}/{key}" not in kept and place.is_old(files):
                place.drop(f"{dag}/{key}", "runs", f"{dag}/{key}")


def _staged(db: Database[Document], place: _Store, artifacts_root: str) -> None:
    """Drop what loads landed and staged, where the load has ended or can never go on; and staging of graphs."""
    for name in (f"{dag}/{key}" for dag in dag_ids.LOADS for key in place.folders(dag)):
        run = f"{artifacts_root.rstrip('/')}/{name}"
        if artifacts.exists(f"{run}/{run_folder.LAND}"):
            load_id = artifacts.read_json(f"{run}/{run_folder.LAND}")["load"]
            # The same files may have been loaded before: that this run itself has ended is what its load.json says.
            ended = artifacts.exists(f"{run}/{run_folder.LOAD}") and db["loads"].find_one({"_id": load_id}, {"_id": 1})
            if not ended:
                continue
        if place.is_old(place.filesystem.find(f"{place.base}/{name}")):
            place.drop(name, "staged", name)
    for name in place.folders("graph"):
        if place.is_old(place.filesystem.find(f"{place.base}/graph/{name}")):
            place.drop(f"graph/{name}", "staged", f"graph/{name}")


def _parts(place: _Store) -> None:
    """Drop files that somebody began to write more than a day ago."""
    for dag in sorted(dag_ids.ALL):
        for path in place.filesystem.find(f"{place.base}/{dag}"):
            if artifacts.PART in path.rsplit("/", 1)[-1] and place.is_old([path]):
                name = path[len(place.base) + 1 :]
                place.drop(name, "parts", name)


def tidy(
    db: Database[Document],
    *,
    artifacts_root: str,
    landing_root: str,
    kept_models: int,
    kept_runs: int,
    dry: bool = False,
    now: datetime | None = None,
) -> Tidied:
    """Remove what is no longer needed; see the module.

    Args:
        db: the platform's database.
        artifacts_root, landing_root: any fsspec location.
        kept_models: newest published models whose recommendations stay, besides the live one and the one before it.
        kept_runs: newest runs of each DAG whose folders stay, besides those of models that are kept.
        dry: say what would go, and remove nothing.
        now: the time; for tests.
    """
    now = now or datetime.now(UTC)
    done = Tidied(dry)
    _models(db, kept_models, now, done)
    place = _Store(artifacts_root, now, done)
    _runs(place, _kept_folders(db), kept_runs)
    _parts(place)
    _staged(db, _Store(landing_root, now, done), artifacts_root)
    return done
