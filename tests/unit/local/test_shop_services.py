"""How the storefront's services are started: by options that their servers have, without a secret, with figures of their own."""

from pathlib import Path

import httpx
import pytest
from granian.cli import cli as granian
from pydantic import SecretStr
from uvicorn.main import main as uvicorn

from tests.support.own_settings import local_settings
from tidemark.local import shop_services
from tidemark.settings import Settings


@pytest.fixture
def config(tmp_path: Path) -> Settings:
    return local_settings(tmp_path).model_copy(update={"shop_workers": 3})


def test_each_server_has_the_options_that_it_is_given(config: Settings) -> None:
    _, *given = shop_services.arguments(config, "storefront")
    options = granian.make_context("granian", given).params
    assert (options["app"], str(options["interface"])) == ("tidemark.storefront.wsgi:app", "wsgi")
    assert (options["host"], options["port"]) == ("127.0.0.1", config.shop_port)
    assert (options["workers"], options["blocking_threads"], options["respawn_failed_workers"]) == (3, 3, True)
    assert options["workers_kill_timeout"] < 30, "the supervisor waits no longer"
    _, *given = shop_services.arguments(config, "live")
    options = uvicorn.make_context("uvicorn", given).params
    assert options["app"] == "tidemark.storefront.live:app"
    assert (options["host"], options["port"]) == ("127.0.0.1", config.shop_live_port)
    assert options["timeout_graceful_shutdown"] == 3
    assert not options["access_log"], "what people ask for is nobody's to read"


@pytest.mark.parametrize("name", shop_services.NAMES)
def test_no_secret_is_an_argument_or_in_the_environment_that_is_added(name: str, config: Settings) -> None:
    command = shop_services.command(config, name)
    shown = " ".join([*command.argv, *command.env.values()])
    for _, value in config:
        if isinstance(value, SecretStr) and value.get_secret_value():
            assert value.get_secret_value() not in shown


def test_figures_of_dead_workers_are_not_counted_again(config: Settings) -> None:
    folder = Path(shop_services.command(config, "storefront").env["PROMETHEUS_MULTIPROC_DIR"])
    assert folder.is_relative_to(config.state)
    (folder / "counter_1.db").write_bytes(b"old")
    assert "PROMETHEUS_MULTIPROC_DIR" not in shop_services.command(config, "live").env
    assert (folder / "counter_1.db").exists(), "another service's start is none of the storefront's"
    shop_services.command(config, "storefront")
    assert list(folder.iterdir()) == []


ALL = "0.0.0.0"  # noqa: S104 - what a person may set


@pytest.mark.parametrize(("host", "met_at"), [("127.0.0.1", "127.0.0.1"), (ALL, "127.0.0.1"), ("10.0.0.7", "10.0.0.7")])
def test_addresses_are_those_that_one_can_open(host: str, met_at: str, config: Settings) -> None:
    config = config.model_copy(update={"shop_host": host, "shop_port": 8090, "shop_live_port": 8091})
    assert shop_services.url(config) == f"http://{met_at}:8090"
    assert shop_services.live_url(config) == f"http://{met_at}:8091"
    assert host in shop_services.arguments(config, "storefront")


def test_who_does_not_answer_or_answers_badly_is_not_healthy(config: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shop_services.unhealthy(config) == ["storefront", "live"], "nothing listens"
    answers = {f"{shop_services.url(config)}/healthz": 200, f"{shop_services.live_url(config)}/live/healthz": 503}
    monkeypatch.setattr(httpx, "get", lambda address, **_: httpx.Response(answers[address]))
    assert shop_services.unhealthy(config) == ["live"]
