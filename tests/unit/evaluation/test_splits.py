"""What is held out, in the same way every time, how it grows, and what a champion is compared on."""

import gzip
import json
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import tastes
from tidemark.evaluation import ranking_metrics, splits
from tidemark.models.pairs import from_frame
from tidemark.settings import ROOT


def test_the_newest_tenth_is_held_out():
    pairs = tastes.tastes()
    held = splits.newest(pairs)
    assert held.sum() == round(len(pairs) * 0.1)
    assert pairs.timestamp[held].min() > pairs.timestamp[~held].max()


def same_time(rows):
    table = tastes.frame(rows)
    table["timestamp"] = table["timestamp"].iloc[0]
    return table


def test_without_times_the_split_is_by_hash_spread_and_the_same_whatever_the_order():
    rows = [(f"u{u}", f"i{i}") for u in range(100) for i in range(20)]
    pairs = from_frame(same_time(rows))
    held = splits.newest(pairs)
    again = from_frame(same_time(rows[::-1]))
    assert held.sum() == 200
    assert np.array_equal(held, splits.newest(again))
    assert pairs.take(held).user_counts.max() < 10
    assert (pairs.take(held).item_counts > 0).all()


def test_a_pair_is_held_out_whatever_else_is_in_the_data():
    few, many = ([(f"u{u}", f"i{i}") for u in range(n) for i in range(10)] for n in (10, 20))
    hash_few, hash_many = splits.tie_break(from_frame(same_time(few))), splits.tie_break(from_frame(same_time(many)))
    assert set(hash_few.tolist()) < set(hash_many.tolist())


@pytest.mark.parametrize(("n", "held"), [(2, 1), (4, 1), (15, 2), (25, 2), (26, 3)])
def test_small_data_keeps_a_pair_on_either_side(n, held):
    assert splits.newest(from_frame(tastes.frame([("u", f"i{i:02}") for i in range(n)]))).sum() == held


def held_rows(pairs, held):
    """The ids of the pairs that are held out."""
    return {(pairs.users[u], pairs.items[i]) for u, i in zip(pairs.user_num[held], pairs.item_num[held], strict=True)}


def test_the_last_pair_of_each_user_who_has_two_by_hand():
    rows = [("a", "x"), ("b", "x"), ("a", "y"), ("once", "y"), ("b", "z"), ("b", "y"), ("a", "z")]
    pairs = from_frame(tastes.frame(rows))
    assert held_rows(pairs, splits.last_of_each_user(pairs)) == {("a", "z"), ("b", "y")}


def test_taking_an_item_again_does_not_make_it_the_last():
    pairs = from_frame(tastes.frame([("a", "x"), ("a", "y"), ("a", "x"), ("b", "y")]))
    assert held_rows(pairs, splits.last_of_each_user(pairs)) == {("a", "y")}


def few_regulars(n_pairs, regulars, gap):
    """`n_pairs` by users of one pair each, but for `regulars`, who take one at first and one `gap` before the end."""
    rows = [(f"once{n:04}", f"i{n % 7}") for n in range(n_pairs)]
    for n in range(regulars):
        rows[n] = (f"regular{n:03}", "i0")
        rows[n_pairs - gap - n - 1] = (f"regular{n:03}", "i1")
    return from_frame(tastes.frame(rows))


@pytest.mark.parametrize(
    ("regulars", "gap", "rule", "measured"),
    [
        (200, 0, "newest_tenth", 200),
        (300, 0, "newest_tenth", 200),
        (200, 100, "newest_fifth", 200),
        (200, 400, "newest_third", 200),
        (200, 1_000, "last_of_each_user", 200),
        (199, 1_000, "last_of_each_user", 199),
        (210, 190, "newest_fifth", 210),
    ],
)
def test_the_held_out_part_grows_until_enough_can_be_measured(regulars, gap, rule, measured):
    found = splits.hold_out(few_regulars(2_000, regulars, gap))
    assert (found.rule, found.measured_users) == (rule, measured)
    assert len(ranking_metrics.measurable_users(found.train, found.held)) == measured


@pytest.mark.parametrize(("gap", "rule"), [(0, "newest_tenth"), (200, "newest_fifth"), (400, "newest_third")])
def test_of_rules_that_measure_as_many_the_one_that_holds_out_least_is_used(gap, rule):
    found = splits.hold_out(few_regulars(2_000, 50, gap))
    assert (found.rule, found.measured_users) == (rule, 50)
    assert "which measures 50 users" in found.why
    assert "200 are wanted" in found.why


