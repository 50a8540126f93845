"""What is secret stands in no log: the tests say what is, and at the end of the session every log below its folders is searched.

Whoever makes a password, a key or a session known to a server says so by `keep`; settings of a platform of its own do by
themselves (`own_settings.local_settings`). `tests/conftest.py` searches when all servers have ended.
"""

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest
from pydantic import SecretStr

from tidemark.settings import Settings

SHORTEST = 8
"""Characters of a secret: what is shorter stands in a log by chance."""
LOGS = ("*.log", "*.log.[0-9]*", "stdout", "stderr")
SEGMENTS = "0*.log"
"""What Kafka calls its data."""

_KEPT: set[str] = set()


def keep(*secrets: str) -> None:
    """None of these may stand in a log of this session."""
    _KEPT.update(secret for secret in secrets if len(secret) >= SHORTEST)


def keep_all_of(config: Settings) -> Settings:
    """Nor any password of these settings; gives them."""
    keep(*(value.get_secret_value() for _, value in config if isinstance(value, SecretStr)))
    return config


def search(folders: Iterable[Path], secrets: Iterable[str]) -> list[str]:
    """Where a log below one of the folders holds one of the secrets: `file:line: what it begins with`.

    By grep, which looks for thousands of texts at once.
    """
    chosen = [f"--include={name}" for name in LOGS] + [f"--exclude={SEGMENTS}"]
    argv = ["grep", "-ranoHFZ", *chosen, "-f", "-", "--", *map(str, folders)]
    patterns = "\n".join(sorted(secrets))
    if not patterns:
        return []
    done = subprocess.run(
        argv, input=patterns.encode(), capture_output=True, check=False, env=os.environ | {"LC_ALL": "C"}
    )
    if done.returncode > 1:
        raise RuntimeError(f"the logs could not be searched: {done.stderr.decode(errors='replace')}")
    said = []
    for line in done.stdout.decode(errors="replace").splitlines():
        path, _, place = line.partition("\0")
        number, _, secret = place.partition(":")
        said.append(f"{path}:{number}: {secret[:4]}... ({len(secret)} characters)")
    return said


def fail_if_found(*folders: Path) -> None:
    """Fail where a log below one of the folders holds what was kept."""
    if said := search([folder for folder in folders if folder.is_dir()], _KEPT):
        pytest.fail("secrets in logs:\n" + "\n".join(said[:50]), pytrace=False)
