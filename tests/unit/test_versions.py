"""The lock: what must agree in it."""

import re
from importlib.metadata import version

from tidemark.settings import ROOT

LOCKS = ["requirements.lock", "requirements-local.lock", "requirements-dev.lock", "requirements-bootstrap.lock"]


def pins(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==([^\s\\]+)", (ROOT / lock).read_text(), re.MULTILINE))


def test_pyspark_and_its_client_are_equal():
    assert version("pyspark") == version("pyspark-client")


def test_locks_agree_where_they_overlap():
    runtime = pins("requirements.lock")
    assert len(runtime) > 100
    for lock in LOCKS[1:3]:
        assert runtime.items() <= pins(lock).items(), lock


def test_every_locked_package_has_a_hash_and_no_address():
    for lock in LOCKS:
        text = (ROOT / lock).read_text()
        assert text.count("--hash=sha256:") >= len(pins(lock)) > 0, lock
        assert not re.search(r"https?://|--index-url|--find-links", text), lock
