"""Who was erased: known by a secret, told to nobody, and never brought back by a process that lacks it."""

import pickle
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr

from tidemark.errors import SettingError
from tidemark.settings import Settings
from tidemark.storage import tombstones
from tidemark.storage.tombstones import NOBODY, Tombstones, tombstone


def with_secret(secret: str) -> Settings:
    return Settings(_env_file=None, shop_secret=SecretStr(secret))


CONFIG, OTHER, NONE = with_secret("s3cr3t"), with_secret("another"), with_secret("")


def database(*ids: str, deleted: Sequence[str] = ()) -> Any:
    """One that has these tombstones."""
    there = {"erased": ids, "deleted_interactions": deleted}
    return {name: SimpleNamespace(find=lambda *_, of=of: [{"_id": each} for each in of]) for name, of in there.items()}


def test_a_tombstone_names_nobody_and_is_the_same_in_every_process():
    assert tombstone("u", with_secret("s")) == "a39dbf09a0ab0967399aff34357b314fd2b82492517f45de8f6120a963b14a67"
    assert tombstone("u", CONFIG) != tombstone("u", OTHER)
    assert len(tombstone("\ud800", CONFIG)) == 64


def test_who_is_erased_is_known_and_nobody_else():
    gone = tombstones.read(database(tombstone("anna", CONFIG), tombstone("käthe/1", CONFIG)), CONFIG)
    assert gone.of(["ben", "anna", "Anna", "käthe/1", "anna "]) == ["anna", "käthe/1"]
    assert "anna" in gone
    assert None not in gone
    assert 1 not in gone


def test_spark_may_send_them_and_no_text_has_the_secret():
    gone = Tombstones(b"s3cr3t", frozenset([tombstone("anna", CONFIG)]))
    assert "anna" in pickle.loads(pickle.dumps(gone))  # noqa: S301 - its own
    assert "s3cr3t" not in repr(gone)


def test_where_nobody_is_erased_no_frame_is_looked_through():
    assert NOBODY.among(None) == []  # type: ignore[arg-type]
    assert not tombstones.read(database(), NONE)


def test_what_was_deleted_is_known_by_its_key_without_a_secret():
    gone = tombstones.read(database(deleted=["interactions-0-1"]), NONE)
    assert gone.interactions == {"interactions-0-1"}
    assert not gone, "nobody is erased"
    assert gone != tombstones.read(database(), NONE)


def test_a_process_without_the_secret_brings_nobody_back():
    with pytest.raises(SettingError, match="TIDEMARK_SHOP_SECRET"):
        tombstones.read(database(tombstone("anna", CONFIG)), NONE)
