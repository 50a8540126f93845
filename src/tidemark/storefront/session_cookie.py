"""The session that Flask gives a request: what the cookie leads to in MongoDB, read when it is first asked for.

Flask-Login finds there who is signed in, Flask-WTF the secret of the forms. Nothing else is kept in it: what a request puts
into it is gone with the request, and no cookie of Flask's own is ever set. Who is not signed in has a cookie for forms, so
that the sign-in form has its token too; nothing of theirs is stored.
"""

from collections import UserDict
from typing import Any

from flask import Flask, Request, Response
from flask.sessions import SessionInterface, SessionMixin
from werkzeug.exceptions import ServiceUnavailable

from tidemark.errors import UnreachableError
from tidemark.storefront.sessions import Session, Sessions, later

USER, CSRF = "_user_id", "csrf_token"
"""Where Flask-Login and Flask-WTF look."""

RETRY_AFTER = 5
"""Seconds, where MongoDB does not answer."""


def cookie_names(*, tls: bool) -> tuple[str, str]:
    """The names of the session's cookie and of the forms': behind TLS with the prefix by which browsers take them from this
    very host alone, with Secure and for all paths."""
    prefix = "__Host-" if tls else ""
    return f"{prefix}tidemark_session", f"{prefix}tidemark_form"


class RequestSession(UserDict[str, Any], SessionMixin):
    """Of one request.

    Args:
        sessions: where it is looked for.
        cookie: what the session's cookie bears; empty: there is none.
        form: what the forms' cookie bears; empty: there is none.

    Attributes:
        cookie: what it bears once this request is answered; empty: nobody is signed in.
        asked: whether anything in it was asked for, so that the answer depends on the cookies.
    """

    def __init__(self, sessions: Sessions, cookie: str, form: str) -> None:
        super().__init__()
        self.cookie, self.asked = cookie, False
        self._sessions, self._form = sessions, form
        self._found: Session | None = None
        self._looked = False

    @property
    def found(self) -> Session | None:
        """The session; None where nobody is signed in.

        Raises:
            ServiceUnavailable: MongoDB has to be asked and does not answer. Said once: the page that tells it has no session.
        """
        if not self._looked:
            self._looked = self.asked = True
            if self.cookie:
                try:
                    self._set(self._sessions.find(self.cookie))
                except UnreachableError:
                    raise ServiceUnavailable(
                        "who you are cannot be looked up just now", retry_after=RETRY_AFTER
                    ) from None
            if self._found is None and self._form:
                self.data[CSRF] = self._form
        return self._found

    def begun(self, cookie: str, session: Session) -> None:
        """Somebody has signed in."""
        self.cookie, self._looked = cookie, True
        self._set(session)

    def changed(self, session: Session) -> None:
        """The session is now `session`, which whoever answers the next request must see."""
        self.cookie = later(self.cookie, session)
        self._set(session)

    def ended(self) -> None:
        """Nobody is signed in any longer."""
        self.cookie, self._looked = "", True
        self.data.clear()
        self._set(None)

    def new_form(self) -> str:
        """What the forms' cookie has to bear from now on: the secret that a form of somebody who is not signed in was made
        with; empty where it bears that already, or there was no such form."""
        secret = "" if self._found else str(self.data.get(CSRF, ""))
        return "" if secret == self._form else secret

    def _set(self, session: Session | None) -> None:
        self._found = session
        if session:
            self.data[USER], self.data[CSRF] = session.account, session.csrf

    def __contains__(self, key: object) -> bool:
        """Whether there is `key`: for what depends on who is signed in, that is looked up."""
        if key in (USER, CSRF):
            _ = self.found
        return key in self.data

    def __getitem__(self, key: str) -> Any:
        """What is at `key`; likewise."""
        if key in (USER, CSRF):
            _ = self.found
        return self.data[key]


class SessionCookies(SessionInterface):
    """Which cookies a request's session comes from, and which an answer sets.

    Args:
        sessions: the storefront's.
        tls: a proxy speaks TLS for the storefront.
    """

    def __init__(self, sessions: Sessions, *, tls: bool) -> None:
        self._sessions = sessions
        self._name, self._form_name = cookie_names(tls=tls)
        self._attributes: dict[str, Any] = {"path": "/", "httponly": True, "secure": tls}

    def open_session(self, app: Flask, request: Request) -> RequestSession:
        """Nothing is looked up yet. A request with a key is the key's, whatever cookie a browser adds to it."""
        if "Authorization" in request.headers:
            return RequestSession(self._sessions, "", "")
        return RequestSession(
            self._sessions, request.cookies.get(self._name, ""), request.cookies.get(self._form_name, "")
        )

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Set the cookies that this request changed. None has an age: they end with the browser, and sooner on the server."""
        from flask import request

        assert isinstance(session, RequestSession)  # noqa: S101 -- opened above
        if session.asked:
            response.vary.add("Cookie")
        if "Authorization" in request.headers:
            return
        given = request.cookies.get(self._name, "")
        if session.cookie and session.cookie != given:
            response.set_cookie(self._name, session.cookie, samesite="Lax", **self._attributes)
        elif given and not session.cookie:
            response.delete_cookie(self._name, samesite="Lax", **self._attributes)
        if form := session.new_form():
            response.set_cookie(self._form_name, form, samesite="Strict", **self._attributes)
