"""The wheel: installed without its clone, it has all that the library reads."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tidemark.contracts import gates, schemas
from tidemark.settings import ROOT

LOOK = """
import json
import tidemark
from tidemark.console import pages
from tidemark.contracts import conformance, gates, schemas
from tidemark.settings import ROOT, settings, shipped
from tidemark.spark import jars

print(json.dumps({
    "from": tidemark.__file__,
    "root": str(ROOT),
    "state": str(settings().state),
    "schemas": {name: [schemas.spark_type(name).simpleString(), schemas.mongo_validator(name)] for name in schemas.names()},
    "suites": sorted(path.stem for path in gates.SUITES.glob("*.json")),
    "reasons": conformance.reasons("interaction_message", {"user_id": "u"}),
    "jars": len(jars.locked()),
    "ivy": jars.IVY.is_file(),
    "log4j": shipped("spark_jobs/log4j2.properties").is_file(),
    "static": sorted(pages.static()),
    "template": pages.environment().get_template("error.html").name,
}))
"""


def run(*argv: str, **options: Any) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-2_000:]
    return done.stdout


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a Python sees that has the wheel in place of the clone, started in an empty folder."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-q")
    run(*pip, "wheel", "--no-deps", "--wheel-dir", str(folder), str(ROOT))
    (wheel,) = folder.glob("tidemark-*.whl")
    site, elsewhere = folder / "site", folder / "elsewhere"
    elsewhere.mkdir()
    run(*pip, "install", "--no-deps", "--target", str(site), str(wheel))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TIDEMARK_")}
    seen: dict[str, Any] = json.loads(
        run(sys.executable, "-c", LOOK, cwd=elsewhere, env=kept | {"PYTHONPATH": str(site)}).splitlines()[-1]
    )
    assert Path(seen["from"]).is_relative_to(site)
    return seen | {"elsewhere": str(elsewhere)}


def test_it_loads_every_contract_as_the_clone_does(seen: dict[str, Any]) -> None:
    expected = {
        name: [schemas.spark_type(name).simpleString(), schemas.mongo_validator(name)] for name in schemas.names()
    }
    assert seen["schemas"] == json.loads(json.dumps(expected))
    assert seen["suites"] == sorted(path.stem for path in gates.SUITES.glob("*.json"))
    assert seen["reasons"] == ["item_id: is missing"]


def test_it_has_the_files_beside_the_code(seen: dict[str, Any]) -> None:
    assert seen["jars"] > 40
    assert seen["ivy"]
    assert seen["log4j"]
    assert "console.css" in seen["static"]
    assert seen["template"] == "error.html"


def test_state_begins_where_it_was_started_and_not_in_the_installation(seen: dict[str, Any]) -> None:
    assert (seen["root"], seen["state"]) == (seen["elsewhere"], f"{seen['elsewhere']}/.tidemark")
