"""The examples of CONTRIBUTING.md, and a copy of the repository that they are applied to."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tidemark.settings import ROOT

TEXT = (ROOT / "CONTRIBUTING.md").read_text()
EXAMPLES = ("Add a setting", "Add a contract", "Add a DAG", "Add a recommender")
COPIED = ("src", "dags", "plugins", "spark_jobs", "include", "docs", "tests", "deploy")


def section(heading: str) -> str:
    """What stands below a heading."""
    (body,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    return str(body)


def blocks(heading: str) -> list[tuple[str, str, str]]:
    """(language, path, text) of each fenced block below a heading, in their order."""
    return re.findall(r"^```(\w+) ?(\S*)\n(.*?)^```$", section(heading), re.MULTILINE | re.DOTALL)


def changed(text: str, diff: str) -> str:
    """`text` with a diff applied: where its old lines stand, and they stand once, its new lines."""
    lines = diff.splitlines()
    old = "".join(f"{line[1:]}\n" for line in lines if line[:1] in (" ", "-"))
    new = "".join(f"{line[1:]}\n" for line in lines if line[:1] in (" ", "+"))
    assert text.count(old) == 1, f"these lines stand there {text.count(old)} times:\n{old}"
    return text.replace(old, new)


class Copy:
    """A copy of the repository that an example is applied to."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in COPIED:
            shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "docker-compose.yaml", ".env.example", "CONTRIBUTING.md"):
            shutil.copy(ROOT / name, root)
        if (ROOT / ".mypy_cache").is_dir():  # what `make lint` found, so that only what is changed is looked at anew
            shutil.copytree(ROOT / ".mypy_cache", root / ".mypy_cache")

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """This Python in the copy, with the copy's library; what the tests were started with is not looked at."""
        env = {name: value for name, value in os.environ.items() if not name.startswith(("TIDEMARK_", "PYTEST_"))}
        path = os.pathsep.join([str(self.root / "src"), str(self.root), os.environ.get("PYTHONPATH", "")])
        env |= {"PYTHONPATH": path, "TIDEMARK_ENV_FILE": os.devnull, "AIRFLOW_HOME": str(self.root / "airflow")}
        done = subprocess.run(
            [sys.executable, *arguments], cwd=self.root, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0 or not check, done.stdout + done.stderr
        return done

    def apply(self, heading: str) -> None:
        """Write the files and the changes of a section, then run its sessions."""
        for language, path, text in blocks(heading):
            if language == "diff":
                (self.root / path).write_text(changed((self.root / path).read_text(), text))
            elif path:
                assert not (self.root / path).exists(), path
                (self.root / path).write_text(text)
        for number, (language, _, text) in enumerate(blocks(heading)):
            if language == "pycon":
                session = self.root / f"session_{number}.txt"
                session.write_text(text)
                self.run("-m", "doctest", str(session))

    def reference(self) -> dict[str, str]:
        """The pages of docs/reference, made anew."""
        self.run("docs/generate.py")
        return {page.stem: page.read_text() for page in (self.root / "docs" / "reference").iterdir()}

    def tests(self, *arguments: str) -> str:
        """Tests of the copy."""
        return self.run("-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments).stdout
