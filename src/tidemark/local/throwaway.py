"""A platform of one's own for the length of a block, which shares nothing with any other on this machine: for tests and
benchmarks."""

import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from tidemark.local import dotenv, ports, postgres, processes
from tidemark.settings import ROOT, Settings

PASSWORDS = (
    *("mongo_password", "mongo_root_password", "kafka_password", "airflow_password"),
    *("shop_secret", "shop_password"),
)


def addresses(state: Path) -> dict[str, Any]:
    """The settings that no two platforms may share, by name: the folder `state`, which is made, and free ports."""
    state.mkdir(parents=True, exist_ok=True)
    mongo, kafka, controller, airflow, shop, live = (ports.free_port() for _ in range(6))
    return {
        "state": state,
        "mongo_hosts": f"{ports.LOOPBACK}:{mongo}",
        "kafka_bootstrap": f"{ports.LOOPBACK}:{kafka}",
        "kafka_controller_port": controller,
        "airflow_port": airflow,
        "shop_port": shop,
        "shop_live_port": live,
    }


def own_settings(state: Path, **more: Any) -> Settings:
    """Settings with `addresses` and passwords of their own, for servers that are started one by one; `more` on top."""
    passwords = {name: SecretStr(f"{name}-{uuid.uuid4().hex}") for name in PASSWORDS}
    given: dict[str, Any] = {"_env_file": None, **addresses(state), **passwords, **more}
    return Settings(**given)


def environment(config: Settings, prefix: str = "") -> dict[str, str]:
    """The settings whose names start with `prefix` as environment variables, secrets as they are."""
    plain = {n: v.get_secret_value() if isinstance(v, SecretStr) else str(v) for n, v in config if n.startswith(prefix)}
    return {dotenv.variable(name): value for name, value in plain.items()}


def write_env_file(path: Path, state: Path, **more: Any) -> None:
    """Write the env file of a whole platform: `addresses` and `more`. Passwords it makes up itself when it first starts."""
    given = addresses(state) | more
    path.write_text("".join(f"{dotenv.variable(name)}={value}\n" for name, value in given.items()))


def settings_of(env_file: Path, state: Path) -> Settings:
    """The settings of the platform of `env_file` as they are now; another state folder of this process does not count."""
    given: dict[str, Any] = {"_env_file": env_file, "state": state}
    return Settings(**given)


def command(env_file: Path, *arguments: str, **options: Any) -> "subprocess.CompletedProcess[str]":
    """Run `tidemark <arguments>` on the platform of `env_file`, whatever settings this process has.

    Args:
        options: of `subprocess.run`.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TIDEMARK_")}
    own = {"TIDEMARK_ENV_FILE": str(env_file), "PYTHONPATH": str(ROOT / "src")}
    argv = [sys.executable, "-m", "tidemark.cli", *arguments]
    return subprocess.run(argv, env=kept | own, text=True, check=False, **options)


@contextmanager
def own_platform(*arguments: str, **more: Any) -> Iterator[Settings]:
    """`tidemark run <arguments>` with default settings but for `addresses` and `more`; gives the platform's settings.

    It goes with the block, with all its state, whatever becomes of it.

    Raises:
        subprocess.CalledProcessError: it did not start; the terminal has the reason.
    """
    folder = Path(tempfile.mkdtemp(prefix="tidemark-own-"))
    env_file, state = folder / "env", folder / "state"
    write_env_file(env_file, state, **more)
    try:
        command(env_file, "run", *arguments).check_returncode()
        yield settings_of(env_file, state)
    finally:
        command(env_file, "stop")
        processes.end(processes.of_platform(state))
        postgres.remove(settings_of(env_file, state))
        shutil.rmtree(folder, ignore_errors=True)
