"""A small application with signing in and protection, and a browser for it that sends what browsers send."""

from pathlib import Path
from typing import Any

from flask import Flask, request
from flask_wtf.csrf import generate_csrf
from pydantic import SecretStr
from pymongo.errors import ServerSelectionTimeoutError
from werkzeug.test import TestResponse

import tidemark.storefront
from tests.support.secrets_in_logs import keep
from tidemark.settings import Settings
from tidemark.storefront import login, protection, rendering, sign_in_routes
from tidemark.storefront.accounts import Accounts
from tidemark.storefront.sessions import Sessions
from tidemark.storefront.sign_ins import SignIns

PASSWORD = "correct horse battery"
keep(PASSWORD)
EMAIL = "anna@tidemark.example"


def application(config: Settings, accounts: Any, sessions: Any, sign_ins: Any) -> Flask:
    """An application whose routes answer as whom they were asked; one of them is of the API, which knows no cookie."""
    app = Flask(__name__, template_folder=str(Path(tidemark.storefront.__file__).parent / "templates"))
    config = config.model_copy(update={"shop_secret": SecretStr("a secret of the tests")})
    login.install(app, config, accounts, sessions, sign_ins)
    protection.protect(app, config)
    app.jinja_env.globals["asset"] = rendering.asset
    app.register_blueprint(sign_in_routes.blueprint)

    @app.get("/")
    def home() -> dict[str, Any]:
        person, known = login.current_user, login.current_session()
        shown = {name: getattr(person, name) for name in ("account", "role", "user_id", "acting", "own_user_id")}
        return shown | {"basket": known.basket if known else ()}

    @app.post("/basket")
    @login.login_required
    def basket() -> str:
        known = login.current_session()
        assert known is not None
        login.keep(sessions.put_in_basket(known, "item-1"))
        return "in"

    @app.get("/mine")
    @login.login_required
    def mine() -> str:
        return "mine"

    @app.get("/rules")
    @login.require_role("admin")
    def rules() -> str:
        return "rules"

    @app.post("/act-as/<user_id>")
    @login.require_role("presenter")
    def act_as(user_id: str) -> str:
        login.act_as(user_id)
        return str(login.current_user.user_id)

    @app.post("/api/v1/things")
    def things() -> dict[str, Any]:
        return {"account": login.current_user.account}

    @app.get("/token")
    def token() -> str:
        return str(generate_csrf())

    @app.post("/api/v1/read")
    def read() -> str:
        return str(len(request.get_data()))

    @app.get("/broken")
    def broken() -> str:
        raise RuntimeError("broken")

    return app


def on(db: Any, config: Settings) -> tuple[Flask, Accounts, Sessions]:
    """An application over `db`, as one worker has it."""
    accounts, sessions = Accounts(db, patience=30), Sessions(db, config.shop_session_hours)
    return application(config, accounts, sessions, SignIns(db)), accounts, sessions


class Away:
    """A MongoDB that does not answer, and says so at once."""

    def __getitem__(self, name: str) -> Any:
        """No collection can be asked."""
        raise ServerSelectionTimeoutError("away")


class Browser:
    """One browser: keeps its cookies, and sends forms from the pages it has loaded.

    Args:
        app: what it asks.
        address: where it is.
        tls: it asks by HTTPS, through a proxy.
    """

    def __init__(self, app: Flask, address: str = "192.0.2.1", *, tls: bool = False) -> None:
        self._client = app.test_client()
        self._environ = {"REMOTE_ADDR": "127.0.0.1" if tls else address}
        self._origin = "https://localhost" if tls else "http://localhost"
        proxy = {"X-Forwarded-For": address, "X-Forwarded-Proto": "https"}
        self._headers = {"User-Agent": "a browser", **(proxy if tls else {})}

    def get(self, path: str, **headers: str) -> TestResponse:
        """Open a page."""
        return self._client.get(
            path, headers=self._headers | headers, environ_overrides=self._environ, base_url=self._origin
        )

    def token(self) -> str:
        """The token that a form of this browser's has."""
        return self.get("/token").text

    def post(self, path: str, data: dict[str, str] | None = None, **headers: str) -> TestResponse:
        """Send a form from a page of the same origin."""
        return self._client.post(
            path,
            data=data or {},
            headers={**self._headers, "Origin": self._origin, **headers},
            environ_overrides=self._environ,
            base_url=self._origin,
        )

    def sign_in(self, email: str = EMAIL, password: str = PASSWORD, **more: str) -> TestResponse:
        """Fill the form in and send it."""
        return self.post("/sign-in", {"csrf_token": self.token(), "email": email, "password": password, **more})

    def cookie(self, name: str) -> str | None:
        """What a cookie bears."""
        kept = self._client.get_cookie(name)
        return kept.value if kept else None

    def has(self, name: str, value: str) -> None:
        """Put a cookie there, as whoever stole it would."""
        self._client.set_cookie(name, value)
