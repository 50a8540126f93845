"""Sources whose names hold the day: what a run's interval makes of them."""

from datetime import UTC, datetime

import pytest

from tidemark.errors import BadInputError
from tidemark.landing import dated
from tidemark.sources import planning

START, END = datetime(2026, 3, 4, 5, tzinfo=UTC), datetime(2026, 3, 5, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("source", "filled"),
    [
        ("s3://b/dt={ds}/*.parquet", "s3://b/dt=2026-03-04/*.parquet"),
        ("/x/{{ ds }}.csv", "/x/2026-03-04.csv"),
        ("/x/{year}/{month}/{day}/{hour}.csv", "/x/2026/03/04/05.csv"),
        ("/x/{ds_nodash}-{data_interval_end}.csv", "/x/20260304-2026-03-05T05:00:00+00:00.csv"),
        ("/x/{{data_interval_start}}", "/x/2026-03-04T05:00:00+00:00"),
        ("/x/plain.csv", "/x/plain.csv"),
    ],
)
def test_the_day_of_the_run_stands_in_the_name(source, filled):
    assert dated.fill(source, START, END) == filled


def test_what_means_nothing_is_said():
    with pytest.raises(BadInputError, match=r"\{dag\} means nothing here. There are: \{ds\}, "):
        dated.fill("/x/{dag}.csv", START, END)
    with pytest.raises(BadInputError, match="this run has no day"):
        dated.fill("/x/{ds}.csv", None, None)
    assert dated.fill("/x/plain.csv", None, None) == "/x/plain.csv"


def test_all_days_are_one_source():
    assert planning._name_of_all_days("s3://bucket/events/dt={ds}/part-*.parquet") == "events"
    assert planning._name_of_all_days("/data/shop/{year}/{ds}.csv") == "shop"
    assert planning._name_of_all_days("/data/shop/all.csv") == ""
