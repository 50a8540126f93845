"""Units of times: each is told by its values, what can be read in two ways asks."""

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemark.contracts.conformance import EARLIEST
from tidemark.errors import BadInputError
from tidemark.sources import time_units

MOMENTS = st.integers(EARLIEST, int(time.time()))


@given(
    seconds=st.lists(MOMENTS, min_size=1, max_size=20),
    unit=st.sampled_from(list(time_units.PER_SECOND)),
    text=st.booleans(),
)
def test_a_number_has_one_unit_by_which_it_is_a_time(seconds, unit, text):
    values = [moment * time_units.PER_SECOND[unit] for moment in seconds]
    given_ = [str(value) for value in values] if text else values
    assert time_units.find("f", given_) == unit
    assert [time_units.reader(unit)(value) for value in given_] == seconds


@given(
    seconds=MOMENTS,
    form=st.sampled_from(["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S UTC"]),
)
def test_iso_8601_without_a_zone_is_utc(seconds, form):
    value = datetime.fromtimestamp(seconds, UTC).strftime(form)
    assert time_units.find("f", [value]) == "iso"
    assert time_units.reader("iso")(value) == seconds


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("20200101", 1_577_836_800), ("2020-01-01", 1_577_836_800), ("2020-01-01T01:00:00+01:00", 1_577_836_800)],
)
def test_dates_and_zones(value, seconds):
    assert time_units.find("f", [value]) == "iso"
    assert time_units.reader("iso")(value) == seconds


@pytest.mark.parametrize("value", [1_260_759_144.9, "1260759144.9"])
def test_fractions_are_cut(value):
    assert time_units.find("f", [value]) == "s"
    assert time_units.reader("s")(value) == 1_260_759_144


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (["1260759144", "1260759144000"], "several units: milliseconds since 1970 .*seconds since 1970"),
        (["1260759144", "2020-01-01"], "several units"),
        (["1", "2", "3"], "`time_unit`"),
        (["03/04/2015 10:00"], "day and month cannot be told apart"),
        (["yesterday"], "'yesterday'"),
        ([True], "'True'"),
        ([float("nan")], "'nan'"),
        (["", None], "is empty"),
        ([], "is empty"),
    ],
)
def test_what_cannot_be_told_asks(values, says):
    with pytest.raises(BadInputError, match=says):
        time_units.find("the file", values)


def test_a_pattern_reads_what_a_person_knows():
    read = time_units.reader("%d/%m/%Y %H:%M")
    assert time_units.is_known("%d/%m/%Y %H:%M")
    assert read("03/04/2015 10:30") == int(datetime(2015, 4, 3, 10, 30, tzinfo=UTC).timestamp())
    assert read("2015-04-03") is None
    assert not time_units.is_known("fortnights")


@pytest.mark.parametrize("unit", [*time_units.PER_SECOND, "iso", "%Y"])
@pytest.mark.parametrize("value", ["", "x", None, [], {}, True, float("inf"), 10**400, "9" * 400, "-"])
def test_a_reader_never_raises(unit, value):
    found = time_units.reader(unit)(value)
    assert found is None or isinstance(found, int)