def test_what_was_tried_is_said():
    found = splits.hold_out(few_regulars(2_000, 40, 1_200))
    assert found.why == (
        "held out is the last interaction of each user, which measures 40 users (the newest tenth 0, the newest fifth 0, "
        "the newest third 0; 200 are wanted)"
    )


def test_where_nobody_can_be_measured_it_is_the_newest_tenth_and_nobody():
    found = splits.hold_out(few_regulars(100, 0, 0))
    assert (found.rule, found.measured_users, len(found.held)) == ("newest_tenth", 0, 10)


pairs_of_few = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 6), st.integers(0, 5)),
    min_size=2,
    max_size=60,
    unique_by=lambda r: r[:2],
)


def table_of(rows):
    table = tastes.frame([(f"u{user:02}", f"i{item}") for user, item, _ in rows])
    table["timestamp"] = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta([day for *_, day in rows], unit="D")
    return table


@given(pairs_of_few)
def test_both_sides_make_up_the_whole_and_every_measurable_user_is_counted(rows):
    pairs = from_frame(table_of(rows))
    found = splits.hold_out(pairs)
    train, held = (held_rows(side, np.ones(len(side), bool)) for side in (found.train, found.held))
    assert not train & held
    assert train | held == held_rows(pairs, np.ones(len(pairs), bool))
    assert found.train
    assert found.held
    assert found.measured_users == len({u for u, _ in train} & {u for u, _ in held})
    assert found.measured_users == (pairs.user_counts > 1).sum()  # so few that the last rule, or its equal, is used


@given(pairs_of_few)
def test_last_of_each_user_holds_out_the_newest_one_of_each_who_has_two(rows):
    pairs = from_frame(table_of(rows))
    held = splits.last_of_each_user(pairs)
    train, last = pairs.take(~held), pairs.take(held)
    assert last.user_counts.tolist() == (pairs.user_counts > 1).astype(int).tolist()
    for user, moment in zip(last.user_num, last.timestamp, strict=True):
        assert (train.timestamp[train.user_num == user] <= moment).all()


@given(pairs_of_few, st.randoms())
def test_the_order_of_the_rows_changes_nothing(rows, random):
    shuffled = random.sample(rows, len(rows))
    one, other = (splits.hold_out(from_frame(table_of(r))) for r in (rows, shuffled))
    assert (one.rule, one.why) == (other.rule, other.why)
    assert held_rows(one.held, np.ones(len(one.held), bool)) == held_rows(other.held, np.ones(len(other.held), bool))


def test_without_times_the_last_is_by_hash_and_the_same_whatever_the_order():
    rows = [(f"u{u}", f"i{i}") for u in range(50) for i in range(20)]
    pairs, again = from_frame(same_time(rows)), from_frame(same_time(rows[::-1]))
    held = splits.last_of_each_user(pairs)
    assert np.array_equal(held, splits.last_of_each_user(again))
    assert pairs.take(held).user_counts.tolist() == [1] * 50
    assert len(np.unique(pairs.item_num[held])) > 10  # no item has it all


REVIEWS = ROOT.parent / "shared" / "data" / "reviews"


@pytest.mark.parametrize(
    ("name", "measured", "rule"),
    [
        ("All_Beauty", [29, 65, 65, 981], "last_of_each_user"),
        ("Gift_Cards", [65, 111, 155, 458], "last_of_each_user"),
        ("Musical_Instruments", [324, 474, 598, 1429], "newest_tenth"),
    ],
)
def test_users_measured_of_real_reviews(name, measured, rule):
    path = REVIEWS / f"{name}_5.json.gz"
    if not path.exists():
        pytest.skip(f"needs the real reviews in {REVIEWS}")
    with gzip.open(path, "rt") as lines:
        reviews = [json.loads(line) for line in lines]
    table = tastes.frame([(r["reviewerID"], r["asin"]) for r in reviews])
    table["timestamp"] = pd.to_datetime([r["unixReviewTime"] for r in reviews], unit="s", utc=True)
    pairs = from_frame(table)
    masks = [*(splits.newest(pairs, share) for share in splits.SHARES.values()), splits.last_of_each_user(pairs)]
    assert [len(ranking_metrics.users_of_both(pairs.take(~m), pairs.take(m))) for m in masks] == measured
    assert splits.hold_out(pairs).rule == rule


