"""`.env`: the settings of this clone, passwords included; and `.env.example`, the list of all there are.

In a clone that cannot be written to, the file `env` in the folder that `TIDEMARK_STATE` names takes its place.
"""

import base64
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import SecretStr

from tidemark.errors import SettingError
from tidemark.local.layout import private_folder, write_private
from tidemark.settings import Settings, env_files, settings

HEADINGS = {
    "state": "Where things are kept",
    "mongo": "MongoDB",
    "kafka": "Kafka",
    "airflow": "Airflow",
    "oidc": "Sign-in to Airflow at an OpenID provider (docs/access.md); docker-compose.yaml alone reads these",
    "spark": "Spark",
    "retrain": "What a model learns from, and when",
    "event": "The stream",
    "alert": "People",
    "shop": "The storefront",
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
    "shop_secret": _password,
    "shop_password": _password,
}
"""The settings that `make run` makes up where nobody gave them."""


FIRST_LINE = "# Made by make run: the settings of this platform alone. .env.example lists all.\n"


def env_file() -> Path:
    """The file that holds the passwords that were made up, or is about to."""
    first, *below_state = env_files()
    use_other = bool(below_state) and (below_state[0].exists() or not _is_ours(first))
    return below_state[0] if use_other else first


def _is_ours(path: Path) -> bool:
    # A file is replaced, never written over: it is its folder that must be open to us.
    return os.access(path.parent, os.W_OK) and (os.access(path, os.R_OK) or not path.exists())


def variable(name: str) -> str:
    """The environment variable of the setting `name`."""
    return f"TIDEMARK_{name.upper()}"


def fill() -> list[str]:
    """Make up the passwords that are missing, add them to `env_file()` (mode 600), and read the settings anew.

    What is there already, comments included, stays as it is. Returns the names of the variables that were added.

    Raises:
        SettingError: the file cannot be written.
    """
    path, present = env_file(), settings()
    missing = {name: make for name, make in GENERATED.items() if not getattr(present, name).get_secret_value()}
    is_open = path.exists() and path.stat().st_mode & 0o077
    if not missing and not is_open:
        return []
    text = path.read_text() if path.exists() else FIRST_LINE
    text = text if text.endswith("\n") or not missing else text + "\n"
    text += "".join(f"{variable(name)}={make()}\n" for name, make in missing.items())
    try:
        if not path.parent.exists():
            private_folder(path.parent)
        write_private(path, text)
    except OSError as error:
        raise SettingError(
            f"The passwords that were made up cannot be kept in {path} ({error.strerror}). Set TIDEMARK_STATE to a folder of "
            "yours: they are kept there then"
        ) from None
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
