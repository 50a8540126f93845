"""Evaluating beyond one machine: Spark fits what the candidate is measured beside; who is measured are users of the sample."""

import logging
from datetime import datetime
from typing import Any

import numpy as np
from pyspark.sql import SparkSession

from tidemark.at_scale import border, user_rows
from tidemark.at_scale.border import Border, Totals
from tidemark.errors import NotEnoughDataError
from tidemark.evaluation.splits import Split
from tidemark.models import fallback, saved
from tidemark.models.baselines import BASELINES
from tidemark.models.interface import Fitted, Recommender
from tidemark.models.pair_rows import PairRows
from tidemark.models.pairs import Pairs
from tidemark.retraining.evaluate import Learner
from tidemark.storage import artifacts, run_folder

Array = np.ndarray[Any, Any]

log = logging.getLogger(__name__)


class RowLearner(Learner):
    """Fits on all rows that are learned from, for the users of the sample.

    Args:
        rows: what is learned from.
        train: the pairs of the sample in them.
        cold: users with held-out pairs and none to learn from.
    """

    def __init__(self, rows: PairRows, train: Pairs, cold: int) -> None:
        super().__init__(train)
        self.rows, self.cold = rows, cold

    @classmethod
    def of_run(cls, spark: SparkSession, run: str, split: Split) -> "RowLearner":
        """That of a run which `training` trained.

        Raises:
            NotEnoughDataError: it trained none.
        """
        rows = user_rows.read(spark, run)
        if rows is None:
            raise NotEnoughDataError(f"{run} has no rows of users: clear the task train")
        totals = Totals(**artifacts.read_arrays(f"{run}/{run_folder.TOTALS}"))
        learned = border.learned_from(rows, totals.train, split.train.timestamp, Border.of(split))
        _, _, held, both = totals.users.tolist()
        return cls(learned, split.train, held - both)

    def cold_users(self, held: Pairs) -> int:
        """See `Learner.cold_users`: of everybody."""
        return self.cold

    def baselines(self) -> dict[str, Fitted]:
        """See `Learner.baselines`: those that Spark can fit."""
        able = {name: one for name, one in BASELINES.items() if not one.why_not_rows(self.rows.n_items)}
        return {
            name: one.load_for_histories(one.fit_rows(self.rows)).of_users(self.train) for name, one in able.items()
        }

    def fit(self, recommender: Recommender) -> Fitted:
        """See `Learner.fit`."""
        return fallback.load_items(recommender, fallback.fit_rows(recommender, self.rows)).of_users(self.train)

    def why_not(self, recommender: Recommender) -> str:
        """See `Learner.why_not`."""
        return recommender.why_not_rows(self.rows.n_items)

    def kept(self, path: str, cut: str) -> tuple[Fitted, Array]:
        """See `Learner.kept`: users are known by what they had up to `cut`."""
        moment = int(datetime.fromisoformat(str(cut)).timestamp() * 1_000_000)
        return saved.by_histories(path, self.train.take(self.train.timestamp <= moment))
