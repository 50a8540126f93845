"""Presets: public files and usual exports whose columns are known, with or without a header."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tidemark.errors import BadInputError
from tidemark.sources.formats import TABLE, Format, is_number

AUTO, NOTHING = "auto", "none"


@dataclass(frozen=True)
class Shape:
    """One form of a preset's files.

    Args:
        columns: of a file with a header, those that it must have; of one without, its width as the numbers 1, 2, ...
        mapping: what it is -> the column.
        separator: where the columns alone do not tell the form; empty: any.
        unit: of the times; empty: it is found.
        scale: of the ratings, as the parameter says it; empty: it is found.
        encoding: of the text.
        flags: columns in which a 1 means a category -> the category.
    """

    columns: tuple[str, ...]
    mapping: Mapping[str, str]
    separator: str = ""
    unit: str = ""
    scale: str = ""
    encoding: str = ""
    flags: Mapping[str, str] = field(default_factory=dict)

    @property
    def header(self) -> bool:
        """Whether its files have one."""
        return not self.columns[0].isdigit()

    def fits(self, format_: Format) -> bool:
        """Whether a file of this format can be one."""
        if format_.kind == TABLE and self.separator and format_.separator != self.separator:
            return False
        if self.header:
            return (format_.header or format_.kind != TABLE) and set(self.columns) <= set(format_.columns)
        return format_.kind == TABLE and not format_.header and len(format_.columns) == len(self.columns)


@dataclass(frozen=True)
class Preset:
    """Files of one name.

    Args:
        name: as the parameter `preset` has it.
        shapes: the forms that its files have.
        events: event types of the source -> those of the platform.
        event: the type of all its events, where no column names one; empty: none.
    """

    name: str
    shapes: tuple[Shape, ...]
    events: Mapping[str, str] = field(default_factory=dict)
    event: str = ""


def _numbers(n: int) -> tuple[str, ...]:
    return tuple(str(place + 1) for place in range(n))


_RATED = {"user": "1", "item": "2", "rating": "3", "time": "4"}
_AMAZON_2018 = {"item": "1", "user": "2", "rating": "3", "time": "4"}
GENRES = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama", "Fantasy",
    "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip
"""Of MovieLens's u.item, what a 1 in each of its last columns means (`u.genre`)."""

INTERACTIONS = (
    Preset(
        "movielens",
        (
            Shape(
                ("userId", "movieId", "rating", "timestamp"),
                {"user": "userId", "item": "movieId", "rating": "rating", "time": "timestamp"},
                unit="s",
                scale="0.5-5",
            ),
            Shape(_numbers(4), _RATED, "::", unit="s"),  # ratings.dat: whole stars in 1M, half stars in 10M
            Shape(_numbers(4), _RATED, "\t", unit="s", scale="1-5"),  # u.data
        ),
    ),
    Preset(
        "amazon_ratings",
        (
            Shape(
                ("user_id", "parent_asin", "rating", "timestamp"),
                {"user": "user_id", "item": "parent_asin", "rating": "rating", "time": "timestamp"},
                unit="ms",
                scale="1-5",
            ),
            Shape(_numbers(4), _RATED, ",", unit="s", scale="1-5"),  # 2014: user first
            Shape(_numbers(4), _AMAZON_2018, ",", unit="s", scale="1-5"),  # 2018: item first
        ),
    ),
    Preset(
        "retailrocket",
        (
            Shape(
                ("timestamp", "visitorid", "event", "itemid"),
                {"user": "visitorid", "item": "itemid", "time": "timestamp", "event": "event"},
                unit="ms",
            ),
        ),
        {"view": "view", "addtocart": "cart", "transaction": "purchase"},
    ),
    Preset(
        "sales",
        (
            Shape(
                ("user", "product", "quantity", "timestamp"),
                {"user": "user", "item": "product", "quantity": "quantity", "time": "timestamp"},
            ),
        ),
        event="purchase",
    ),
)

PRODUCTS = (
    Preset(
        "movielens",
        (
            Shape(("movieId", "title", "genres"), {"item": "movieId", "title": "title", "category": "genres"}),
            Shape(  # u.item: 19 columns of genres from the sixth on
                _numbers(24),
                {"item": "1", "title": "2"},
                "|",
                encoding="iso-8859-1",
                flags={str(place): genre for place, genre in enumerate(GENRES, 6)},
            ),
            Shape(_numbers(3), {"item": "1", "title": "2", "category": "3"}, "::", encoding="iso-8859-1"),  # movies.dat
        ),
    ),
)

BY_KIND: Mapping[str, tuple[Preset, ...]] = {"interactions": INTERACTIONS, "products": PRODUCTS}

_ASIN = re.compile(r"[0-9A-Z]{10}")
_REVIEWER = re.compile(r"A[0-9A-Z]{10,20}")


def names(kind: str) -> list[str]:
    """The presets of a kind of source."""
    return [preset.name for preset in BY_KIND[kind]]


def choose(
    source: str, kind: str, asked: str, format_: Format, sample: Sequence[Mapping[str, object]]
) -> tuple[Preset, Shape] | None:
    """The preset of a file, and which of its forms it has; None where it is none.

    Args:
        source: named in messages.
        kind: `interactions` or `products`.
        asked: a preset's name, `auto` to find it, or `none`.
        format_: of the file.
        sample: some of its records.

    Raises:
        BadInputError: there is no such preset, or the file has none of its forms.
    """
    if asked == NOTHING:
        return None
    known = BY_KIND[kind]
    wanted = [preset for preset in known if asked in (AUTO, preset.name)]
    if not wanted:
        raise BadInputError(f"preset {asked!r}: there are {', '.join(names(kind))}, {AUTO} and {NOTHING}")
    for preset in wanted:
        fitting = [shape for shape in preset.shapes if shape.fits(format_)]
        found = _told_by_ids(fitting, sample) if preset.name == "amazon_ratings" else fitting[:1]
        if asked == AUTO and found and not found[0].header and not _is_public(preset, found[0], sample):
            continue
        if found:
            return preset, found[0]
    if asked == AUTO:
        return None
    forms = "; ".join(", ".join(shape.columns) for shape in wanted[0].shapes)
    raise BadInputError(
        f"{source}: no file of the preset {asked}: it has the columns {', '.join(format_.columns)}; those of the preset have: {forms}"
    )


def _told_by_ids(fitting: Sequence[Shape], sample: Sequence[Mapping[str, object]]) -> list[Shape]:
    """Of Amazon's two forms without a header, that in which the items are ASINs and the users reviewers, as nearly all are."""
    best, share = [shape for shape in fitting if shape.header][:1], 0.5
    for shape in fitting:
        if shape.header or not sample:
            continue
        good = [
            bool(
                _ASIN.fullmatch(str(r.get(shape.mapping["item"])))
                and _REVIEWER.fullmatch(str(r.get(shape.mapping["user"])))
            )
            for r in sample
        ]
        if sum(good) / len(good) > share:
            best, share = [shape], sum(good) / len(good)
    return best


def _is_public(preset: Preset, shape: Shape, sample: Sequence[Mapping[str, object]]) -> bool:
    """Whether a file without a header is one of a preset beyond doubt: by its separator and its numbers, or its ids."""
    if preset.name == "amazon_ratings":
        return True
    if not shape.separator or shape.separator == ",":
        return False
    numeric = ("user", "item", "rating", "time") if "time" in shape.mapping else ("item",)
    return all(is_number(str(r.get(shape.mapping[role], ""))) for r in sample for role in numeric)
