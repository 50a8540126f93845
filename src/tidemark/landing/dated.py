"""Dated: sources whose names hold the day, as `exports/dt={ds}/*.parquet`: what a run's interval makes of them."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from tidemark.errors import BadInputError

PLACEHOLDERS: Mapping[str, Callable[[datetime, datetime], str]] = {
    "ds": lambda start, end: f"{start:%Y-%m-%d}",
    "ds_nodash": lambda start, end: f"{start:%Y%m%d}",
    "year": lambda start, end: f"{start:%Y}",
    "month": lambda start, end: f"{start:%m}",
    "day": lambda start, end: f"{start:%d}",
    "hour": lambda start, end: f"{start:%H}",
    "data_interval_start": lambda start, end: start.isoformat(),
    "data_interval_end": lambda start, end: end.isoformat(),
}
"""What may stand in braces, single or double, as Airflow's own templates have it: of the start of the run's data interval, UTC."""

_BRACES = re.compile(r"\{\{\s*([\w.|() ]*?)\s*\}\}|\{\s*([\w.|() ]*?)\s*\}")


def fill(source: str, start: datetime | None, end: datetime | None) -> str:
    """`source` with the day of a run in its placeholders.

    Args:
        source: as it is set, or given by a person.
        start, end: the run's data interval; None where it has none.

    Raises:
        BadInputError: there is no such placeholder, or the run has no day.
    """

    def filled(match: re.Match[str]) -> str:
        name = match[1] if match[1] is not None else match[2]
        if name not in PLACEHOLDERS:
            raise BadInputError(
                f"{source}: {match[0]} means nothing here. There are: {', '.join(f'{{{n}}}' for n in PLACEHOLDERS)}"
            )
        if start is None:
            raise BadInputError(
                f"{source}: this run has no day for {match[0]}. Trigger it with a logical date, or write the day out"
            )
        return PLACEHOLDERS[name](start, end or start)

    return _BRACES.sub(filled, source)


def end_of(source: str, end: datetime | None) -> str:
    """End of the interval that a source is of, ISO 8601; empty where it has no day."""
    return end.isoformat() if end is not None and undated(source) != source else ""


def undated(source: str) -> str:
    """`source` with a star for each placeholder: what all days have in common."""
    return _BRACES.sub("*", source)
