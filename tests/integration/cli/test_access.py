"""The commands that make accounts and keys: no secret is an argument, each is shown once or never."""

from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from tests.support.signed_in import EMAIL, PASSWORD
from tidemark.cli import main
from tidemark.errors import AccountError
from tidemark.settings import Settings, settings
from tidemark.storage import mongo
from tidemark.storage.tombstones import tombstone
from tidemark.storefront.accounts import Accounts
from tidemark.storefront.api_keys import ApiKeys


def run(*args: str, typed: str = ""):
    """What a command has answered: whatever went wrong is raised, as `main` gets it."""
    return CliRunner().invoke(main.app, args, input=typed, catch_exceptions=False)


def test_an_account_from_its_making_to_its_end(mongo_db: Settings):
    accounts = Accounts(mongo.connect(mongo_db))
    assert "No account yet" in run("account", "list").output
    made = run("account", "add", "Anna@Tidemark.example", "--role", "presenter", "--user", "u1", typed=f"{PASSWORD}\n")
    assert made.output == f"{EMAIL} may sign in as presenter; its user is u1\n"
    assert accounts.check(EMAIL, PASSWORD).role == "presenter"
    listed = run("account", "list").output
    assert EMAIL in listed
    assert "presenter" in listed
    changed = run("account", "password", EMAIL, "--make-up")
    new = changed.stdout.splitlines()[-1]
    assert accounts.check(EMAIL, new)
    assert run("account", "remove", EMAIL).output == "The account is removed; sessions ended: 0\n"
    assert accounts.list() == []


def test_a_key_from_its_making_to_its_end(mongo_db: Settings):
    keys = ApiKeys(mongo.connect(mongo_db))
    assert "No key yet" in run("key", "list").output
    made = run("key", "add", "the newsletter", "--scope", "read", "--scope", "write", "--days", "30", "--rate", "60")
    text = made.stdout.strip()
    key = keys.check(text)
    assert (key.name, key.scopes, key.rate) == ("the newsletter", {"read", "write"}, 60)
    assert "not shown again" in made.stderr
    listed = run("key", "list").output
    assert key.id in listed
    assert text not in listed
    run("key", "revoke", key.id)
    assert "revoked" in run("key", "list").output
    assert keys._db["api_keys"].find_one()["revoked_at"]
    keys.close()


@pytest.mark.parametrize(
    ("args", "typed", "why"),
    [
        (["account", "add", "nobody"], PASSWORD, "no email address"),
        (["account", "add", EMAIL], "short", "8 to 1,000 characters"),
        (["account", "add", EMAIL], "", "8 to 1,000 characters"),
        (["account", "add", EMAIL, "--role", "owner"], PASSWORD, "no role"),
        (["account", "password", EMAIL], PASSWORD, "not there"),
        (["account", "remove", EMAIL], "", "not there"),
        (["key", "add", "a", "--scope", "root"], "", "at least one scope"),
        (["key", "revoke", "nothing"], "", "no such key"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence(mongo_db: Settings, args, typed, why):
    with pytest.raises(AccountError, match=why):
        run(*args, typed=typed + "\n")


def test_no_command_takes_a_password_as_an_argument():
    for command in ("add", "password"):
        assert "--password" not in run("account", command, "--help").output
        assert run("account", command, EMAIL, PASSWORD).exit_code == 2


def test_nobody_gets_an_account_of_a_user_who_was_erased(mongo_db: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TIDEMARK_SHOP_SECRET", "a secret of the tests")
    settings.cache_clear()
    db = mongo.connect(mongo_db)
    db["erased"].insert_one({"_id": tombstone("u1", settings()), "erased_at": datetime.now(UTC)})
    with pytest.raises(AccountError, match="u1 was erased, and nobody can come back under that id"):
        run("account", "add", EMAIL, "--user", "u1", typed=f"{PASSWORD}\n")
    assert db["accounts"].count_documents({}) == 0
    run("account", "add", EMAIL, "--user", "u2", typed=f"{PASSWORD}\n")
