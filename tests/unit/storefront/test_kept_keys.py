"""What a host remembers of the API keys."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tidemark.errors import UnreachableError
from tidemark.storefront import api_keys, kept_keys
from tidemark.storefront.api_keys import ApiKeys
from tidemark.storefront.kept_keys import NAME, KeptKeys

NOW = datetime(2026, 11, 24, 10, 15, tzinfo=UTC)
SECRET = "A" * 43
DOCUMENT: dict[str, object] = {
    "_id": "0123456789ab",
    "name": "the newsletter",
    "secret": api_keys._digest(SECRET).hex(),
    "scopes": ["read"],
    "rate": None,
    "created_at": NOW,
    "expires_at": NOW + timedelta(days=36_500),
    "used_at": NOW,
    "revoked_at": None,
}
KEY = f"tm_{DOCUMENT['_id']}_{SECRET}"


class Db:
    """A database that has `documents`, or is away where they are None."""

    def __init__(self, documents: list[dict[str, object]] | None) -> None:
        self.documents = documents

    def __getitem__(self, _name: str) -> "Db":
        return self

    def find(self) -> list[dict[str, object]]:
        if self.documents is None:
            raise UnreachableError("MongoDB does not answer")
        return self.documents

    def bulk_write(self, *_: object, **__: object) -> None:
        """Uses are of no interest here."""


def keys(folder: Path, documents: list[dict[str, object]] | None, signed_by: str = "a word") -> ApiKeys:
    return ApiKeys(Db(documents), kept=KeptKeys(folder, signed_by))  # type: ignore[arg-type]


def test_who_starts_in_an_outage_knows_the_keys_that_others_of_the_host_have_read(tmp_path: Path) -> None:
    folder = tmp_path / "packs"
    before, after = keys(folder, [DOCUMENT]), keys(folder, None)
    assert before.check(KEY)
    known = after.check(KEY)
    assert known is not None
    assert (known.scopes, known.expires_at) == ({"read"}, DOCUMENT["expires_at"])
    assert after.check(KEY[:-1] + "B") is None
    for one in (before, after):
        one.close()


def test_nothing_that_is_a_key_is_in_the_file_and_nobody_else_reads_it(tmp_path: Path) -> None:
    KeptKeys(tmp_path, "a word").keep([DOCUMENT])
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600
    assert SECRET.encode() not in (tmp_path / NAME).read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_a_file_of_another_secret_a_forged_or_an_old_one_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = KeptKeys(tmp_path, "a word")
    assert kept.remembered() is None
    kept.keep([DOCUMENT])
    assert kept.remembered() == [DOCUMENT | {"used_at": None}]
    assert KeptKeys(tmp_path, "another").remembered() is None
    monkeypatch.setattr(kept_keys, "BELIEVED_FOR", -1)
    assert kept.remembered() is None
    monkeypatch.undo()
    (tmp_path / NAME).write_bytes((tmp_path / NAME).read_bytes().replace(b"read", b"admn"))
    assert kept.remembered() is None
    here = keys(tmp_path, None)
    with pytest.raises(UnreachableError):
        here.check(KEY)
    here.close()


def test_a_revoked_key_is_remembered_as_revoked(tmp_path: Path) -> None:
    kept = KeptKeys(tmp_path, "a word")
    kept.keep([DOCUMENT])
    kept.keep([DOCUMENT | {"revoked_at": NOW}])
    here = keys(tmp_path, None)
    assert here.check(KEY) is None
    here.close()


def test_it_is_written_where_something_changed_and_now_and_then(tmp_path: Path) -> None:
    now = [0.0]
    kept = KeptKeys(tmp_path, "a word", clock=lambda: now[0])
    kept.keep([DOCUMENT])
    (tmp_path / NAME).unlink()
    kept.keep([DOCUMENT | {"used_at": NOW + timedelta(minutes=1)}])
    assert not (tmp_path / NAME).exists(), "a use is no change"
    now[0] = kept_keys.WRITTEN_EVERY
    kept.keep([DOCUMENT])
    assert (tmp_path / NAME).exists()


def test_where_it_cannot_be_written_the_keys_are_good_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "packs").write_text("no folder")
    here = keys(tmp_path / "packs", [DOCUMENT])
    assert here.check(KEY)
    assert "cannot be remembered" in caplog.text
    here.close()
