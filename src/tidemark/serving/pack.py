"""The serving pack: everything of one model that answers need, in files that many processes map read-only.

| file | holds |
|---|---|
| `users.npy`, `users.ends.npy` | ids of the served users, sorted (`texts.SortedTexts`); a row number is a place in them |
| `items.npy`, `items.ends.npy` | ids of the model's items, sorted; an item number is a place in them |
| `lists.npy` | int32 `(n_users, n)`, item numbers (from `n_items` on: of the extras of `columns`), best first, then -1 |
| `scores.npy` | float32 `(n_users, n)`, -inf where the list has ended |
| `brought_by.npy` | int8 `(n_users, n)`, which member of a blend brought each item (`models.brought`); none of another model |
| `learned.*.npy` | what the recommender needs to score a history (`Fitted.history_arrays`); none where it scores none |
| `content.*.npy` | how items that nobody has taken are placed (`models.content`, `models.new_items`); none without products |
| `popular.npy`, `popular_scores.npy` | int32, float32 `(n_items,)`: every item, the most taken of the recent window first |
| `first_seen.npy` | int64 `(n_items,)`: when anybody first took the item, microseconds since 1970, UTC |
| `stars.npy`, `raters.npy` | float32 `(n_items,)` mean rating, NaN where nobody rated; int32 `(n_items,)` how many did |
| every other | what is known of the products: `columns` names them |
| `pack.json` | what it is (`About`), and each file's bytes and SHA-256 (`pack_contents`); written last |

MongoDB's collection of the model's recommendations stays the truth: a gate holds the two together when they are published.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tidemark.errors import PackError
from tidemark.serving import pack_contents
from tidemark.serving.pack_contents import About
from tidemark.serving.texts import SortedTexts
from tidemark.storage import artifacts

Array = np.ndarray[Any, Any]
Document = dict[str, Any]

SUFFIX = ".npy"
CHUNK = 1 << 20
ROWS = 1 << 16
"""Rows of the lists that are checked at once."""

EXTRA = "extra"
"""The name of the ids of what nobody has taken, in `columns`."""
ENDS = ".ends"
"""After the name of texts: where each of them ends."""

LEARNED = "learned."
"""Before the name of an array that was learned; a `/` in it is a dot in the file's."""
CONTENT = "content."
"""The same of content."""
_ITEM_FACTORS = "item_factors"

_SHAPES: Mapping[str, tuple[type[np.generic], tuple[str, ...]]] = {
    "lists": (np.int32, ("users", "n")),
    "scores": (np.float32, ("users", "n")),
    "popular": (np.int32, ("items",)),
    "popular_scores": (np.float32, ("items",)),
    "first_seen": (np.int64, ("items",)),
    "stars": (np.float32, ("items",)),
    "raters": (np.int32, ("items",)),
}
"""Array -> its type, and what each of its lengths counts."""
_BROUGHT_BY = "brought_by"
_MAY_HAVE: Mapping[str, tuple[type[np.generic], tuple[str, ...]]] = {_BROUGHT_BY: (np.int8, ("users", "n"))}
"""The same of what only some packs have."""


@dataclass(frozen=True)
class Pack:
    """One pack, mapped; see the table above. All arrays of one that was read are read-only."""

    about: About
    users: SortedTexts
    items: SortedTexts
    lists: Array
    scores: Array
    popular: Array
    popular_scores: Array
    first_seen: Array
    stars: Array
    raters: Array
    learned: Mapping[str, Array] = field(default_factory=dict)
    """What the recommender needs to score a history, by the names of `Fitted.history_arrays`."""
    content: Mapping[str, Array] = field(default_factory=dict)
    """How new items are placed: the arrays of `Content`, and those that `new_items` names."""
    brought_by: Array | None = None
    columns: Mapping[str, Array] = field(default_factory=dict)
    """What is known of the products, by the names of the files (`columns.Columns`)."""

    def arrays(self) -> Iterator[tuple[str, Array]]:
        """Every array with the name of its file, without the suffix."""
        for name in ("users", "items"):
            texts: SortedTexts = getattr(self, name)
            yield from ((name, texts.data), (f"{name}{ENDS}", texts.ends))
        yield from ((name, getattr(self, name)) for name in _SHAPES)
        if self.brought_by is not None:
            yield _BROUGHT_BY, self.brought_by
        for start, of in ((LEARNED, self.learned), (CONTENT, self.content)):
            yield from ((f"{start}{name.replace('/', '.')}", array) for name, array in of.items())
        yield from self.columns.items()