def as_table(pairs):
    """A frame that `pairs` come from."""
    table = tastes.frame(list(zip(pairs.users[pairs.user_num], pairs.items[pairs.item_num], strict=True)))
    table["timestamp"] = pd.to_datetime(pairs.timestamp, unit="us", utc=True)
    return table


def cut_after(pairs, share):
    """ISO time of the pair that `share` of all are not newer than."""
    moment = np.sort(pairs.timestamp)[int(len(pairs) * share) - 1]
    return datetime.fromtimestamp(moment / 1e6, UTC).isoformat()


def test_without_a_champion_the_newest_tenth_is_held_out():
    found = splits.split(tastes.tastes(), None)
    assert (len(found.held), found.compare) == (round(0.1 * (len(found.held) + len(found.train))), None)


def test_a_champion_of_long_ago_is_compared_itself():
    pairs = tastes.tastes()
    found = splits.split(pairs, cut_after(pairs, 0.5))
    assert found.compare == "champion"
    assert len(found.held) == round(0.1 * len(pairs))


def test_a_recent_champion_is_compared_on_what_is_newer_than_its_cut():
    pairs = tastes.tastes(n_users=300, n_pairs=12_000)
    cut = cut_after(pairs, 0.93)
    found = splits.split(pairs, cut)
    learned = datetime.fromisoformat(cut).timestamp() * 1e6
    assert found.compare == "champion"
    assert found.train.timestamp.max() <= learned < found.held.timestamp.min()
    assert "newer than the champion's cut" in found.why


def test_where_too_little_is_newer_the_recipe_is_compared_and_it_is_said():
    pairs = tastes.tastes()
    found = splits.split(pairs, cut_after(pairs, 1))
    assert (found.compare, found.rule) == ("recipe", "newest_tenth")
    assert len(found.held) == round(0.1 * len(pairs))
    assert "only 0 users" in found.why


def test_where_more_is_held_out_than_the_champion_has_not_seen_its_recipe_is_compared():
    pairs = few_regulars(2_000, 150, 150)  # a fifth measures the 150; a tenth none of them
    found = splits.split(pairs, cut_after(pairs, 0.9))
    assert (found.rule, found.measured_users, found.compare) == ("newest_fifth", 150, "recipe")
    assert splits.split(pairs, cut_after(pairs, 0.8)).compare == "champion"


def test_enough_users_newer_than_the_champion_are_better_than_growing():
    pairs = few_regulars(2_000, 200, 100)  # a tenth measures 100, a fifth all of them
    found = splits.split(pairs, cut_after(pairs, 0.85))
    assert (found.rule, found.measured_users, found.compare) == ("newer_than_champion", 200, "champion")
    assert len(found.held) == 300


def test_a_champion_that_has_seen_less_than_two_thirds_is_not_compared_by_all_that_is_newer():
    pairs = few_regulars(2_000, 200, 800)  # half measures all of them, a third none
    found = splits.split(pairs, cut_after(pairs, 0.5))
    assert (found.rule, found.compare) == ("last_of_each_user", "champion")  # all of their last ones are newer
    mixed = few_regulars(2_000, 250, 800)
    rows = tastes.frame([("old", "i1"), ("old", "i2")])  # his last one is older than the cut
    rows["timestamp"] -= pd.Timedelta(days=999)
    pairs = from_frame(pd.concat([as_table(mixed), rows], ignore_index=True))
    found = splits.split(pairs, cut_after(pairs, 0.45))
    assert (found.rule, found.compare) == ("last_of_each_user", "recipe")
    assert "more than the newest third" in found.why


@given(pairs_of_few, st.integers(-1, 6))
def test_a_champion_is_measured_only_on_what_it_has_not_learned_from(rows, day):
    pairs = from_frame(table_of(rows))
    cut = pd.Timestamp("2024-01-01", tz="UTC") + pd.Timedelta(days=day)
    found = splits.split(pairs, cut.isoformat())
    assert found.compare in ("champion", "recipe")
    newer = found.held.timestamp > cut.timestamp() * 1e6
    assert newer.all() == (found.compare == "champion")
    assert len(found.train) + len(found.held) == len(pairs)
