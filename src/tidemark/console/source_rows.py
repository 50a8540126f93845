"""What the page "Sources" shows, read from MongoDB: each source with its loads, how it was read, and why rows were refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo import DESCENDING
from pymongo.database import Database

from tidemark.landing.load_records import COLLECTION, REVIEWS
from tidemark.sources.planning import NO_TIMES
from tidemark.sources.time_units import NONE

Document = dict[str, Any]

LOADS_SHOWN, EXAMPLES, REASONS = 25, 10, 20
"""Of one source: newest loads, refused rows of each reason, and reasons, the most common."""
LONGEST = 500
"""Characters of a refused row that are shown."""

_OF_BEFORE = {"kind": {"$ifNull": ["$kind", REVIEWS]}, "name": {"$ifNull": ["$name", REVIEWS]}}
"""A load that an older version recorded without them is one of reviews, and its counts lie one level deeper."""
_COUNTS = {"$ifNull": ["$counts.reviews", "$counts"]}


@dataclass(frozen=True)
class Load:
    """One load of a source.

    Args:
        kind: `interactions`, `products` or `reviews`.
        source: path, pattern or URL.
        loaded_at: when it was first whole.
        how: how its columns were read, a line each.
        counts: `read`, `stored`, `duplicates`, `rejected`.
        left_out: why some that could be read were not stored -> how many.
        newest: the newest day in it; empty where it has none.
        until: end of the interval that it is of; None where it does not come by day.
        dag_id, run_key: its run's folder; empty where an older version did not note them.
    """

    kind: str
    source: str
    loaded_at: datetime | None
    how: tuple[str, ...]
    counts: Mapping[str, int]
    left_out: Mapping[str, int]
    newest: str
    until: datetime | None
    dag_id: str
    run_key: str


@dataclass(frozen=True)
class Source:
    """A source: all loads of one name.

    Args:
        name: of the source.
        kinds: of its loads.
        loads: how many.
        counts: of all loads together.
        newest_day: the newest day in any.
        until: the newest end of an interval; None where it does not come by day.
        last: its newest load.
    """

    name: str
    kinds: tuple[str, ...]
    loads: int
    counts: Mapping[str, int]
    newest_day: str
    until: datetime | None
    last: Load


@dataclass(frozen=True)
class Example:
    """A refused row: its text, why, in which file, and how often it came."""

    raw: str
    why: str
    file: str
    copies: int


@dataclass(frozen=True)
class Reason:
    """Why rows were refused, how many, and some of them."""

    reason: str
    rows: int
    examples: tuple[Example, ...]


@dataclass(frozen=True)
class Detail:
    """One source, its newest loads and why rows of it were refused."""

    source: Source
    loads: tuple[Load, ...]
    reasons: tuple[Reason, ...]


def sources(db: Database[Document], name: str | None = None) -> tuple[Source, ...]:
    """Every source that was loaded, or the one called `name`; the one that was loaded last comes first."""
    counted = {what: {"$sum": f"$c.{what}"} for what in ("read", "stored", "duplicates", "rejected")}
    steps: list[Document] = [
        {"$set": _OF_BEFORE | {"c": _COUNTS}},
        *([{"$match": {"name": name}}] if name is not None else []),
        {"$sort": {"loaded_at": DESCENDING}},
        {
            "$group": {
                "_id": "$name",
                "kinds": {"$addToSet": "$kind"},
                "loads": {"$sum": 1},
                "newest": {"$max": "$c.last"},
                "until": {"$max": "$until"},
                "last": {"$first": "$$ROOT"},
                **counted,
            }
        },
        {"$sort": {"last.loaded_at": DESCENDING, "_id": 1}},
    ]
    return tuple(
        Source(
            name=str(found["_id"]),
            kinds=tuple(sorted(found["kinds"])),
            loads=found["loads"],
            counts={what: found[what] for what in counted},
            newest_day=found["newest"] or "",
            until=_moment(found["until"]),
            last=_load(found["last"]),
        )
        for found in db[COLLECTION].aggregate(steps)
    )


def detail(db: Database[Document], name: str) -> Detail | None:
    """One source; None where none is called so."""
    found = sources(db, name)
    if not found:
        return None
    mine = {"$or": [{"name": name}, *([{"name": None}] if name == REVIEWS else [])]}
    newest = db[COLLECTION].find(mine).sort("loaded_at", DESCENDING).limit(LOADS_SHOWN)
    return Detail(found[0], tuple(map(_load, newest)), _reasons(db, mine))


def _load(record: Document) -> Load:
    counts = record["counts"].get("reviews") or record["counts"]
    return Load(
        kind=record.get("kind") or REVIEWS,
        source=str(record.get("source", "")),
        loaded_at=record.get("loaded_at"),
        how=_how(record),
        counts={what: counts.get(what, 0) for what in ("read", "stored", "duplicates", "rejected")},
        left_out={why: record[why] for why in ("erased", "deleted", "older") if record.get(why)},
        newest=counts.get("last") or "",
        until=_moment(record.get("until")),
        dag_id=str(record.get("dag_id", "")),
        run_key=str(record.get("run_key", "")),
    )


def _how(record: Document) -> tuple[str, ...]:
    """How a load's rows were read, in words."""
    if record.get("release"):
        return (f"Amazon reviews, release {record['release']}",)
    lines = [f"preset {record['preset']}"] if record.get("preset") else []
    columns = record.get("columns") or ()
    lines += [", ".join(f"{one['role']} = {one['column']} ({one['why']})" for one in columns)] if columns else []
    if record.get("unit"):
        lines.append(NO_TIMES if record["unit"] == NONE else f"times in {record['unit']}")
    if record.get("scale"):
        lines.append(f"ratings from {record['scale'].replace('-', ' to ')}")
    return tuple(lines)


def _reasons(db: Database[Document], loads: Document) -> tuple[Reason, ...]:
    """Why rows of these loads were refused, the most common first, each with examples."""
    totals = db[COLLECTION].aggregate(
        [
            {"$match": loads},
            {"$unwind": {"path": "$counts.rejected_by_reason"}},
            {"$group": {"_id": "$counts.rejected_by_reason.reason", "rows": {"$sum": "$counts.rejected_by_reason.rows"}}},
            {"$sort": {"rows": DESCENDING, "_id": 1}},
            {"$limit": REASONS},
        ]
    )  # fmt: skip
    of_loads = {"load": {"$in": db[COLLECTION].distinct("_id", loads)}}
    shown = {"raw": 1, "raw_base64": 1, "reasons": 1, "file": 1, "copies": 1}
    return tuple(
        Reason(
            total["_id"],
            total["rows"],
            tuple(map(_example, db["rejects"].find(of_loads | {"kinds": total["_id"]}, shown).limit(EXAMPLES))),
        )
        for total in totals
    )


def _example(reject: Document) -> Example:
    raw = reject.get("raw")
    text = raw if raw is not None else f"(not UTF-8, base64) {reject.get('raw_base64') or ''}"
    return Example(text[:LONGEST], "; ".join(reject["reasons"])[:LONGEST], reject["file"], reject["copies"])


def _moment(stored: str | None) -> datetime | None:
    return datetime.fromisoformat(stored) if stored else None
