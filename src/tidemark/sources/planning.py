"""Planning: what one load of a source will do, found out and said before anything is stored: files, columns, unit, scale, preset."""

import hashlib
import json
import logging
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from tidemark.errors import BadInputError
from tidemark.landing import dated, finding
from tidemark.settings import Settings, settings
from tidemark.sources import interaction_rows, landed, mapping, presets, product_rows, scales, time_units
from tidemark.sources.formats import PARQUET
from tidemark.sources.landed import Landed
from tidemark.sources.mapping import Mapped
from tidemark.sources.presets import Shape
from tidemark.sources.seen import Sample
from tidemark.storage import artifacts, run_folder

log = logging.getLogger(__name__)

INTERACTIONS, PRODUCTS = "interactions", "products"
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
RESERVED = ("review", "reviews", "stream", "replay")
NO_TIMES = "no times: the order in the files is the time, and a split by time is one by order"


@dataclass(frozen=True)
class Plan:
    """One load.

    Args:
        kind: `interactions` or `products`.
        name: of the source: begins the keys of its interactions.
        landed: its files.
        columns: what it is -> the column.
        why: the same -> how it was found.
        left: columns that are not mapped.
        preset: its name; empty where there is none.
        unit: of the times (`time_units`); `none` where there are none.
        scale: of the ratings, as `0.5-5`; empty where there are none.
        events: event types of the source -> the platform's.
        event: the type of all events, where no column names one.
        flags: columns in which a 1 means a category -> the category.
        staged: folder in the landing where what was read lies until it is stored.
        until: end of the interval that it is of, ISO 8601, where its source comes by day; empty where it does not.
        said: all of it as lines for a person.
    """

    kind: str
    name: str
    landed: Landed
    columns: Mapping[str, str]
    why: Mapping[str, str]
    left: tuple[str, ...]
    preset: str
    unit: str
    scale: str
    events: Mapping[str, str]
    event: str
    flags: Mapping[str, str]
    staged: str
    until: str = ""
    said: tuple[str, ...] = ()

    @property
    def load_id(self) -> str:
        """Names the load by its contents and how they are read."""
        how = [
            self.kind,
            self.name,
            self.landed.fingerprint,
            self.columns,
            self.unit,
            self.scale,
            self.events,
            self.event,
        ]
        return hashlib.sha256(json.dumps(how, sort_keys=True, default=dict).encode()).hexdigest()[:32]

    def write(self, run: str) -> None:
        """Keep it as `<run>/land.json`."""
        value = {"load": self.load_id, **asdict(self), "landed": self.landed.document()}
        artifacts.write_json(f"{run}/{run_folder.LAND}", value)

    @classmethod
    def read(cls, run: str) -> "Plan":
        """From `<run>/land.json`."""
        value = artifacts.read_json(f"{run}/{run_folder.LAND}")
        value.pop("load")
        lists = {name: tuple(value[name]) for name in ("left", "said")}
        return cls(**value | lists | {"landed": Landed.from_document(value["landed"])})


def plan(
    kind: str,
    params: Mapping[str, Any],
    dag_id: str,
    run_id: str,
    start: datetime | None = None,
    end: datetime | None = None,
) -> str:
    """Land what the parameters of `load_interactions` or `load_products` name, and say how it will be read.

    Args:
        kind: `interactions` or `products`.
        params: `source`, `name`, `preset`, `encoding`, a column (or empty) for each of `mapping.USUAL[kind]`, and of interactions
            `time_unit` and `scale`.
        dag_id: the DAG that runs.
        run_id: its run.
        start, end: the run's data interval, for placeholders in the source (`dated`); None where it has none.

    Returns:
        the run folder, with `land.json` in it.

    Raises:
        AbsentError: nothing is there.
        BadInputError: it cannot be loaded, or it cannot be told how it is to be read; it asks.
        UnreachableError: a store did not answer.
    """
    config = settings()
    run = run_folder.of(config.artifacts_root, dag_id, run_id)
    staged = run_folder.of(config.landing_root, dag_id, run_id)
    source = dated.fill(params["source"], start, end)
    name = params.get("name") or _name_of_all_days(params["source"])
    made = of_params(kind, {**params, "source": source, "name": name}, staged, config)
    made = replace(made, until=dated.end_of(params["source"], end))
    for line in made.said:
        log.info(line)
    made.write(run)
    return run


def of_params(kind: str, params: Mapping[str, Any], staged: str, config: Settings) -> Plan:
    """The plan of a load, see `plan`."""
    source = params["source"].strip()
    given = {role: str(params[role]).strip() for role in mapping.USUAL[kind] if params.get(role)}
    asked = params.get("preset") or presets.AUTO
    encoding = params.get("encoding") or _encoding_of(kind, asked)
    files, sample = landed.land(source, kind, list(given.values()), f"{staged}/landed", config, encoding)
    chosen = presets.choose(source, kind, asked, files.format, sample.records)
    preset, shape = chosen if chosen else (None, None)
    mapped = mapping.map_columns(source, kind, files.format.columns, given, shape.mapping if shape else {})
    _require_plain(source, mapped, sample, files)
    unit, scale = "", ""
    if kind == INTERACTIONS:
        unit = _unit(source, mapped, sample, params.get("time_unit") or time_units.AUTO, shape)
        scale = _scale(source, mapped, sample, params.get("scale") or "auto", shape)
    name = _name(params.get("name") or (preset.name if preset else ""), source)
    flags = shape.flags if shape else {}
    left = tuple(column for column in mapped.left if column not in flags)
    made = Plan(
        kind, name, files, mapped.columns, mapped.why, left, preset.name if preset else "", unit, scale,
        preset.events if preset else {}, preset.event if preset else "", flags, staged,
    )  # fmt: skip
    return replace(made, said=tuple(_said(made, mapped, sample)))


