"""The gate before training."""

import pytest

from tests.support import tastes
from tidemark.contracts import gates
from tidemark.errors import GateError
from tidemark.models.pairs import from_frame
from tidemark.retraining import train


@pytest.mark.parametrize(
    ("column", "value", "means"),
    [
        ("weight", -1.0, "weights that are negative"),
        ("weight", float("nan"), "weights that are negative"),
        ("rating", 0.0, "ratings outside"),
        ("user_id", None, "without a user"),
    ],
)
def test_the_gate_before_training_names_what_is_wrong(column, value, means, tmp_path):
    table = tastes.frame([(f"u{n}", f"i{m}") for n in range(6) for m in range(4)], rating=4.0)
    pairs = from_frame(table)
    table.loc[3, column] = value
    with pytest.raises(GateError, match=means):
        gates.check(train.profile(table, pairs), "training_interactions", str(tmp_path / "docs"))


def test_the_gate_before_training_passes_what_is_good(tmp_path):
    table = tastes.frame([(f"u{n}", f"i{m}") for n in range(6) for m in range(4)])
    profile = train.profile(table, from_frame(table))
    assert gates.check(profile, "training_interactions", str(tmp_path / "docs"))["warnings"] == []
