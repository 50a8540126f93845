"""Sides: the split of a run, the same in every task that asks for it.

Of a window beyond one machine (`at_scale`), the pairs are those of a sample of the users, and what all users took is beside them.
"""

from dataclasses import fields, replace
from typing import Any

import numpy as np

from tidemark.evaluation import splits
from tidemark.evaluation.splits import Split
from tidemark.models import saved
from tidemark.models.pairs import Pairs, SampledPairs
from tidemark.storage import artifacts, run_folder

Array = np.ndarray[Any, Any]
Document = dict[str, Any]


def of_run(run: str, snapshot: Document) -> Split:
    """What the run learns from and what it holds out.

    Args:
        run: the run folder, with the pairs that `train` kept.
        snapshot: the run's.
    """
    split = splits.split(saved.load_pairs(run), snapshot["champion_cut"])
    if not artifacts.exists(f"{run}/{run_folder.TOTALS}"):
        return split
    totals = artifacts.read_arrays(f"{run}/{run_folder.TOTALS}")
    everybody = int(totals["users"][0])
    train, held = (
        sampled(pairs, totals[of], everybody) for pairs, of in ((split.train, "train"), (split.held, "held"))
    )
    return replace(split, train=train, held=held)


def sampled(pairs: Pairs, taken: Array, everybody: int) -> Pairs:
    """The pairs of a sample, told what all users took (`SampledPairs`); of a sample of everybody, as they are."""
    if everybody <= len(pairs.users):
        return pairs
    return SampledPairs(
        **{field.name: getattr(pairs, field.name) for field in fields(Pairs)}, taken=taken, n_everybody=everybody
    )
