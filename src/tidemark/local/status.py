"""What is running, where it is, and what it says."""

import subprocess
from collections.abc import Sequence

import psutil
from rich.table import Table

from tidemark.errors import PlatformError
from tidemark.local import airflow, dotenv, processes, shop_services
from tidemark.local.layout import log_file, state_folder
from tidemark.local.supervision import SERVICES, Supervisor
from tidemark.local.terminal import console, seconds
from tidemark.settings import Settings

MB = 1 << 20
COLOURS = {"RUNNING": "green", "STARTING": "yellow", "BACKOFF": "yellow", "STOPPED": "dim"}


def _address(config: Settings, service: str) -> str:
    return {
        "mongo": config.mongo_hosts,
        "kafka": config.kafka_bootstrap,
        "postgres": "Unix socket",
        "airflow-api-server": airflow.url(config),
        shop_services.STOREFRONT: shop_services.url(config),
        shop_services.LIVE: shop_services.live_url(config),
    }.get(service, "")


def status(config: Settings) -> bool:
    """Print a line for each service; True when all are running."""
    table = Table(title=f"Platform of {state_folder(config)}", title_justify="left", title_style="bold")
    for heading in ("service", "state", "pid", "uptime", "memory", "address"):
        table.add_column(heading, justify="right" if heading in ("pid", "uptime", "memory") else "left")
    services = Supervisor(config).services()
    total = 0
    for service in services:
        used = _memory(service.pid)
        total += used
        state = f"[{COLOURS.get(service.state, 'red')}]{service.state.lower()}[/]"
        running = (str(service.pid), seconds(service.uptime), f"{used / MB:.0f} MB") if service.pid else ("", "", "")
        table.add_row(service.name, state, *running, _address(config, service.name))
    console.print(table)
    console.print(f"  {total / MB:,.0f} MB in all")
    return all(service.state == "RUNNING" for service in services)


def _memory(pid: int) -> int:
    try:
        return processes.memory(psutil.Process(pid)) if pid else 0
    except psutil.Error:
        return 0


def addresses(config: Settings, accounts: Sequence[str] = ()) -> None:
    """Print where everything is, and where the passwords are.

    Args:
        accounts: email addresses of the demo accounts.
    """
    table = Table(show_header=False, box=None, pad_edge=True)
    shop = config.shop_address if config.shop_url else shop_services.url(config)
    table.add_row("Shop", shop, "password of all demo accounts: TIDEMARK_SHOP_PASSWORD")
    for email in accounts:
        table.add_row("", email)
    table.add_row("Live page", f"{shop}/live", "the tide, who is recommended what, clicks")
    table.add_row("API", f"{shop}/api/v1", "a key: .venv/bin/tidemark key add --help")
    table.add_row("Airflow", airflow.url(config), f"user {config.airflow_user}, TIDEMARK_AIRFLOW_PASSWORD")
    table.add_row("MongoDB", config.mongo_hosts, f"user {config.mongo_user}, TIDEMARK_MONGO_PASSWORD")
    table.add_row("Kafka", config.kafka_bootstrap, f"user {config.kafka_user}, TIDEMARK_KAFKA_PASSWORD")
    table.add_row("Passwords", str(dotenv.env_file()), "readable by you alone")
    console.print(table)
    console.print("  It goes on running: make status, make logs, make stop")


def logs(config: Settings, service: str, *, lines: int, follow: bool) -> None:
    """Print the last lines of one service's log, or of all.

    Raises:
        PlatformError: there is no such service, or it has not written anything.
    """
    names = [*SERVICES, "supervisord"]
    if service and service not in names:
        raise PlatformError(f"There is no service {service}. There are: {', '.join(names)}")
    files = [log_file(config, name) for name in ([service] if service else names)]
    present = [str(file) for file in files if file.exists()]
    if not present:
        raise PlatformError("There are no logs yet: make run")
    argv = ["tail", f"--lines={lines}", *(["--follow=name", "--retry"] if follow else []), "--", *present]
    subprocess.run(argv, check=False)
