"""A stream of the test's own, on the servers that all share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ingest_stream import Stream, own_stream
from tidemark.settings import Settings


@pytest.fixture
def stream(
    mongo_db: Settings, kafka_env: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stream]:
    """Its ingest ends with the test."""
    stream = own_stream(tmp_path, monkeypatch)
    yield stream
    stream.service.stop()