def _name_of_all_days(source: str) -> str:
    """The one name of a source that comes by day; empty where it does not, so that it is found."""
    undated = dated.undated(source)
    return "" if undated == source else _name("", undated)


def _encoding_of(kind: str, asked: str) -> str:
    """That of a preset's files that have none but one."""
    shapes = [shape for preset in presets.BY_KIND[kind] if preset.name == asked for shape in preset.shapes]
    return next((shape.encoding for shape in shapes if shape.encoding), "")


def _require_plain(source: str, mapped: Mapped, sample: Sample, files: Landed) -> None:
    """Refuse columns that hold records or lists where one value is needed.

    Raises:
        BadInputError: one does.
    """
    for role, column in mapped.columns.items():
        inner = next((value for value in sample.values(column) if isinstance(value, dict | list | bytes)), None)
        if inner is None or (role in ("category", "description", "image") and isinstance(inner, list)):
            continue
        kind = {dict: "records", list: "lists", bytes: "bytes"}[type(inner)]
        raise BadInputError(
            f"{source}: the column {column!r} holds {kind}, and the {role} is one value. "
            f"{'Write it out as a column of its own' if files.format.kind == PARQUET else 'Flatten it'}, or name another column"
        )


def _unit(source: str, mapped: Mapped, sample: Sample, asked: str, shape: Shape | None) -> str:
    column = mapped.columns.get("time")
    if not time_units.is_known(asked):
        raise BadInputError(
            f"time_unit {asked!r}: give {', '.join((time_units.AUTO, *time_units.WORDS))}, or a pattern such as %d/%m/%Y"
        )
    if column is None or asked == time_units.NONE:
        return time_units.NONE
    if asked != time_units.AUTO:
        return asked
    return shape.unit if shape and shape.unit else time_units.find(source, sample.values(column))


def _scale(source: str, mapped: Mapped, sample: Sample, asked: str, shape: Shape | None) -> str:
    column = mapped.columns.get("rating")
    if column is None:
        return ""
    if asked != "auto":
        return scales.parse(asked).name
    if shape and shape.scale:
        return shape.scale
    read = [interaction_rows.number(value) for value in sample.values(column)]
    ratings = [value for value in read if isinstance(value, int | float) and value == value]
    if not ratings:
        raise BadInputError(f"{source}: the column {column!r} holds no ratings that are numbers. Map another, or none")
    return scales.find(source, ratings).name


def _name(asked: str, source: str) -> str:
    """The name of a source: as asked, or of its file or folder.

    Raises:
        BadInputError: it can be none.
    """
    if not asked:
        stem = finding.name(source.split("?", maxsplit=1)[0]).split(".")[0]
        if any(c in stem for c in "*?[{="):
            stem = next((p for p in reversed(Path(source).parts[:-1]) if not any(c in p for c in "*?[{=")), "files")
        asked = re.sub(r"[^a-z0-9_-]+", "-", stem.casefold()).strip("-_")[:32] or "files"
        asked = f"{asked}-files" if asked in RESERVED else asked
    if not NAME.fullmatch(asked) or asked in RESERVED:
        raise BadInputError(
            f"name {asked!r}: give up to 32 lower-case letters, digits, - and _, and none of {', '.join(RESERVED)}"
        )
    return asked


def _said(made: Plan, mapped: Mapped, sample: Sample) -> list[str]:
    """How the source will be read, as lines for a person."""
    files = made.landed
    size = sum(file.bytes for file in files.files) / 1e6
    lines = [
        f"source {made.name}: {files.source}: {len(files.files)} file(s), {size:,.1f} MB, {files.records:,} records, {files.format.text()}",
        f"preset: {made.preset or 'none'}",
        f"columns: {mapped.text()}",
    ]
    if made.kind == PRODUCTS:
        return [*lines, f"kept under extra: {', '.join(made.left) or 'nothing'}"]
    if made.unit == time_units.NONE:
        lines.append(NO_TIMES)
    else:
        values = sample.values(made.columns["time"])
        read = time_units.reader(made.unit)
        seconds = next((s for value in values if (s := read(value)) is not None), None)
        example = f": {values[0]!r} is {interaction_rows.moment(seconds)}" if seconds is not None else ""
        lines.append(f"times: {time_units.text(made.unit)}{example}")
    lines.append(f"ratings: {scales.parse(made.scale).text() if made.scale else 'none'}")
    if "event" in made.columns:
        named = sorted({str(value) for value in sample.values(made.columns["event"])})[:20]
        lines.append(f"events: {', '.join(named)}")
    elif made.event:
        lines.append(f"events: each is a {made.event}")
    return lines


def rules_of_interactions(made: Plan, config: Settings) -> interaction_rows.Rules:
    """By what the records of a plan become interactions."""
    weights = interaction_rows.Weights(config.weight_of_event, config.event_default)
    scale = scales.parse(made.scale) if made.scale else None
    return interaction_rows.Rules(made.name, made.columns, made.unit, scale, made.events, made.event, weights)


def rules_of_products(made: Plan) -> product_rows.Rules:
    """The same of products."""
    return product_rows.Rules(made.name, made.columns, made.flags)
