"""Stars: how well rating models foresee the held-out ratings. Nothing is decided by it, so it follows the publishing."""

import logging
from typing import Any

import numpy as np
from pymongo.database import Database

from tidemark.evaluation import ranking_metrics
from tidemark.models.pairs import Pairs
from tidemark.phases import phase
from tidemark.registry import entries
from tidemark.retraining import sides
from tidemark.storage import artifacts, run_folder

Array = np.ndarray[Any, Any]
Document = dict[str, Any]

log = logging.getLogger(__name__)


def predict(train: Pairs, held: Pairs) -> dict[str, Array] | None:
    """Stars of the rated `held` pairs (`truth`) beside `als`, `bias` and `global_mean`, learned from `train`.

    None where either side has no ratings.
    """
    if not (train.has_ratings and held.has_ratings):
        return None
    from tidemark.models.ratings import fit_ratings

    rated = held.take(np.isfinite(held.rating))
    model = fit_ratings(train)
    return {
        "truth": rated.rating.astype(float),
        "als": model.predict(rated.user_num, rated.item_num),
        "bias": model.bias.predict(rated.user_num, rated.item_num),
        "global_mean": np.full(len(rated), model.bias.mean),
    }


def of_run(db: Database[Document], run: str) -> Document:
    """Measure the rating models on the split that `train` and `evaluate` had, and store it with the run's model.

    Returns:
        `measured_ratings`, held-out ratings behind `ratings`: RMSE and MAE by model, empty where there are no ratings.
    """
    snapshot = artifacts.read_json(f"{run}/{run_folder.SNAPSHOT}")
    split = sides.of_run(run, snapshot)
    with phase("stars"):
        predicted = predict(split.train, split.held)
    if predicted is None:
        log.info("no ratings to learn stars from: RMSE and MAE are left out")
        return {"measured_ratings": 0, "ratings": {}}
    truth = predicted.pop("truth")
    with phase("figures"):
        figures = ranking_metrics.rating_metrics(truth, predicted)
    entries.set_stars(db, snapshot["model_id"], figures, len(truth))
    return {"measured_ratings": len(truth), "ratings": figures}
