"""A window as rows of users: the pairs, numbers, sample and split of one machine, and what all users took."""

import numpy as np
import pandas as pd
import pytest

from tests.support import interaction_rows, tastes
from tidemark.at_scale import border, user_rows
from tidemark.errors import NotEnoughDataError
from tidemark.evaluation import splits
from tidemark.models.pairs import from_frame

rng = np.random.default_rng(5)
ROWS = [(f"u{rng.integers(0, 150):03}", f"i{rng.integers(0, 60):02}") for _ in range(3_000)]
FRAME = tastes.frame(ROWS)
FRAME["weight"] = rng.choice([0.5, 1.0, 2.0], len(FRAME))
FRAME["rating"] = rng.choice([np.nan, 1.0, 4.0], len(FRAME))
FRAME["timestamp"] = FRAME["timestamp"].dt.floor("3D")  # many are equally old
PAIRS = from_frame(FRAME)
NAMES = ("users", "items", "user_num", "item_num", "weight", "rating", "timestamp")


@pytest.fixture(scope="module")
def rows(spark, tmp_path_factory):
    run = str(tmp_path_factory.mktemp("run"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(user_rows, "PART_PAIRS", 1_000)  # several parts
        user_rows.make(spark, run, interaction_rows.of_frame(spark, FRAME))
    return user_rows.read(spark, run)


def test_the_pairs_and_numbers_are_those_of_one_machine(rows):
    assert len(rows.told["starts"]) == 3
    whole = rows.sample()
    for name in NAMES:
        assert np.array_equal(getattr(whole, name), getattr(PAIRS, name), equal_nan=name == "rating"), name
    numbers = rows.frame.select("user_id", "user_num").toPandas().sort_values("user_num")
    assert numbers["user_num"].tolist() == list(range(len(PAIRS.users)))
    assert numbers["user_id"].tolist() == PAIRS.users.tolist()


@pytest.mark.parametrize("rule", ["newest_tenth", splits.LAST_OF_EACH_USER])
def test_the_split_of_all_rows_is_that_of_one_machine(rows, rule):
    held = splits.newest(PAIRS) if rule == "newest_tenth" else splits.last_of_each_user(PAIRS)
    split = splits.Split(PAIRS.take(~held), PAIRS.take(held), rule, 0, "")
    line = border.Border.of(split)
    table = border.pairs(rows, line).toPandas().sort_values(["user_num", "item_num"])
    assert np.array_equal(table["held"].to_numpy(), held)
    totals = border.totals(rows, line)
    assert np.array_equal(totals.train, split.train.item_counts)
    assert np.array_equal(totals.held, split.held.item_counts)
    both = (split.train.user_counts > 0, split.held.user_counts > 0)
    assert totals.users.tolist() == [len(PAIRS.users), both[0].sum(), both[1].sum(), (both[0] & both[1]).sum()]
    first = pd.Series(PAIRS.timestamp).groupby(PAIRS.item_num).min()
    assert totals.first_seen.tolist() == first.tolist()
    assert totals.raters.sum() == np.isfinite(PAIRS.rating).sum()
    assert totals.stars.sum() == np.nansum(PAIRS.rating)
    learned = border.learned_from(rows, totals.train, split.train.timestamp, line)
    assert learned.n_pairs == len(split.train) == learned.frame.count()


def test_a_sample_has_whole_users_by_their_hash_alone(rows):
    some = user_rows.UserRows(rows.spark, rows.folder, rows.items, rows.told | {"sample_below": user_rows.SPAN // 3})
    sample = some.sample()
    assert 20 < len(sample.users) < 80  # a third of 150
    for name in ("item_num", "timestamp"):
        expected = getattr(PAIRS, name)[np.isin(PAIRS.users[PAIRS.user_num], sample.users)]
        assert np.array_equal(getattr(sample, name), expected)


def test_too_little_is_refused_and_leaves_nothing_that_is_read(spark, tmp_path):
    with pytest.raises(NotEnoughDataError, match="2 pairs of 2 users"):
        user_rows.make(spark, str(tmp_path), interaction_rows.of_frame(spark, FRAME.head(2)))
    assert user_rows.read(spark, str(tmp_path)) is None
