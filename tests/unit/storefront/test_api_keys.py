"""API keys: which texts are some."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tidemark.storefront import api_keys
from tidemark.storefront.api_keys import ApiKeys, parsed

GOOD = "tm_0123456789ab_" + "A-_9" * 10 + "xyz"


def test_a_key_is_its_id_and_its_secret():
    assert parsed(GOOD) == ("0123456789ab", "A-_9" * 10 + "xyz")


@given(st.text() | st.from_regex(r"tm_[0-9a-f]{12}_[A-Za-z0-9_-]{43}") | st.binary().map(lambda b: b.decode("latin-1")))
@example(GOOD + "\n")
@example(GOOD.upper())
@example(GOOD.replace("0", "\u0660"))
@example("tm_" * 100_000)
def test_no_other_text_is_one(text):
    assert bool(parsed(text)) == bool(re.fullmatch(r"tm_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", text, re.ASCII))


def test_what_is_no_key_asks_no_server_and_is_not_hashed(monkeypatch):
    monkeypatch.setattr(api_keys, "_digest", lambda secret: pytest.fail("hashed"))
    keys = ApiKeys(db=None)  # type: ignore[arg-type]
    for text in ("", "tm_", GOOD + "x", "tm_" + "a" * 10_000_000, GOOD[:-1] + "\ud800", GOOD[:-1] + "\n"):
        assert keys.check(text) is None
