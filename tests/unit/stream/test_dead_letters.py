"""Replays: what an erased user sent is not sent again."""

import base64
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from pydantic import SecretStr

from tidemark.settings import Settings
from tidemark.storage.tombstones import tombstone
from tidemark.stream.dead_letters import OF_ERASED, replay

CONFIG = Settings(_env_file=None, shop_secret=SecretStr("s"), kafka_password=SecretStr("never used"))


def database(values: list[bytes]) -> Any:
    letters = [
        {"_id": f"t-0-{n}", "topic": "t", "partition": 0, "offset": n, "time": datetime(2026, 1, 1, tzinfo=UTC),
         "value": base64.b64encode(value).decode()}
        for n, value in enumerate(values)
    ]  # fmt: skip
    return {
        "dead_letters": SimpleNamespace(find=lambda *_: SimpleNamespace(sort=lambda *_: letters)),
        "erased": SimpleNamespace(find=lambda *_: [{"_id": tombstone("anna", CONFIG)}]),
        "deleted_interactions": SimpleNamespace(find=lambda *_: []),
    }


def test_what_an_erased_user_sent_is_not_sent_again():
    done = replay(
        database([b"anna:i", b"ben:i", b'{"user_id": "anna", "item_id": "i"}', b"junk"]), CONFIG, dry_run=True
    )
    assert (done.read, done.sent, done.rest[OF_ERASED]) == (4, 1, 2)
