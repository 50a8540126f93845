"""`.env`: the settings of this clone, passwords included; and `.env.example`, the list of all there are."""

import base64
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import SecretStr

from tidemark.local.layout import write_private
from tidemark.settings import ROOT, Settings, settings

HEADINGS = {
    "state": "Where things are kept",
    "mongo": "MongoDB",
    "kafka": "Kafka",
    "airflow": "Airflow",
    "spark": "Spark",
    "retrain": "What a model learns from, and when",
    "event": "The stream",
    "alert": "People",
    "lineage": "Lineage",
    "cluster": "docker-compose.yaml alone reads these; give each a value of your own there",
}
"""What each group of settings is called; a group starts with the first setting of that first word."""


def _password() -> str:
    return secrets.token_urlsafe(24)


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


GENERATED: Mapping[str, Callable[[], str]] = {
    "mongo_password": _password,
    "mongo_root_password": _password,
    "kafka_password": _password,
    "airflow_password": _password,
    "airflow_fernet_key": _fernet_key,
    "airflow_jwt_secret": _password,
    "airflow_secret_key": _password,
}
"""The settings that `make run` makes up where nobody gave them."""


def env_file() -> Path:
    """The file that `tidemark.settings` reads."""
    return Path(os.environ.get("TIDEMARK_ENV_FILE") or ROOT / ".env").absolute()


def variable(name: str) -> str:
    """The environment variable of the setting `name`."""
    return f"TIDEMARK_{name.upper()}"


def fill() -> list[str]:
    """Make up the passwords that are missing, add them to `.env` (mode 600), and read the settings anew.

    What is there already, comments included, stays as it is. Returns the names of the variables that were added.
    """
    path, present = env_file(), settings()
    missing = {name: make for name, make in GENERATED.items() if not getattr(present, name).get_secret_value()}
    text = (
        path.read_text()
        if path.exists()
        else "# Made by make run: this clone's own settings. .env.example lists all.\n"
    )
    if missing:
        text = text if text.endswith("\n") else text + "\n"
        text += "".join(f"{variable(name)}={make()}\n" for name, make in missing.items())
    if missing or path.stat().st_mode & 0o077:
        write_private(path, text)
        settings.cache_clear()
    return [variable(name) for name in missing]


def example() -> str:
    """The text of `.env.example`: every setting with its meaning and default."""
    lines = [
        "# Every setting of Tidemark with its default. Put those that you change into .env, or into the environment,",
        "# which wins. Passwords left empty are made up by make run and kept in .env, which only you can read.",
    ]
    for name, field in Settings.model_fields.items():
        first = name.split("_")[0]
        if first in HEADINGS and f"# --- {HEADINGS[first]}" not in lines:
            lines += ["", f"# --- {HEADINGS[first]}"]
        lines += ["", f"# {field.description}{' (made up by make run)' if name in GENERATED else ''}"]
        lines += [f"{variable(name)}={_plain(field.default)}"]
    return "\n".join(lines) + "\n"


def _plain(default: object) -> str:
    if isinstance(default, SecretStr):
        return default.get_secret_value()
    if isinstance(default, Path):
        return ""  # a folder of the clone: the same on no two machines
    return str(default).lower() if isinstance(default, bool) else str(default)
