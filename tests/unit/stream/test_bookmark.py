"""The arithmetic of lag and snapshots, worked by hand."""

import pytest

from tidemark.stream.bookmark import Lag, PartitionLag
from tidemark.stream.progress import Snapshot


@pytest.mark.parametrize(
    ("earliest", "end", "committed", "base", "lag"),
    [
        (0, 0, None, 0, 0),  # empty
        (0, 10, None, 0, 10),  # met for the first time: from the log's start
        (4, 10, None, 4, 6),
        (0, 10, 7, 7, 3),
        (0, 10, 10, 10, 0),
        (8, 10, 3, 8, 2),  # the bookmark's records expired: what is left counts
        (10, 10, 3, 10, 0),  # all expired
        (0, 5, 900, 0, 5),  # beyond the end: the topic was made anew, all of it is new
        (0, 10, 0, 0, 10),
    ],
)
def test_one_partition(earliest: int, end: int, committed: int | None, base: int, lag: int) -> None:
    partition = PartitionLag(0, earliest, end, committed)
    assert (partition.base, partition.lag) == (base, lag)


def test_a_topic_is_the_sum_of_its_partitions() -> None:
    lag = Lag("t", (PartitionLag(0, 0, 10, 4), PartitionLag(1, 2, 5, None), PartitionLag(2, 0, 7, 7)))
    assert lag.total == 6 + 3 + 0
    assert lag.bases == {0: 4, 1: 2, 2: 7}
    assert lag.ends == {0: 10, 1: 5, 2: 7}


def test_a_snapshot_goes_through_json() -> None:
    snapshot = Snapshot("my-topic", "id", 0, {0: 5, 1: 0}, unlearned=5, behind=0, waited=0.0)
    assert Snapshot.from_document(snapshot.document()) == snapshot
    assert set(snapshot.document()["next_offsets"]) == {"0", "1"}
