"""Who is signed in, by Flask-Login over the storefront's own sessions; signing in and out; who may do what.

    login.install(app, config, accounts, sessions, sign_ins)

makes `current_user` a `Person`, or a `Visitor` whose `is_authenticated` is False. There is no "remember me".
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast
from urllib.parse import urlsplit

import flask_login
from flask import Flask, abort, current_app, redirect, request, session, url_for
from flask_login import AnonymousUserMixin, LoginManager, UserMixin, current_user, login_required
from werkzeug.wrappers import Response

from tidemark.errors import AccountError, BusyError, TooManyAttemptsError, UnreachableError
from tidemark.settings import Settings
from tidemark.storefront import audit
from tidemark.storefront.accounts import Accounts, normalised
from tidemark.storefront.session_cookie import RequestSession, SessionCookies
from tidemark.storefront.sessions import Session, Sessions
from tidemark.storefront.sign_ins import SignIns

__all__ = [
    "Person",
    "Visitor",
    "act_as",
    "current_session",
    "current_user",
    "install",
    "keep",
    "local_path",
    "login_required",
    "require_role",
    "sign_in",
    "sign_out",
]

EXTENSION = "tidemark_login"
LONGEST_PATH = 2_000

Given = ParamSpec("Given")
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Person(UserMixin):
    """Who is signed in.

    Attributes:
        account: the `_id` of their account.
        email: the same: accounts go by it.
        role: `shopper`, `presenter` or `admin`.
        user_id: the user whose shop this is: their own, or the one as whom a presenter shops.
        acting: that user, where it is not their own; else None.
        own_user_id: their own.
    """

    account: str
    email: str
    role: str
    user_id: str
    acting: str | None
    own_user_id: str

    @classmethod
    def of(cls, known: Session) -> "Person":
        """Who signed in to a session."""
        return cls(known.account, known.account, known.role, known.acting or known.user_id, known.acting, known.user_id)

    def get_id(self) -> str:
        """As Flask-Login asks for it."""
        return self.account


class Visitor(AnonymousUserMixin):
    """Who is not signed in: has what a `Person` has, all of it None."""

    account = email = role = user_id = acting = own_user_id = None


@dataclass(frozen=True, slots=True)
class _Login:
    accounts: Accounts
    sessions: Sessions
    sign_ins: SignIns


def install(app: Flask, config: Settings, accounts: Accounts, sessions: Sessions, sign_ins: SignIns) -> None:
    """Give `app` its sessions and Flask-Login; the page to sign in at is `sign_in_routes`'s."""
    app.extensions[EXTENSION] = _Login(accounts, sessions, sign_ins)
    app.session_interface = SessionCookies(sessions, tls=config.shop_tls)
    manager = LoginManager(app)
    manager.session_protection = None  # the session's id is the proof; an address or a browser's name is none
    manager.anonymous_user = Visitor
    manager.user_loader(_person)
    manager.unauthorized_handler(_unauthorized)


def current_session() -> Session | None:
    """The session of this request: its basket, what is not for them, as whom they shop; None where nobody is signed in."""
    return _of_request().found


def keep(changed: Session) -> Session:
    """The session was changed by one of `Sessions`' ways: whoever answers the next request is to see it; returns it.

    login.keep(shop.sessions.put_in_basket(login.current_session(), item_id))
    """
    _of_request().changed(changed)
    return changed


def sign_in(email: str, password: str) -> Person | None:
    """Sign the browser of this request in, by a new session; None where email or password is wrong.

    Raises:
        TooManyAttemptsError: the password was not looked at.
        BusyError: nor here, for others' are being looked at.
        UnreachableError: MongoDB does not answer.
    """
    login, address = _login(), request.remote_addr or ""
    try:
        email = normalised(email)
    except AccountError:
        email = email.strip().lower()  # nobody's: refused below, as what is somebody's and wrong
    try:
        login.sign_ins.attempt(email, address)
    except TooManyAttemptsError:
        audit.note("sign_in_refused", account=email, address=address, why="too many attempts")
        raise
    try:
        account = login.accounts.check(email, password)
    except (BusyError, UnreachableError):
        login.sign_ins.not_looked_at(email, address)
        raise
    if account is None:
        audit.note("sign_in_refused", account=email, address=address, why="wrong email or password")
        return None
    login.sign_ins.succeeded(email, address)
    carried = _of_request()
    browser = request.headers.get("User-Agent", "")
    begun = login.sessions.begin(account.email, account.role, account.user_id, browser, instead_of=carried.cookie)
    carried.begun(*begun)
    person = Person.of(begun[1])
    flask_login.login_user(person)
    audit.note("sign_in", account=email, address=address, role=account.role)
    return person


def sign_out() -> None:
    """End the session of this request.

    Raises:
        UnreachableError: MongoDB does not answer; the session goes on.
    """
    carried = _of_request()
    _login().sessions.end(carried.cookie)
    audit.note("sign_out", account=current_user.account, address=request.remote_addr)
    flask_login.logout_user()
    carried.ended()


def act_as(user_id: str | None) -> Session:
    """Let the presenter of this request shop as `user_id`, or, by None, as themselves. Whether they may is the route's:
    `require_role("presenter")`, and which users there are to choose from.

    Raises:
        SignedOutError: the session has ended meanwhile.
        UnreachableError: MongoDB does not answer; nothing has changed.
    """
    known = current_session()
    if known is None or known.role != "presenter":
        abort(403)
    changed = _login().sessions.act_as(known, user_id)
    audit.note("act_as", account=known.account, address=request.remote_addr, user=user_id)
    flask_login.login_user(Person.of(changed))
    return keep(changed)


def require_role(*roles: str) -> Callable[[Callable[Given, Answer]], Callable[Given, Answer]]:
    """A route for who is signed in and has one of `roles`: others get the sign-in page (401 where no page was asked for), or
    403."""

    def guarded(route: Callable[Given, Answer]) -> Callable[Given, Answer]:
        @wraps(route)
        def answer(*args: Given.args, **kwargs: Given.kwargs) -> Answer:
            if not current_user.is_authenticated:
                return cast(Answer, current_app.login_manager.unauthorized())  # type: ignore[attr-defined]
            if current_user.role not in roles:
                abort(403)
            return route(*args, **kwargs)

        return answer

    return guarded


def local_path(wanted: str | None, otherwise: str = "/") -> str:
    """Where to go after signing in: `wanted` if it is a path of this very site, else `otherwise`.

    A browser takes `//host`, `/\\host` and both with control characters in between for another site; a path here has none of
    these.
    """
    if not wanted or len(wanted) > LONGEST_PATH or not wanted.startswith("/") or wanted.startswith("//"):
        return otherwise
    if not wanted.isascii() or "\\" in wanted or not wanted.isprintable():
        return otherwise  # a path with letters of other kinds comes percent-encoded
    parts = urlsplit(wanted)
    return otherwise if parts.scheme or parts.netloc else wanted


def _login() -> _Login:
    return cast(_Login, current_app.extensions[EXTENSION])


def _of_request() -> RequestSession:
    return cast(RequestSession, cast(Any, session)._get_current_object())


def _person(account: str) -> Person | None:
    known = current_session()
    return Person.of(known) if known and known.account == account else None


def _unauthorized() -> Response:
    if request.method not in ("GET", "HEAD") or "text/html" not in request.headers.get("Accept", "text/html"):
        abort(401)
    wanted = request.full_path.rstrip("?")
    return redirect(url_for("sign_in.page", next=local_path(wanted)), 303)
