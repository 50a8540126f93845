"""What a host remembers of deleted interactions."""

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tidemark.errors import UnreachableError
from tidemark.serving.deletions import Deletions
from tidemark.serving.kept_deletions import NAME, KeptDeletions

AT = datetime(2026, 1, 1, tzinfo=UTC)


def deleted(folder: Path, *keys: str, away: bool = False) -> Deletions:
    """As a worker has them that starts on this host, and has looked once."""

    def find(*_: Any) -> list[dict[str, Any]]:
        if away:
            raise UnreachableError("MongoDB is away")
        return [{"_id": key, "user_id": "anna", "deleted_at": AT} for key in keys]

    made = Deletions({"deleted_interactions": SimpleNamespace(find=find)}, KeptDeletions(folder, "s3cr3t"))  # type: ignore[arg-type]
    if away:
        with pytest.raises(UnreachableError):
            made.look()
    else:
        made.look()
    return made


def test_who_starts_in_an_outage_knows_what_any_worker_of_the_host_has_read(tmp_path: Path) -> None:
    folder = tmp_path / "packs"
    assert len(deleted(folder, away=True)) == 0
    before = deleted(folder, "t-0-0")
    deleted(folder, "t-0-1")
    later = deleted(folder, away=True)
    assert ("t-0-0" in later, "t-0-1" in later, "t-0-2" in later, len(later)) == (True, True, False, 2)
    assert before.version("anna", AT) != later.version("anna", AT) != 0
    assert deleted(folder, "t-0-0", "t-0-1").version("anna", AT) == later.version("anna", AT)


def test_nobody_else_reads_it_and_what_is_forged_is_not_believed(tmp_path: Path) -> None:
    deleted(tmp_path, "t-0-0")
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600
    assert KeptDeletions(tmp_path, "another").remembered() == []
    (tmp_path / NAME).write_bytes((tmp_path / NAME).read_bytes().replace(b"anna", b"cleo"))
    assert len(deleted(tmp_path, away=True)) == 0


def test_it_is_written_where_something_new_was_deleted(tmp_path: Path) -> None:
    deleted(tmp_path, "t-0-0")
    before = (tmp_path / NAME).stat().st_ino
    deleted(tmp_path, "t-0-0")
    assert (tmp_path / NAME).stat().st_ino == before


def test_who_is_erased_is_named_nowhere_any_more(tmp_path: Path) -> None:
    KeptDeletions(tmp_path, "s3cr3t").keep([{"_id": "t-0-9", "user_id": "ben", "deleted_at": AT}])
    known = deleted(tmp_path, "t-0-0")
    known.forget({"anna"})
    assert "t-0-0" in known  # a message of Kafka that is never to be taken up again
    assert (known.version("anna", AT), known.version("ben", AT) != 0) == (0, True)
    assert [one.user_id for one in known.after(0)] == ["ben", ""]
    assert [one["user_id"] for one in KeptDeletions(tmp_path, "s3cr3t").remembered()] == ["ben"]
    assert b"anna" not in (tmp_path / NAME).read_bytes()


def test_where_it_cannot_be_written_what_is_deleted_is_known_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "packs").write_text("no folder")
    assert "t-0-0" in deleted(tmp_path / "packs", "t-0-0")
    assert "cannot be remembered" in caplog.text
