"""When the next retrain may start."""

from datetime import UTC, datetime, timedelta

import pytest

from tidemark.settings import Settings
from tidemark.stream.bookmark import Lag, PartitionLag
from tidemark.stream.watch import Previous, backoff, event, next_wait

END = datetime(2026, 3, 1, 12, tzinfo=UTC)


def config(**values: float) -> Settings:
    return Settings(_env_file=None, **values)  # type: ignore[arg-type]


def test_backs_off_from_1_to_30_minutes() -> None:
    minutes = [backoff(n, config()).total_seconds() / 60 for n in (1, 2, 3, 4, 5, 6, 7, 5_000)]
    assert minutes == [1, 2, 4, 8, 16, 30, 30, 30]


def test_the_first_run_and_one_after_a_success_wait_for_nothing() -> None:
    assert next_wait(None, {"0": 1}, config()).not_before is None
    after = next_wait(Previous(True, END, 3, {"0": 1}), {"0": 9}, config())
    assert (after.not_before, after.failures) == (None, 0)


def test_failures_add_up_and_a_success_forgets_them() -> None:
    first = next_wait(Previous(False, END, 0, {}), {}, config())
    assert (first.not_before, first.failures) == (END + timedelta(minutes=1), 1)
    third = next_wait(Previous(False, END, 2, {}), {}, config())
    assert (third.not_before, third.failures) == (END + timedelta(minutes=4), 3)
    assert "3 in a row" in third.reason


def test_a_minimum_time_between_retrains() -> None:
    wait = next_wait(Previous(True, END, 0, {"0": 1}), {"0": 2}, config(retrain_min_minutes=15))
    assert wait.not_before == END + timedelta(minutes=15)


def test_a_bookmark_that_did_not_move_is_a_failure() -> None:
    wait = next_wait(Previous(True, END, 1, {"0": 7}), {"0": 7}, config())
    assert (wait.not_before, wait.failures) == (END + timedelta(minutes=2), 2)
    assert next_wait(Previous(True, END, 1, {"0": 7}), {}, config()).not_before is None  # Kafka does not tell


@pytest.mark.parametrize("mark", [1, 1_000])
def test_the_event_says_what_it_was_for(mark: int) -> None:
    lag = Lag("t", (PartitionLag(0, 0, 10, 4), PartitionLag(1, 2, 5, None)))
    assert event(lag, mark) == {"lag": 9, "mark": mark, "bases": {"0": 4, "1": 2}, "ends": {"0": 10, "1": 5}}
