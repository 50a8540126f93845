"""What a serving pack says of itself, in its `pack.json`: the model that it is of, and each file with its bytes and SHA-256."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tidemark.errors import PackError

Document = dict[str, Any]

FORMAT = 3
"""Of the folder; a reader refuses a greater one. Format 1 had `item_factors.npy` alone of what is learned, 2 no content."""

NAME = "pack.json"
LARGEST = 1_000_000
"""Bytes of `pack.json` that are read at most; it has some 5,000."""

_FILE = re.compile(r"((learned|content)(\.[a-z0-9_]{1,40}){1,9}|[a-z][a-z_]{0,40}(\.ends)?)\.npy")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class About:
    """What a pack is of.

    Args:
        model_id: the model.
        recipe: its recipe, as `models.recipes.Recipe.document` gives it: how a user is folded in.
        dag, run_id: the Airflow run that made it.
        made_at: when it was made, UTC.
        cut: the newest interaction that its snapshot has, UTC.
        next_offsets: partition -> the first offset of the topic `interactions` that it has not learned from.
        topic_id: the identity of that topic; None where the model was made without the stream.
        n: the longest list.
        diversity: how unlike the items of a list are to be (`models.variety`), 0 to 1.
        new_item_share: of the places of a list that new items have (`models.new_items`).
    """

    model_id: str
    recipe: Mapping[str, Any]
    dag: str
    run_id: str
    made_at: datetime
    cut: datetime
    next_offsets: Mapping[int, int]
    topic_id: str | None
    n: int
    diversity: float = 0.0
    new_item_share: float = 0.0

    def document(self) -> Document:
        """As JSON holds it: times as ISO 8601, partitions as texts."""
        return vars(self) | {
            "recipe": dict(self.recipe),
            "made_at": self.made_at.isoformat(),
            "cut": self.cut.isoformat(),
            "next_offsets": {str(partition): at for partition, at in self.next_offsets.items()},
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "About":
        """The inverse of `document`.

        Raises:
            KeyError, TypeError, ValueError: it is none.
        """
        times = {name: datetime.fromisoformat(document[name]) for name in ("made_at", "cut")}
        if any(moment.tzinfo is None for moment in times.values()):
            raise ValueError("a time without its zone")
        offsets = {int(partition): int(at) for partition, at in document["next_offsets"].items()}
        return cls(
            **{
                **document,
                **times,
                "next_offsets": offsets,
                "n": int(document["n"]),
                "diversity": float(document.get("diversity", 0)),
                "new_item_share": float(document.get("new_item_share", 0)),
            }
        )


@dataclass(frozen=True)
class File:
    """One file of a pack."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Contents:
    """What `pack.json` says: what the pack is of, and file name -> `File`."""

    about: About
    files: Mapping[str, File]

    @property
    def bytes(self) -> int:
        """Of all files, `pack.json` not counted."""
        return sum(file.bytes for file in self.files.values())


def parsed(data: bytes) -> Contents:
    """What a `pack.json` says.

    Raises:
        PackError: it is none, or of a newer version.
    """
    try:
        document = json.loads(data)
        if document["format"] > FORMAT:
            raise PackError(
                f"the pack is of format {document['format']}, and this version of Tidemark reads up to {FORMAT}",
                "upgrade Tidemark, or roll back to a model of this version",
            )
        files = {str(name): File(int(f["bytes"]), str(f["sha256"])) for name, f in document["files"].items()}
        about = About.from_document(document["about"])
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise PackError(f"{NAME} of the pack is none ({type(error).__name__}: {error})") from None
    for name, file in files.items():
        if not _FILE.fullmatch(name) or not _SHA256.fullmatch(file.sha256) or file.bytes < 0:
            raise PackError(f"{NAME} of the pack names a file that it cannot have: {name[:80]!r}")
    return Contents(about, files)


def read(folder: Path) -> Contents:
    """What the `pack.json` in the local `folder` says.

    Raises:
        PackError: there is none, or it cannot be read.
    """
    try:
        with (folder / NAME).open("rb") as stream:
            return parsed(stream.read(LARGEST))
    except OSError as error:
        raise PackError(f"there is no whole pack at {folder} ({error.strerror})") from None
