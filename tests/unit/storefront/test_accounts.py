"""What may be an account: its email, its password, and the settings by which that is hashed."""

import pytest

from tidemark.errors import AccountError
from tidemark.storefront import accounts
from tidemark.storefront.accounts import Accounts, normalised


@pytest.mark.parametrize(
    ("email", "stored"),
    [
        (" Anna@Tidemark.EXAMPLE ", "anna@tidemark.example"),
        ("anna+shop@tidemark.example", "anna+shop@tidemark.example"),
        ("anna@xn--bcher-kva.example", "anna@bücher.example"),
    ],
)
def test_one_person_is_one_account_however_the_email_is_typed(email, stored):
    assert normalised(email) == stored


@pytest.mark.parametrize(
    "email", ["", "anna", "anna@", "@b.example", "a b@c.example", "a@b.example\n.x", "$ne", "a" * 300 + "@b.example"]
)
def test_what_is_no_email_is_none(email):
    with pytest.raises(AccountError, match="no email address"):
        normalised(email)


@pytest.mark.parametrize(
    ("password", "role", "user_id"),
    [
        ("short", "shopper", None),
        ("x" * 1_001, "shopper", None),
        ("half a \ud800 pair", "shopper", None),
        ("long enough", "owner", None),
        ("long enough", "shopper", "with space"),
        ("long enough", "shopper", "a:b"),
        ("long enough", "shopper", "a\n"),
        ("long enough", "shopper", "a" * 129),
    ],
)
def test_what_cannot_be_is_refused_before_any_server_is_asked(password, role, user_id):
    with pytest.raises(AccountError) as refused:
        Accounts(db=None).add("anna@tidemark.example", password, role, user_id)  # type: ignore[arg-type]
    assert password not in str(refused.value)


def test_passwords_are_hashed_as_owasp_says_and_not_dearer():
    hasher = accounts.HASHER
    assert (hasher.time_cost, hasher.memory_cost, hasher.parallelism) == (2, 19_456, 1)
    assert hasher.type.name == "ID"


def test_two_ways_to_type_a_letter_are_one_password():
    assert accounts._bytes("passwörd1") == accounts._bytes("passwo\u0308rd1")
    assert len(accounts.made_up()) >= 24
