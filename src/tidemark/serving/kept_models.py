"""Kept models: what is told of the models that one can go back to, and that may be asked for by name."""

import time
from collections.abc import Callable
from typing import Any

from pymongo.database import Database

from tidemark.errors import UnreachableError
from tidemark.registry import champion
from tidemark.serving.histories import PAUSE
from tidemark.storage.patience import Breaker

Document = dict[str, Any]

HELD_FOR = 5.0
"""Seconds in which they are not read again."""
FIELDS = (
    *("status", "engine", "params", "created_at", "published_at", "users_served", "artifacts"),
    *("decision.contender", "data.measured_users", "metrics"),
)
"""What is told of a model."""


class KeptModels:
    """The models that are kept, held for `HELD_FOR` seconds.

    Args:
        db: the platform's database.
        made_by: model_id -> `dag` and `run_id` of the Airflow run that made it, or nothing (`Swaps.made_by`).
    """

    def __init__(self, db: Database[Document], made_by: Callable[[str], dict[str, str]]) -> None:
        self._db, self._made_by = db, made_by
        self._breaker = Breaker(PAUSE, or_refused=True)
        self._held: tuple[float, list[Document]] = (float("-inf"), [])

    def newest_first(self) -> list[Document]:
        """The models, with `FIELDS`; `dag` and `run_id` where a pack of this worker says them. What was last
        known, where MongoDB is away."""
        read_at, models = self._held
        if time.monotonic() - read_at > HELD_FOR:
            try:
                with self._breaker.asking():
                    kept = champion.kept(self._db)
                    found = {model["_id"]: model for model in self._db["models"].find({"_id": {"$in": kept}}, FIELDS)}
                models = [found[model_id] | self._made_by(model_id) for model_id in kept if model_id in found]
                self._held = time.monotonic(), models
            except UnreachableError:
                pass
        return [dict(model) for model in models]
