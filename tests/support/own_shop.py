"""The real storefront of a test's own: Granian as the supervisor starts it, on a MongoDB and a Kafka that may be killed,
with a published model, accounts of each role and keys of each scope; and browsers that ask it."""

import os
import re
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.support.own_settings import local_settings
from tests.support.published import Published
from tests.support.secrets_in_logs import keep
from tests.support.waiting import eventually
from tidemark.local import kafka, mongo, processes, shop_services
from tidemark.local.command import Command
from tidemark.local.layout import log_file
from tidemark.local.throwaway import environment
from tidemark.settings import Settings
from tidemark.storage import mongo as stored
from tidemark.storefront.accounts import Accounts
from tidemark.storefront.api_keys import SCOPES, ApiKeys
from tidemark.stream.bookmark import Bookmark

PASSWORD, WRONG_PASSWORD = "a password of the tests", "another password of the tests"
keep(PASSWORD, WRONG_PASSWORD)
USERS = [f"u{number:02}" for number in range(300)]
GONE = "u300"
"""Who has a list too, and is erased by a test."""
PEOPLE = {"shopper": "u01", "presenter": "presenter", "admin": "admin"}
"""Role -> the user_id of the account `<role>@tidemark.example`."""

HTML = {"Accept": "text/html"}
_TOKEN = re.compile(r'name="csrf_token"[^>]* value="([^"]+)"')


@dataclass
class Service:
    """A process that is started, killed and started again; its output goes on in one log."""

    command: Callable[[], Command]
    is_up: Callable[[], object]
    log: Path
    process: psutil.Process | None = None

    def start(self, *, wait: bool = True) -> psutil.Process:
        """Start it, and wait until it is up."""
        with self.log.open("ab") as output:
            process = psutil.Process(self.command().start(output).pid)
        self.process = process
        if wait:
            eventually(lambda: self._answers(process), 60, lambda: self.log.read_text()[-3_000:])
        return process

    def _answers(self, process: psutil.Process) -> bool:
        assert process.is_running(), self.log.read_text()[-3_000:]
        return bool(self.is_up())

    def freeze(self) -> None:
        """Let it do nothing more, as a machine that hangs: it takes connections and answers none."""
        if self.process is not None:
            self.process.suspend()

    def thaw(self) -> None:
        """Let it go on."""
        if self.process is not None:
            self.process.resume()

    def kill(self) -> None:
        """End it and its children at once, as a lost machine does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self.process is None:
            return
        with suppress(psutil.NoSuchProcess):
            family = [self.process, *self.process.children(recursive=True)]
            self.process.send_signal(number)
            if number == signal.SIGTERM:
                psutil.wait_procs(family, timeout=15)
            processes.end([one for one in family if one.is_running()], patience=2 if number == signal.SIGTERM else 0)
        self.process = None


class Browser(httpx.Client):
    """A browser on the shop at `url`: keeps its cookies, follows no redirect, and sends forms with the token of the page that
    it has; no log may hold either."""

    def __init__(self, url: str) -> None:
        super().__init__(base_url=url, headers=HTML, trust_env=False, timeout=30)

    def token(self, path: str = "/sign-in") -> str:
        """The token of the forms on a page."""
        found = _TOKEN.search(self.get(path).text)
        assert found, f"no form on {path}"
        keep(found[1])
        return found[1]

    def submit(self, path: str, data: Mapping[str, str] | None = None, token: str | None = None) -> httpx.Response:
        """Send a form from a page of the shop's own; `token`: of the page that it was on."""
        form = {"csrf_token": self.token("/basket") if token is None else token} | dict(data or {})
        return self.post(path, data=form, headers={"Origin": str(self.base_url).rstrip("/")})

    def sign_in(self, role: str, password: str = PASSWORD) -> httpx.Response:
        """Sign in as the account of a role."""
        form = {"email": f"{role}@tidemark.example", "password": password}
        answer = self.submit("/sign-in", form, self.token())
        keep(*(cookie.partition(".")[0] for cookie in self.cookies.values()))
        return answer


