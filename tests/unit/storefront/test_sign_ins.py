"""What is counted together: by account, never in clear, and by address, a subscriber's whole network."""

import pytest

from tidemark.storefront import sign_ins


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.7", "address:192.0.2.7"),
        ("::ffff:192.0.2.7", "address:192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "address:2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "address:2001:db8:1:2::/64"),
        ("", "address:unknown"),
        ("x" * 1_000, "address:unknown"),
    ],
)
def test_addresses(address, key):
    assert sign_ins._of_address(address) == key


def test_an_account_is_counted_without_being_named():
    key = sign_ins._of_account("anna@tidemark.example")
    assert "anna" not in key
    assert len(key) <= 100
    assert key != sign_ins._of_account("anne@tidemark.example")
    assert sign_ins._of_account("\ud800")
