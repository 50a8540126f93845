"""Recommendation ids: what is signed is read, by whom it was made for, for a week; anything else is nothing."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidemark.errors import SettingError
from tidemark.storefront.recommendation_ids import LIFETIME, LONGEST, Shown, Signer

NOW = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
SIGNER = Signer("a secret")
MODEL = "20260102T000000-0a0a0a0a"
MADE = SIGNER.sign(MODEL, "champion", "for-you", "u1", NOW)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@given(texts, texts, texts, st.none() | texts)
def test_what_was_signed_is_read(model, arm, placement, user):
    made = SIGNER.sign(model, arm, placement, user, NOW)
    assert SIGNER.read(made, user, NOW) == Shown(model, arm, placement, NOW)
    assert set(made) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_it_is_short_and_the_longest_is_read():
    assert len(MADE) <= 100
    longest = SIGNER.sign("m" * 255, "a" * 255, "p" * 255, "u", NOW)
    assert len(longest) <= LONGEST
    assert SIGNER.read(longest, "u", NOW) is not None
    with pytest.raises(ValueError, match="255 bytes"):
        SIGNER.sign("é" * 128, "", "", "u", NOW)


def test_two_are_never_the_same():
    assert len({SIGNER.sign(MODEL, "", "for-you", "u1", NOW) for _ in range(100)}) == 100


def test_nobody_else_is_in_it():
    """Neither the user's id nor anything that two ids of one user share, but for what both say openly."""
    assert b"u1" not in urlsafe_b64decode(MADE + "=" * (-len(MADE) % 4))
    other = SIGNER.sign(MODEL, "champion", "for-you", "u1", NOW)
    assert other[-21:] != MADE[-21:]


@pytest.mark.parametrize("user", ["u2", "u", "", None, "u1 ", "\ud800"])
def test_another_user(user):
    assert SIGNER.read(MADE, user, NOW) is None


def test_nobody_and_the_empty_name_are_two():
    made = SIGNER.sign(MODEL, "", "", None, NOW)
    assert SIGNER.read(made, None, NOW) is not None
    assert SIGNER.read(made, "", NOW) is None


@pytest.mark.parametrize(
    ("later", "good"),
    [
        (timedelta(0), True),
        (LIFETIME, True),
        (LIFETIME + timedelta(milliseconds=1), False),
        (-timedelta(hours=1), True),  # another worker's clock
        (-timedelta(days=2), False),
    ],
)
def test_a_week(later, good):
    assert (SIGNER.read(MADE, "u1", NOW + later) is not None) is good


def test_another_secret_and_none():
    assert Signer("another").read(MADE, "u1", NOW) is None
    assert Signer("a secret").read(MADE, "u1", NOW) is not None
    with pytest.raises(SettingError, match="TIDEMARK_SHOP_SECRET"):
        Signer("")


def test_every_byte_counts():
    data = bytearray(urlsafe_b64decode(MADE + "=" * (-len(MADE) % 4)))
    for at in range(len(data)):
        for flipped in (1, 128):
            data[at] ^= flipped
            assert SIGNER.read(urlsafe_b64encode(data).rstrip(b"=").decode(), "u1", NOW) is None
            data[at] ^= flipped


@settings(max_examples=25, deadline=None)
@given(texts, st.none() | texts)
def test_the_signature_is_hmac(secret, user):
    made = Signer(secret or "s").sign("m", "arm", "p", user, NOW)
    raw = urlsafe_b64decode(made + "=" * (-len(made) % 4))
    body, tag = raw[:-16], raw[-16:]
    key = hmac.digest((secret or "s").encode(), b"tidemark recommendation id", "sha256")
    told = len(body).to_bytes(4, "big") + body + (b"" if user is None else b"u" + user.encode())
    assert tag == hmac.digest(key, told, "sha256")[:16]


def test_one_id_is_one_text():
    """Else one that was shown could be counted under many names."""
    short = next(made for arm in ("", "a", "aa") if len(made := SIGNER.sign(MODEL, arm, "", "u1", NOW)) % 4)
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    readable = [c for c in last if SIGNER.read(short[:-1] + c, "u1", NOW)]
    assert readable == [short[-1]]
    for other in (
        short + "=",
        short + "==",
        short + "\n",
        " " + short,
        short.replace("-", "+").replace("_", "/") + "=",
    ):
        assert SIGNER.read(other, "u1", NOW) is None


def test_parts_do_not_run_together():
    """A boundary that moves makes another id: `ab` and `c` is not `a` and `bc`."""
    made = SIGNER.sign("ab", "c", "", "u1", NOW)
    assert SIGNER.read(made, "u1", NOW).model_id == "ab"
    with_user = SIGNER.sign("m", "", "p", "xu1", NOW)
    assert SIGNER.read(with_user, "u1", NOW) is None


@given(st.text(max_size=200) | st.text("AEIMQUYcgkosw048-_=", max_size=200) | st.just("A" * 5000))
def test_any_text_is_read_without_an_error(text):
    assert SIGNER.read(text, "u1", NOW) is None
