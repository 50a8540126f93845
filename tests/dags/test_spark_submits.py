"""The spark-submit of every task, as a golden file: a change of any option is seen, and looked at, before it is run.

Meant to be changed? `python -m pytest tests/dags/test_spark_submits.py --update-golden`, and read the diff.
"""

import difflib
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.dags.conftest import RUN
from tidemark.settings import ROOT, Settings
from tidemark.spark import class_data, session

GOLDEN = Path(__file__).parent / "golden"


def portable(command: list[str], state: Path) -> str:
    """A command, an option a line, with what differs between machines and versions of the jars named instead."""
    places = {
        ",".join(sorted(map(str, session.JARS.glob("*.jar")))): "<jars>",
        " ".join(class_data.options()): "<class data>",  # only where set-up could lay it out
        sys.executable: "<python>",
        str(state): "<state>",
        str(ROOT): "<root>",
    }
    lines = []
    for number, word in enumerate(command):
        for place, name in places.items():
            word = word.replace(place, name) if place else word
        word = word.replace(" <class data>", "")
        belongs = number > 0 and command[number - 1].startswith("--")
        if belongs and not word.startswith("--"):
            lines[-1] += f" {shlex.quote(word) if ' ' in word else word}"
        else:
            lines.append(word if number == 0 else f"  {word}")
    return "\n".join(lines) + "\n"


def test_every_spark_submit_is_as_its_golden_file_says(
    probed: dict[str, Any], secretive: Settings, request: pytest.FixtureRequest
) -> None:
    commands = {f"{task}.txt": portable(command, secretive.state) for task, command in probed["submits"].items()}
    if request.config.getoption("--update-golden"):
        GOLDEN.mkdir(exist_ok=True)
        for file in GOLDEN.glob("*.txt"):
            file.unlink()
        for name, text in commands.items():
            (GOLDEN / name).write_text(text)
    golden = {file.name: file.read_text() for file in GOLDEN.glob("*.txt")}
    names = sorted(golden.keys() | commands.keys())
    differences = [
        line
        for name in names
        for line in difflib.unified_diff(
            golden.get(name, "").splitlines(), commands.get(name, "").splitlines(), f"golden/{name}", name, lineterm=""
        )
    ]
    assert not differences, "\n".join(["not as the golden files say (--update-golden writes them anew):", *differences])


def test_the_golden_files_are_of_no_one_machine(probed: dict[str, Any], secretive: Settings) -> None:
    texts = [portable(command, secretive.state) for command in probed["submits"].values()]
    assert len(texts) >= 7
    assert all(text.rstrip().endswith(f"--run {RUN}") for text in texts)
    for text in texts:
        assert not {word for word in shlex.split(text) if word.startswith("/")} - {RUN}
        assert not [part for part in (sys.prefix, str(Path.home()), ".venv") if part in text]
