"""Diversity: what lists whose items are less alike would cost this model in accuracy, and gain in coverage and novelty.

Nothing is decided by it: it is there so that a person can choose `TIDEMARK_DIVERSITY`. It follows the publishing.
"""

import logging
from typing import Any

import numpy as np

from tidemark.evaluation import ranking_metrics
from tidemark.evaluation.splits import Split
from tidemark.models import saved, variety
from tidemark.models.interface import Fitted, recommend
from tidemark.retraining import sides
from tidemark.storage import artifacts, run_folder

Array = np.ndarray[Any, Any]
Document = dict[str, Any]

log = logging.getLogger(__name__)

STEPS = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)
"""Diversities that are measured; 0 is the model's own order."""

USERS = 2_000
"""Measured users, drawn by a seed."""

SHOWN = ("ndcg_at_10", "coverage", "novelty", "diversity")


def curve(fitted: Fitted, split: Split) -> list[Document]:
    """The figures of each step, over the same users.

    Args:
        fitted: a model, over the users and items of the split.
        split: what it learned from, and what was held out.

    Returns:
        a row for each of `STEPS`: `at` (the step), `users`, the figures `SHOWN` (`{value, low, high}`), and `cost`, that of the
        NDCG@10 which each user loses. None where nobody can be measured, or the model has no vectors of its items.
    """
    users = ranking_metrics.users_of_both(split.train, split.held)
    vectors = fitted.factors_of_items()
    if not len(users) or vectors is None:
        return []
    users = ranking_metrics.drawn(users, USERS)
    train, known = split.train, split.train.item_counts > 0
    items, scores = recommend(fitted, users, variety.CANDIDATES, train.weights, known)
    n = ranking_metrics.LIST_LENGTH
    lists = {str(at): variety.listed(items, scores, vectors, at, n)[0] for at in STEPS}
    ranked = ranking_metrics.rank_metrics(lists, users, train, split.held)
    lost = np.stack([ranked.ndcg["0.0"] - ranked.ndcg[str(at)] for at in STEPS], axis=1)
    replicates = ranking_metrics.resampled_means(lost)
    return [
        {"at": at, "users": len(users)}
        | {name: ranked.metrics[str(at)][name] for name in SHOWN if name in ranked.metrics[str(at)]}
        | {"cost": ranking_metrics.figure(float(lost[:, column].mean()), replicates[:, column])}
        for column, at in enumerate(STEPS)
    ]


def of_run(run: str) -> Document:
    """Measure the candidate of a run on its split, and keep it in the run folder; run again, it is the same.

    Returns:
        `curve` (see there), `diversity` that the run was asked for, and `why` nothing was measured, else empty.
    """
    snapshot = artifacts.read_json(f"{run}/{run_folder.SNAPSHOT}")
    split = sides.of_run(run, snapshot)
    candidate, _ = saved.load_model(f"{run}/{run_folder.CANDIDATE}", split.train)
    rows = curve(candidate, split)
    why = ""
    if not rows:
        why = "nobody can be measured" if split.measured_users == 0 else "this model places no items beside each other"
        log.info("diversity is not measured: %s", why)
    for row in rows:
        log.info("diversity %.1f: NDCG@10 %.4f, coverage %.3f", row["at"], *(row[k]["value"] for k in SHOWN[:2]))
    measured = {"curve": rows, "diversity": snapshot["asked"].get("diversity", 0.0), "why": why}
    artifacts.write_json(f"{run}/{run_folder.DIVERSITY}", measured)
    return measured
