"""Commands that let people and programs into the storefront: `tidemark account ...`, `tidemark key ...`.

A password is typed, read from standard input, or made up and shown once; it is never an argument, which every user of the
machine could read.
"""

import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tidemark.storefront.accounts import Accounts
    from tidemark.storefront.api_keys import ApiKeys

account = typer.Typer(help="Who may sign in to the storefront.", no_args_is_help=True)
key = typer.Typer(help="What programs may ask of the storefront's API.", no_args_is_help=True)

Email = Annotated[str, typer.Argument(help="the account's email address")]
MakeUp = Annotated[bool, typer.Option("--make-up", help="make a password up, and show it this once")]


@account.command("add")
def add_account(
    email: Email,
    role: Annotated[str, typer.Option(help="shopper, presenter (may shop as some others) or admin")] = "shopper",
    user: Annotated[str, typer.Option(help="user_id whose history it has; empty: a new user's")] = "",
    make_up: MakeUp = False,
) -> None:
    """Make an account. Its password is asked for, or read from standard input where that is no terminal."""
    accounts = _accounts()
    password = _password(make_up)
    made = accounts.add(email, password, role, user or None)
    typer.echo(f"{made.email} may sign in as {made.role}; its user is {made.user_id}")
    _show(password, make_up)


@account.command("list")
def list_accounts() -> None:
    """All accounts, by email."""
    rows = [(a.email, a.role, a.user_id, _when(a.created_at)) for a in _accounts().list()]
    _table(("email", "role", "user", "made"), rows, "No account yet: tidemark account add")


@account.command("password")
def change_password(email: Email, make_up: MakeUp = False) -> None:
    """Give an account another password; its browsers are signed out."""
    accounts = _accounts()
    password = _password(make_up)
    ended = accounts.change_password(email, password)
    typer.echo(f"The password is changed; sessions ended: {ended}")
    _show(password, make_up)


@account.command("remove")
def remove_account(email: Email) -> None:
    """Remove an account; its browsers are signed out. What its user did stays."""
    ended = _accounts().remove(email)
    typer.echo(f"The account is removed; sessions ended: {ended}")


@key.command("add")
def add_key(
    name: Annotated[str, typer.Argument(help="who is to have it, for what")],
    scope: Annotated[list[str] | None, typer.Option(help="read, write, admin; may be given several times")] = None,
    days: Annotated[float, typer.Option(min=0, help="days that it lasts; 0: until it is revoked")] = 0,
    rate: Annotated[int, typer.Option(min=0, help="requests a minute of each worker; 0: TIDEMARK_SHOP_RATE")] = 0,
) -> None:
    """Make an API key and show it this once: alone on standard output, so that a script can take it."""
    text, made = _keys().add(name, scope or ["read"], timedelta(days=days) if days else None, rate or None)
    until = f"until {_when(made.expires_at)}" if made.expires_at else "until it is revoked"
    typer.echo(f"Key {made.id} may {', '.join(sorted(made.scopes))}, {until}. It is not shown again:", err=True)
    typer.echo(text)


@key.command("list")
def list_keys() -> None:
    """All API keys, the newest first; their secrets are known to nobody here."""
    rows = [
        (
            k.id,
            k.name,
            " ".join(sorted(k.scopes)),
            f"{k.rate:,}/min",
            f"revoked {_when(k.revoked_at)}" if k.revoked_at else _when(k.expires_at) if k.expires_at else "-",
            _when(k.used_at) if k.used_at else "never",
        )
        for k in _keys().list()
    ]
    _table(("id", "name", "scopes", "rate", "until", "last used"), rows, "No key yet: tidemark key add")


@key.command("revoke")
def revoke_key(key_id: Annotated[str, typer.Argument(help="its id, as `tidemark key list` shows it")]) -> None:
    """Revoke an API key: it is refused everywhere within 10 s."""
    _keys().revoke(key_id)
    typer.echo(f"Key {key_id} is revoked")


def _accounts() -> "Accounts":
    from tidemark.storage import mongo
    from tidemark.storefront.accounts import Accounts

    return Accounts(mongo.connect())


def _keys() -> "ApiKeys":
    from tidemark.settings import settings
    from tidemark.storage import mongo
    from tidemark.storefront.api_keys import ApiKeys

    config = settings()
    return ApiKeys(mongo.connect(config), config.shop_rate)


def _password(make_up: bool) -> str:
    from tidemark.storefront.accounts import made_up

    if make_up:
        return made_up()
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")


def _show(password: str, make_up: bool) -> None:
    if make_up:
        typer.echo("Its password, which is not shown again:", err=True)
        typer.echo(password)


def _when(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else "-"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]], nothing: str) -> None:
    from rich.console import Console
    from rich.table import Table

    if not rows:
        typer.echo(nothing)
        return
    table = Table(*head, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    Console(width=None if sys.stdout.isatty() else 200, markup=False, highlight=False).print(table)