class _Hashing:
    """A stream that is written to, with what went through it."""

    def __init__(self, stream: Any) -> None:
        self._stream, self.size, self.digest = stream, 0, hashlib.sha256()

    def write(self, data: bytes) -> int:
        """Write `data`."""
        self._stream.write(data)
        self.digest.update(data)
        self.size += len(data)
        return len(data)


def write(folder: str, pack: Pack) -> Document:
    """Write `pack` to `folder`, each file whole or not at all, and what it holds last: who finds that finds all of it.

    Args:
        folder: a path or fsspec URL; what is there is replaced.
        pack: its arrays are written as they are, without a copy of any.

    Returns:
        where it is, as the registry keeps it: `located`.
    """
    files: dict[str, Document] = {}
    for name, array in pack.arrays():
        with artifacts.replacing(f"{folder}/{name}{SUFFIX}", "wb") as stream:
            hashing = _Hashing(stream)
            np.lib.format.write_array(hashing, np.ascontiguousarray(array), allow_pickle=False)
        files[f"{name}{SUFFIX}"] = {"bytes": hashing.size, "sha256": hashing.digest.hexdigest()}
    contents = {"format": pack_contents.FORMAT, "about": pack.about.document(), "files": files}
    artifacts.write_bytes(f"{folder}/{pack_contents.NAME}", json.dumps(contents, indent=2, sort_keys=True).encode())
    return located(folder)


def located(folder: str) -> Document:
    """`{path, sha256, bytes}` of the pack in `folder`: the field `pack` of the contract `model`. The hash is that of
    `pack.json`, which has those of all others; the bytes are those of all files.

    Raises:
        FileNotFoundError: nothing is there, or it is not whole.
        PackError: `pack.json` is none.
    """
    data = artifacts.read_bytes(f"{folder}/{pack_contents.NAME}", pack_contents.LARGEST)
    size = pack_contents.parsed(data).bytes + len(data)
    return {"path": folder, "sha256": hashlib.sha256(data).hexdigest(), "bytes": size}


def read(folder: Path) -> Pack:
    """The pack in the local `folder`, mapped: it costs no memory but what is looked at, which all processes share.

    Raises:
        PackError: it is missing, or a file is not of the size, type or shape that it must have. What a file holds is
            `verify`'s to look at.
    """
    told = pack_contents.read(folder)
    arrays = {name.removesuffix(SUFFIX): _mapped(folder / name, file.bytes) for name, file in told.files.items()}
    users, items = (sorted_texts(arrays, name) for name in ("users", "items"))
    lengths = {"users": len(users), "items": len(items), "n": told.about.n}
    for name, shape in {**_SHAPES, **{name: _MAY_HAVE[name] for name in _MAY_HAVE if name in arrays}}.items():
        _check(arrays, name, shape, lengths)
    taken = {name: arrays.pop(name) for name in (*_SHAPES, *_MAY_HAVE) if name in arrays}
    learned, content = _learned(arrays, len(items)), _after(CONTENT, arrays)
    return Pack(told.about, users, items, **taken, learned=learned, content=content, columns=arrays)


def _learned(arrays: dict[str, Array], n_items: int) -> dict[str, Array]:
    """What the recommender learned, taken out of `arrays`.

    Raises:
        PackError: factors are not those of the items.
    """
    if _ITEM_FACTORS in arrays:
        arrays[LEARNED + _ITEM_FACTORS] = arrays.pop(_ITEM_FACTORS)
    names = [name for name in arrays if name.startswith(LEARNED)]
    for name in names:
        if name.endswith(f".{_ITEM_FACTORS}") and len(arrays[name]) != n_items:
            raise PackError(f"{name}{SUFFIX} of the pack has factors of {len(arrays[name]):,} items, not {n_items:,}")
    return _after(LEARNED, arrays)