@dataclass
class OwnShop:
    """All of it. `start` it within `own_shop`."""

    config: Settings
    models: Published = field(init=False)
    keys: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # One client: each makes a TLS context, 20 ms of CPU, and none of its connections stays.
        self._asking = httpx.Client(trust_env=False, timeout=30, limits=httpx.Limits(max_keepalive_connections=0))
        self.mongo = self._server("mongo", mongo)
        self.kafka = self._server("kafka", kafka)
        self.storefront = self.service(
            shop_services.STOREFRONT, lambda: len(self.workers()) == self.config.shop_workers
        )
        self.engagement = self.service(shop_services.ENGAGEMENT, lambda: True)
        self.live = self.service(shop_services.LIVE, lambda: "live" not in shop_services.unhealthy(self.config))

    @property
    def url(self) -> str:
        """Where it is."""
        return shop_services.url(self.config)

    def _server(self, name: str, module: Any) -> Service:
        return Service(
            lambda: module.command(self.config), lambda: module.is_up(self.config), Path(log_file(self.config, name))
        )

    def service(self, name: str, is_up: Callable[[], object]) -> Service:
        """A service of the storefront's, as the supervisor starts it."""

        def command() -> Command:
            made = shop_services.command(self.config, name)
            return replace(made, env=environment(self.config) | made.env)

        return Service(command, is_up, Path(log_file(self.config, name)))

    def start(self) -> None:
        """Start the servers, make what is to be there, and start the storefront."""
        self.kafka.start(wait=False)
        self.mongo.start(wait=False)
        mongo.provision(self.config)
        kafka.provision(self.config)
        self.db = stored.connect(self.config)
        for name in ("items", "erased", "sessions"):
            stored.ensure(self.db, name)
        accounts, keys = Accounts(self.db, patience=30), ApiKeys(self.db)
        for role, user_id in PEOPLE.items():
            accounts.add(f"{role}@tidemark.example", PASSWORD, role, user_id)
        self.keys = {scope: keys.add(f"of the tests, {scope}", [scope])[0] for scope in SCOPES}
        keep(*(key.split("_", 2)[2] for key in self.keys.values()))
        self.models = Published(self.db, self.config.state / "runs", [*USERS, GONE])
        self.models.publish(1, **self.here())
        self.storefront.start()
        self.every_worker()

    def here(self) -> dict[str, Any]:
        """What a model that is made now has learned from."""
        bookmark = Bookmark(self.config)
        return {"next_offsets": bookmark.ends(), "topic_id": bookmark.topic_id()}

    def workers(self) -> list[int]:
        """The processes that answer, once each has said that it does."""
        process = self.storefront.process
        if process is None or shop_services.STOREFRONT in shop_services.unhealthy(self.config):
            return []
        return sorted(child.pid for child in process.children())

    def every_worker(self) -> None:
        """Wait until each worker has a model and knows the keys: two dozen connections come to both of them."""

        def know() -> bool:
            asked = [self.ask(f"/api/v1/users/{USERS[-1]}/recommendations") for _ in range(24)]
            return all(answer.status_code == 200 and answer.json()["items"] for answer in asked)

        eventually(know, 60, lambda: self.storefront.log.read_text()[-3_000:])

    def ask(self, path: str, scope: str = "read", **more: Any) -> httpx.Response:
        """What the API answers, over a connection of its own: any worker may take it."""
        return self._asking.request(more.pop("method", "GET"), f"{self.url}{path}", headers=self.bearer(scope), **more)

    def bearer(self, scope: str = "read") -> dict[str, str]:
        """The header with the key of a scope."""
        return {"Authorization": f"Bearer {self.keys[scope]}"}

    def browser(self, role: str | None = None) -> Browser:
        """A browser; of who has the role, signed in."""
        browser = Browser(self.url)
        if role is not None:
            assert browser.sign_in(role).status_code == 303
        return browser

    def client(self, scope: str = "read") -> httpx.Client:
        """A program that has the key of a scope, on a connection that stays."""
        return httpx.Client(base_url=self.url, headers=self.bearer(scope), trust_env=False, timeout=30)

    def close(self) -> None:
        """End all of it."""
        self._asking.close()
        for service in (self.live, self.engagement, self.storefront):
            service.stop()
        for service in (self.kafka, self.mongo):
            service.kill()


@contextmanager
def own_shop(folder: Path, **settings: Any) -> Iterator[OwnShop]:
    """A shop for the length of a block, its state below `folder`."""
    shop = OwnShop(local_settings(folder).model_copy(update=settings))
    try:
        shop.start()
        yield shop
    finally:
        shop.close()


def kill(process: int) -> None:
    """Kill one process, whoever's child it is."""
    os.kill(process, signal.SIGKILL)
