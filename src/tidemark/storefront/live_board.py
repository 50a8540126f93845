"""The board of the live page: what happened lately, told by threads that follow it, and read twice a second.

Pure: it asks no server. `take` gives the parts that changed since it was last called, `whole` all of them.
"""

import threading
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tidemark.storefront.live_frames import shortened
from tidemark.stream.attribution import Exposure

WINDOW = 10_000
"""Newest interactions that the top ten is of."""
TOP = 10
SECONDS = 60
"""Seconds of which the interactions are shown one by one."""
SHOWN = 20
"""Newest lists that are shown; a frame has no more either."""
ITEMS = 5
"""Items of each."""

Parts = dict[str, Any]


@dataclass(frozen=True)
class View:
    """The same parts for an admin, and for everybody else: ids of users are shortened there."""

    admin: Parts
    everybody: Parts


class Board:
    """What the live page shows. Any thread may tell it something."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._window: deque[str] = deque()
        self._taken: Counter[str] = Counter()
        self._titles: dict[str, str] = {}
        self._per_second: dict[int, int] = {}
        self._shown: deque[tuple[int, Parts]] = deque(maxlen=SHOWN)
        self._shown_number = self._told_number = 0
        self._parts: Parts = {"tide": None, "champion": None, "models": [], "retrain": None, "steps": None}
        self._changed: set[str] = set()

    def seed(self, item_ids: Iterable[str]) -> None:
        """The window as it was before anything was followed, oldest first."""
        with self._lock:
            for item_id in item_ids:
                self._count(item_id)

    def interaction(self, item_id: str, now: float) -> None:
        """Somebody took something at `now`, seconds since 1970."""
        with self._lock:
            self._count(item_id)
            second = int(now)
            self._per_second[second] = self._per_second.get(second, 0) + 1

    def shown(self, exposure: Exposure) -> None:
        """A list was shown."""
        with self._lock:
            self._shown_number += 1
            told = {
                "number": self._shown_number,
                "user_id": exposure.user_id,
                "items": list(exposure.item_ids[:ITEMS]),
                "more": max(0, len(exposure.item_ids) - ITEMS),
                "model_id": exposure.model_id,
                "arm": exposure.arm,
                "placement": exposure.placement,
                "at": exposure.shown_at.isoformat(),
            }
            self._shown.append((self._shown_number, told))

    def tell(self, part: str, value: object) -> None:
        """Set `tide`, `champion`, `models`, `retrain` or `steps`; it is told on where it is another than before."""
        with self._lock:
            if self._parts[part] != value:
                self._parts[part] = value
                self._changed.add(part)

    def titled(self, titles: Mapping[str, str]) -> None:
        """Titles of items that may come into the top ten."""
        with self._lock:
            new = {item_id: title for item_id, title in titles.items() if self._titles.get(item_id) != title}
            if new:
                self._titles |= new
                self._changed.add("top")

    def top(self) -> list[str]:
        """The ten items that were taken most often in the window."""
        with self._lock:
            return [item_id for item_id, _ in self._top()]

    def take(self, now: float) -> View | None:
        """What changed since this was last called; None where nothing did."""
        with self._lock:
            parts = {part: self._parts[part] for part in self._changed if part in self._parts}
            if self._per_second:
                parts["rate"] = self._rate(now)  # also while it falls back to nothing
            if "top" in self._changed:
                parts["top"] = self._told_top()
            lists = [told for number, told in self._shown if number > self._told_number]
            missed = self._shown_number - self._told_number - len(lists)
            self._told_number = self._shown_number
            self._changed.clear()
            if lists:
                parts["shown"], parts["missed"] = lists, missed
            self._forget(now)
            return _view(parts) if parts else None

    def whole(self, now: float) -> View:
        """All there is."""
        with self._lock:
            lists = [told for _, told in self._shown]
            return _view(self._parts | {"rate": self._rate(now), "top": self._told_top(), "shown": lists})

    def _count(self, item_id: str) -> None:
        self._window.append(item_id)
        self._taken[item_id] += 1
        if len(self._window) > WINDOW:
            oldest = self._window.popleft()
            self._taken[oldest] -= 1
            if not self._taken[oldest]:
                del self._taken[oldest]
        self._changed.add("top")

    def _top(self) -> list[tuple[str, int]]:
        return sorted(self._taken.most_common(TOP), key=lambda pair: (-pair[1], pair[0]))

    def _told_top(self) -> list[Parts]:
        return [{"item_id": item, "title": self._titles.get(item, item), "taken": taken} for item, taken in self._top()]

    def _rate(self, now: float) -> Parts:
        """Interactions of each of the last 60 whole seconds, the newest last."""
        end = int(now)
        series = [self._per_second.get(second, 0) for second in range(end - SECONDS, end)]
        return {"per_second": sum(series[-5:]) / 5, "series": series}

    def _forget(self, now: float) -> None:
        for second in [second for second in self._per_second if second < now - SECONDS - 1]:
            del self._per_second[second]


def _view(parts: Parts) -> View:
    if "shown" not in parts:
        return View(parts, parts)
    hidden = [told | {"user_id": told["user_id"] and shortened(told["user_id"])} for told in parts["shown"]]
    return View(parts, parts | {"shown": hidden})


def retrain(lag: int | None, mark: int, newest: Mapping[str, Any] | None, champion: str | None) -> Parts:
    """Where the next model is, as far as Kafka and the registry tell: `{stage, model_id}`.

    Args:
        lag, mark: interactions; None where Kafka does not answer.
        newest: the model of the registry that was made last.
        champion: the live one's id.

    `due`: the lag is over the mark, so one is being made. `publishing`: it is decided that it goes live. `refused`: the
    newest was not better. `live`: the newest is. `quiet`: nothing of that.
    """
    made = str(newest["_id"]) if newest else None
    if newest and newest.get("status") == "candidate" and (champion is None or str(made) > champion):
        return {"stage": "publishing", "model_id": made}
    if lag is not None and lag >= mark:
        return {"stage": "due", "model_id": None}
    if newest and newest.get("status") == "rejected" and (champion is None or str(made) > champion):
        return {"stage": "refused", "model_id": made}
    return {"stage": "live", "model_id": champion} if champion else {"stage": "quiet", "model_id": None}


def model_rows(models: Sequence[Mapping[str, Any]], rates: Mapping[str, Any], champion: str | None) -> list[Parts]:
    """The models' rows: `models` newest first, each with what became of what it showed (`engagement_figures.Rate`)."""
    rows = []
    for model in models:
        rate, made = rates.get(model["_id"]), model.get("created_at")
        rows.append(
            {
                "model_id": model["_id"],
                "engine": model.get("engine"),
                "status": "champion" if model["_id"] == champion else model.get("status"),
                "made_at": made.isoformat() if isinstance(made, datetime) else None,
                "engagement": rate.document() if rate else None,
            }
        )
    return rows
