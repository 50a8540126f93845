"""Counts: what became of the rows of a load: read = stored + duplicates + rejected."""

from collections import Counter
from typing import TYPE_CHECKING, Any

from tidemark.errors import TidemarkError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

NAMES = ("read", "stored", "duplicates", "rejected")


def of_staged(staged: "DataFrame", duplicates: "DataFrame", stored: int) -> dict[str, Any]:
    """How many rows were read, and what became of each.

    Args:
        staged: as `rows.stage` gives it.
        duplicates: as `rows.duplicates` gives it.
        stored: rows that are to be stored.

    Returns:
        `NAMES`, and `rejected_by_reason`.

    Raises:
        TidemarkError: they do not add up.
    """
    by_kinds = {tuple(row["kinds"] or ()): row["count"] for row in staged.groupBy("kinds").count().collect()}
    read, good = sum(by_kinds.values()), by_kinds.get((), 0)
    kinds: Counter[str] = Counter()
    for together, count in by_kinds.items():
        kinds.update(dict.fromkeys(together, count))
    counts = {"read": read, "stored": stored, "duplicates": duplicates.count(), "rejected": read - good}
    if counts["read"] != counts["stored"] + counts["duplicates"] + counts["rejected"]:
        raise TidemarkError(f"rows do not add up, read = stored + duplicates + rejected: {counts}. Nothing was loaded")
    return counts | {"rejected_by_reason": dict(kinds.most_common())}


def shares(counts: dict[str, Any]) -> dict[str, float]:
    """`rejected_share` and `duplicate_share` of what was read."""
    read = max(counts["read"], 1)
    return {"rejected_share": counts["rejected"] / read, "duplicate_share": counts["duplicates"] / read}


def flat(counts: dict[str, Any]) -> dict[str, Any]:
    """Counts as a document: reasons as a list, since a reason may hold a dot."""
    reasons = [{"reason": kind, "rows": rows} for kind, rows in counts["rejected_by_reason"].items()]
    return counts | {"rejected_by_reason": reasons}


def lines(counts: dict[str, Any]) -> list[str]:
    """As lines for a person."""
    told = [f"  {name:<12}{counts[name]:>14,}" for name in NAMES]
    return told + [f"    {rows:>14,}  {reason}" for reason, rows in counts["rejected_by_reason"].items()]
