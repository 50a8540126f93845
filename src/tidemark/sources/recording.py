"""Recording: a source of interactions, in any format that `load_interactions` takes, as messages in the order of their times."""

import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemark.errors import BadInputError
from tidemark.landing import packing
from tidemark.settings import Settings
from tidemark.sources import interaction_rows, landed, parquet_files, planning, records, time_units
from tidemark.sources.formats import PARQUET, Format

Keyed = tuple[str, bytes]
"""The key (the user) and the value of a message."""

SHOWN = 5
"""Reasons of rows that stay out which are told."""


@dataclass(frozen=True)
class Recording:
    """A source as a stream.

    Args:
        messages: in time order.
        seconds: of each, since 1970; without times, its place.
        skipped: why rows stay out -> how many.
        said: how the source is read, as lines for a person.
    """

    messages: list[Keyed]
    seconds: NDArray[np.float64]
    skipped: Counter[str]
    said: tuple[str, ...]


def read(source: str, params: Mapping[str, Any], config: Settings) -> Recording:
    """Read all of `source`.

    Args:
        source: see `finding.find`.
        params: of `load_interactions`, where what they say is not found.
        config: the settings.

    Raises:
        BadInputError: nothing is there, it is not clear how to read it, or nothing in it is an interaction.
        UnreachableError: a store did not answer.
    """
    with tempfile.TemporaryDirectory(prefix="tidemark-recording-") as folder:
        plan = planning.of_params(planning.INTERACTIONS, {**params, "source": source}, folder, config)
        make = interaction_rows.maker(planning.rules_of_interactions(plan, config))
        timed, skipped = plan.unit != time_units.NONE, Counter[str]()
        rows: list[tuple[float, str, bytes]] = []
        for place, (record, differences) in enumerate(_records(plan.landed, config)):
            if record is not None:
                made, differences = make(record, place)
            if differences:
                skipped.update(difference.kind for difference in differences[:1])
                continue
            seconds = made["timestamp"] / interaction_rows.MICROSECONDS if timed else float(place)
            rows.append((seconds, made["user_id"], _message(made, timed=timed)))
    if not rows:
        why = "; ".join(f"{kind} ({count:,})" for kind, count in skipped.most_common(SHOWN))
        raise BadInputError(f"{source}: no row of it is an interaction: {why}")
    rows.sort(key=lambda row: row[0])
    seconds = np.array([row[0] for row in rows])
    return Recording([(user, value) for _, user, value in rows], seconds, skipped, plan.said)


def _message(made: Mapping[str, Any], *, timed: bool) -> bytes:
    """An interaction as the topic takes it."""
    said = {name: made[name] for name in ("user_id", "item_id", "rating", "event_type") if made[name] is not None}
    if timed:
        said["timestamp"] = made["timestamp"] // interaction_rows.MICROSECONDS
    return json.dumps(said).encode()


def _records(files: landed.Landed, config: Settings) -> Iterator[records.Decoded]:
    for file in files.files:
        if files.format.kind == PARQUET:
            for row in parquet_files.rows(file.path):
                yield row, []
        else:
            yield from _of_text(file.path, files.format, int(config.landing_max_gb * 1e9))


def _of_text(path: str, format_: Format, most_bytes: int) -> Iterator[records.Decoded]:
    decode = records.decoder(format_)
    with packing.opened(path, most_bytes) as whole:
        for line in landed.data_lines(whole.lines(), format_):
            yield decode(line)
