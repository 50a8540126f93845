"""What a host remembers of who was erased."""

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr

from tidemark.errors import UnreachableError
from tidemark.serving.changes import Erased
from tidemark.serving.kept_tombstones import NAME, KeptTombstones
from tidemark.settings import Settings
from tidemark.storage.tombstones import tombstone

CONFIG = Settings(_env_file=None, shop_secret=SecretStr("s3cr3t"))


def erased(folder: Path, *users: str, away: bool = False) -> Erased:
    """As a worker has it that starts on this host, and has looked once."""
    config = CONFIG.model_copy(update={"shop_packs": str(folder)})

    def find(*_: Any) -> list[dict[str, Any]]:
        if away:
            raise UnreachableError("MongoDB is away")
        return [{"_id": tombstone(user, CONFIG), "erased_at": datetime(2026, 1, 1, tzinfo=UTC)} for user in users]

    made = Erased({"erased": SimpleNamespace(find=find)}, config)  # type: ignore[arg-type]
    if away:
        with pytest.raises(UnreachableError):
            made.look()
    else:
        made.look()
    return made


def test_who_starts_in_an_outage_knows_whom_any_worker_of_the_host_has_read(tmp_path: Path) -> None:
    folder = tmp_path / "packs"
    assert "anna" not in erased(folder, away=True)
    erased(folder, "anna")
    erased(folder, "ben")  # by a registry that was restored: nobody is forgotten
    later = erased(folder, away=True)
    assert ("anna" in later, "ben" in later, "cleo" in later, len(later)) == (True, True, False, 2)


def test_it_names_nobody_and_nobody_else_reads_it(tmp_path: Path) -> None:
    erased(tmp_path, "anna")
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600
    assert b"anna" not in (tmp_path / NAME).read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_a_file_that_is_forged_or_of_another_secret_is_not_believed(tmp_path: Path) -> None:
    kept = KeptTombstones(tmp_path, "s3cr3t")
    kept.keep({"a" * 64})
    assert kept.remembered() == {"a" * 64}
    assert KeptTombstones(tmp_path, "another").remembered() == frozenset()
    (tmp_path / NAME).write_bytes((tmp_path / NAME).read_bytes().replace(b"aaaa", b"bbbb"))
    assert kept.remembered() == frozenset()
    assert len(erased(tmp_path, away=True)) == 0


def test_it_is_written_where_somebody_new_was_erased(tmp_path: Path) -> None:
    kept = KeptTombstones(tmp_path, "s3cr3t")
    kept.keep({"a" * 64})
    before = (tmp_path / NAME).stat().st_ino
    kept.keep({"a" * 64})
    assert (tmp_path / NAME).stat().st_ino == before
    kept.keep({"b" * 64})
    assert kept.remembered() == {"a" * 64, "b" * 64}


def test_where_it_cannot_be_written_who_is_erased_is_known_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "packs").write_text("no folder")
    assert "anna" in erased(tmp_path / "packs", "anna")
    assert "cannot be remembered" in caplog.text
