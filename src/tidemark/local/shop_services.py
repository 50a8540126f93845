"""The storefront on this machine: its three services, where they are, and whether they answer."""

import os
import shutil
import sys
from pathlib import Path

import httpx

from tidemark.local import processes
from tidemark.local.command import Command
from tidemark.local.layout import private_folder, state_folder
from tidemark.settings import ROOT, Settings

STOREFRONT, LIVE, ENGAGEMENT = "storefront", "live", "engagement"
NAMES = (STOREFRONT, LIVE, ENGAGEMENT)
"""Pages and API; server-sent events; what counts clicks against what was shown."""

GRANIAN = {
    "--interface": "wsgi",
    "--http": "1",  # nobody speaks HTTP/2 to it without a proxy that turns it into HTTP/1.1
    "--blocking-threads": "3",
    "--respawn-interval": "1",
    "--workers-kill-timeout": "10",  # below the 30 s that the supervisor grants
}
"""Options of the storefront's server, the same in `docker-compose.yaml`."""
ONE_THREAD = "1"
"""Threads that a worker multiplies matrices with: the workers have the cores already, and threads that wait for each other
there took thirty times as long for the scores of 25,000 items."""
GRANIAN_FLAGS = ("--respawn-failed-workers", "--no-ws")

UVICORN = {
    # Streams never end by themselves: without a limit neither would the server.
    "--timeout-graceful-shutdown": "3",
}
UVICORN_FLAGS = ("--no-access-log", "--no-proxy-headers", "--no-server-header")

HEALTH = {STOREFRONT: "/healthz", LIVE: "/live/healthz"}
"""What a service answers when it is at work, with or without a model."""


def url(config: Settings) -> str:
    """Where pages and API are, from this machine."""
    return f"http://{_reached(config)}:{config.shop_port}"


def live_url(config: Settings) -> str:
    """Where the live stream is, from this machine."""
    return f"http://{_reached(config)}:{config.shop_live_port}"


def _reached(config: Settings) -> str:
    """The address by which one meets what listens on `shop_host`: on all addresses is on the loopback too."""
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(config.shop_host, config.shop_host)  # noqa: S104


def metrics_folder(config: Settings) -> Path:
    """Where the workers of the storefront put their figures, so that any of them can tell those of all."""
    return state_folder(config) / "storefront-metrics"


def command(config: Settings, name: str) -> Command:
    """Make what the service `name` needs before it starts, and say how to start it. It reads the settings itself.

    The storefront's figures start anew with it: those of dead workers would be counted again.
    """
    environment = {
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
        # Granian writes a title over the environment of its processes; by that we know our own (processes.MARK).
        "SPT_NOENV": "1",
        "TIDEMARK_STATE": str(state_folder(config)),
        processes.SERVICE: name,
    }
    if name == STOREFRONT:
        shutil.rmtree(metrics_folder(config), ignore_errors=True)
        environment["PROMETHEUS_MULTIPROC_DIR"] = str(private_folder(metrics_folder(config)))
        environment["OPENBLAS_NUM_THREADS"] = ONE_THREAD
    return Command([sys.executable, "-m", *arguments(config, name)], environment)


def arguments(config: Settings, name: str) -> list[str]:
    """What comes after `python -m`; nothing secret is in it."""
    if name == STOREFRONT:
        options = GRANIAN | {"--port": str(config.shop_port), "--workers": str(config.shop_workers)}
        return ["granian", *_flat(options, config), *GRANIAN_FLAGS, "tidemark.storefront.wsgi:app"]
    if name == LIVE:
        options = UVICORN | {"--port": str(config.shop_live_port)}
        return ["uvicorn", *_flat(options, config), *UVICORN_FLAGS, "tidemark.storefront.live:app"]
    return ["tidemark.storefront.engagement_service"]


def _flat(options: dict[str, str], config: Settings) -> list[str]:
    return [word for pair in ({"--host": config.shop_host} | options).items() for word in pair]


def unhealthy(config: Settings) -> list[str]:
    """Those of `HEALTH` that do not answer yet."""
    return [
        name for name in HEALTH if not _answers(f"{(url if name == STOREFRONT else live_url)(config)}{HEALTH[name]}")
    ]


def _answers(address: str) -> bool:
    try:
        # No proxy that this machine is told to use can reach its loopback.
        return httpx.get(address, timeout=5, trust_env=False).is_success
    except httpx.HTTPError:
        return False