def _after(start: str, arrays: dict[str, Array]) -> dict[str, Array]:
    """The arrays whose names begin so, by the rest of them, taken out of `arrays`."""
    names = [name for name in arrays if name.startswith(start)]
    return {name.removeprefix(start).replace(".", "/"): arrays.pop(name) for name in names}


def verify(folder: Path) -> None:
    """Hold every byte of the pack in the local `folder` against its SHA-256, and its numbers against what they number.

    Raises:
        PackError: something is not as it was written, or could not have been written so.
    """
    for name, file in pack_contents.read(folder).files.items():
        digest = hashlib.sha256()
        try:
            with (folder / name).open("rb") as stream:
                while chunk := stream.read(CHUNK):
                    digest.update(chunk)
        except OSError as error:
            raise PackError(f"{name} of the pack at {folder} cannot be read ({error.strerror})") from None
        if digest.hexdigest() != file.sha256:
            raise PackError(f"{name} of the pack at {folder} is not as it was written: its SHA-256 differs")
    pack = read(folder)
    n_items = len(pack.items)
    n_known = n_items + len(pack.columns.get(f"{EXTRA}{ENDS}", ()))
    for start in range(0, len(pack.lists), ROWS):
        part = pack.lists[start : start + ROWS]
        if part.size and (part.min() < -1 or part.max() >= n_known):
            raise PackError(f"lists{SUFFIX} of the pack at {folder} names an item that it does not have")
    if n_items and (pack.popular.min() < 0 or not (np.bincount(pack.popular, minlength=n_items) == 1).all()):
        raise PackError(f"popular{SUFFIX} of the pack at {folder} does not name every item once")


def _mapped(path: Path, size: int) -> Array:
    """The array in a file, mapped, as a plain array: looking into one that NumPy knows as a map takes three times as long."""
    try:
        if path.stat().st_size != size:
            raise PackError(f"{path.name} of the pack at {path.parent} has {path.stat().st_size:,} bytes, not {size:,}")
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
        return np.asarray(mapped).view(np.ndarray)
    except FileNotFoundError:
        raise PackError(f"{path.name} of the pack at {path.parent} is missing") from None
    except (OSError, ValueError, EOFError, SyntaxError) as error:
        raise PackError(f"{path.name} of the pack at {path.parent} is no array ({error})") from None


def _check(
    arrays: Mapping[str, Array], name: str, shape: tuple[type[np.generic], tuple[str, ...]], lengths: Mapping[str, int]
) -> None:
    dtype, axes = shape
    array = arrays.get(name)
    if array is None:
        raise PackError(f"{name}{SUFFIX} of the pack is missing")
    wanted = tuple(lengths.get(axis) for axis in axes)
    right = len(array.shape) == len(axes) and all(w in (None, n) for w, n in zip(wanted, array.shape, strict=True))
    if array.dtype != dtype or not right:
        raise PackError(
            f"{name}{SUFFIX} of the pack is {array.dtype} {array.shape}, not {np.dtype(dtype)} ({', '.join(axes)})"
        )


def sorted_texts(arrays: dict[str, Array], name: str) -> SortedTexts:
    """The texts `name`, taken out of `arrays`.

    Raises:
        PackError: they are not there, or not of the type and shape of texts.
    """
    data, ends = arrays.pop(name, None), arrays.pop(f"{name}{ENDS}", None)
    if data is None or ends is None:
        raise PackError(f"{name}{SUFFIX} or {name}{ENDS}{SUFFIX} of the pack is missing")
    if data.dtype != np.uint8 or ends.dtype != np.int64 or data.ndim != 1 or ends.ndim != 1:
        raise PackError(
            f"{name}{SUFFIX} of the pack holds no texts ({data.dtype} {data.shape}, {ends.dtype} {ends.shape})"
        )
    if (int(ends[-1]) if len(ends) else 0) != len(data):
        raise PackError(f"{name}{ENDS}{SUFFIX} of the pack does not end where {name}{SUFFIX} does")
    return SortedTexts(data, ends)
