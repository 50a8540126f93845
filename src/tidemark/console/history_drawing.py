"""The history of the models as a drawing: coordinates only, the template writes the SVG."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tidemark.console.page_rows import ModelRow

SHOWN = 120
"""Models that one drawing holds; older ones are in the table."""

WIDTH, HEIGHT = 960, 260
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 16, 34


@dataclass(frozen=True)
class Point:
    """One model at (x, y); `low` and `high` are the ends of its interval; `kind` is champion, published or rejected."""

    x: float
    y: float
    low: float
    high: float
    kind: str
    row: ModelRow


@dataclass(frozen=True)
class History:
    """Everything in pixels of a drawing of `WIDTH` times `HEIGHT`: ticks are (position, label).

    `asked` models, of `total` in the registry, were to be drawn; those with figures have a point.
    """

    points: tuple[Point, ...]
    popularity: str
    live: str
    rows: tuple[tuple[float, str], ...]
    columns: tuple[tuple[float, str], ...]
    asked: int
    total: int

    @property
    def heading(self) -> str:
        """Which models it is about: `5 models`, or `the newest 120 of 2,000 models`."""
        return f"the newest {self.asked:,} of {self.total:,} models" if self.asked < self.total else _models(self.asked)

    @property
    def left_out(self) -> str:
        """Which of them have no point, in a sentence; empty where all have one."""
        n = self.asked - len(self.points)
        return f"Left out: {_models(n)} measured on too few users to conclude anything." if n else ""


def draw(models: Sequence[ModelRow], total: int, champion: str | None) -> History | None:
    """NDCG@10 of `models` (oldest first) with popularity beside it; None where none has a figure to show.

    Args:
        models: the newest ones.
        total: how many the registry has.
        champion: the model_id of the live one.
    """
    measured = [m for m in models if m.ndcg]
    if not measured:
        return None
    top = max(max(m.ndcg.high, m.popularity.value if m.popularity else 0) for m in measured if m.ndcg)
    step = _step(top)
    highest = step * math.ceil(top / step) or 1.0
    inner_width, inner_height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def across(number: int) -> float:
        return round(LEFT + inner_width * ((number + 0.5) / len(measured)), 1)

    def down(value: float) -> float:
        return round(TOP + inner_height * (1 - min(max(value, 0.0), highest) / highest), 1)

    points = [
        Point(across(n), down(m.ndcg.value), down(m.ndcg.low), down(m.ndcg.high), _kind(m, champion), m)
        for n, m in enumerate(measured)
        if m.ndcg
    ]
    baseline = [f"{across(n)},{down(m.popularity.value)}" for n, m in enumerate(measured) if m.popularity]
    days = len({m.model_id[:8] for m in measured})
    every = max(1, math.ceil(len(measured) / 6))
    return History(
        points=tuple(points),
        popularity=" ".join(baseline),
        live=" ".join(f"{p.x},{p.y}" for p in points if p.kind != "rejected"),
        rows=tuple((down(n * step), f"{n * step:.{_digits(step)}f}") for n in range(round(highest / step) + 1)),
        columns=tuple((p.x, _label(p.row, days)) for p in points[::every]),
        asked=len(models),
        total=total,
    )


def _models(n: int) -> str:
    return f"{n:,} model{'' if n == 1 else 's'}"


def _kind(row: ModelRow, champion: str | None) -> str:
    if row.model_id == champion:
        return "champion"
    return "published" if row.published_at else "rejected"


def _label(row: ModelRow, days: int) -> str:
    """The day of a model_id (`20260102T030405-...`), or its hour too where the drawing is of a few days."""
    text = row.model_id
    return f"{text[4:6]}-{text[6:8]} {text[9:11]}:{text[11:13]}" if days < 6 else f"{text[:4]}-{text[4:6]}-{text[6:8]}"


def _step(top: float) -> float:
    """A round step that gives about four ticks: 1, 2, 2.5 or 5 times a power of ten."""
    if top <= 0:
        return 0.25
    raw = top / 4
    power = 10.0 ** math.floor(math.log10(raw))
    return next((power * m for m in (1, 2, 2.5, 5) if power * m >= raw), power * 10)


def _digits(step: float) -> int:
    text = f"{step:.6f}".rstrip("0")
    return max(1, len(text.partition(".")[2]))
