"""How much memory the database takes of a machine."""

import pytest

from tidemark.local.mongo import SMALLEST_CACHE_GB, cache_gb
from tidemark.settings import Settings


@pytest.mark.parametrize(
    ("setting", "memory_gb", "cache"),
    [(0, 2, 0.5), (0, 8, 1.0), (0, 24, 3.0), (0, 256, 4), (0.7, 256, 0.7), (0.1, 8, 0.25)],
)
def test_as_it_is_set_or_a_share_of_the_memory(setting: float, memory_gb: float, cache: float) -> None:
    found = cache_gb(Settings(_env_file=None, mongo_cache_gb=setting), int(memory_gb * 1e9))
    assert found == cache >= SMALLEST_CACHE_GB
