"""What documents, containers and docstrings name is there: files, modules, settings, make's targets, decisions."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tidemark.local import dotenv
from tidemark.settings import ROOT, Settings

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
PLACES = ("src", "dags", "plugins", "spark_jobs", "include", "benchmarks", "deploy", "docs")
NO_MODULES = {"tidemark.airflow", "tidemark.pth"}
"""Names of something else: a key by which the console finds what it is mounted in, and a file of `.venv`."""
OTHER_VARIABLES = {"TIDEMARK_ENV_FILE", "TIDEMARK_FULL"}
"""Which `.env` is read, and how long tests may take: no settings of the platform."""


def named(path: Path) -> str:
    """A text, of a page without its blocks of code: what these show need not be there."""
    blocks = r"^```.*?^```$" if path.suffix == ".md" else r"(?!)"
    return re.sub(blocks, "", path.read_text(), flags=re.MULTILINE | re.DOTALL)


def texts() -> list[Path]:
    """Every text that may name a module, tests apart."""
    files = [path for place in PLACES for path in (ROOT / place).rglob("*") if path.is_file()]
    files += [path for path in ROOT.iterdir() if path.is_file() and path.suffix in (".md", ".yaml", ".toml")]
    files += [ROOT / "Makefile"]
    binary = (".png", ".pyc", ".lock", ".min.js")
    return sorted(path for path in files if not path.name.endswith(binary))


def is_there(name: str) -> bool:
    """Whether a dotted name is a module or a package of the library, or something that one defines."""
    folder, parts = ROOT / "src", name.split(".")
    for number, part in enumerate(parts):
        if (folder / part).is_dir():
            folder /= part
            continue
        source = folder / f"{part}.py"
        rest = parts[number + 1 :] if source.is_file() else parts[number:]
        source = source if source.is_file() else folder / "__init__.py"
        if len(rest) == 0:
            return True
        return bool(re.search(rf"^(def |class |){rest[0]}\b( *[:=(]|$)", source.read_text(), re.MULTILINE))
    return True


def test_every_module_that_is_named_is_there():
    of_helm = ROOT / "deploy" / "helm"  # names pieces of text, and hosts, as modules are named
    for path in (path for path in texts() if not path.is_relative_to(of_helm)):
        for name in re.findall(r"(?<![\w./@-])tidemark(?:\.[a-z]\w*)+(?![\w(]*\.(?:lock|json))", named(path)):
            assert name in NO_MODULES or is_there(name), f"{path.relative_to(ROOT)} names {name}"


def test_every_import_of_a_command_is_there():
    """`python -c "from tidemark.a import b"` in the containers, which no type checker sees."""
    commands = [ROOT / "docker-compose.yaml", ROOT / "Makefile", *(ROOT / "deploy").rglob("*")]
    seen = 0
    for path in (path for path in commands if path.is_file()):
        for module, name in re.findall(r"from (tidemark[\w.]*) import (\w+)", path.read_text()):
            seen += 1
            assert is_there(f"{module}.{name}"), f"{path.relative_to(ROOT)} imports {name} from {module}"
    assert seen


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_path_that_is_named_is_there(page):
    for name in re.findall(r"`((?:[\w-]+/)+[\w.*-]*)`", named(page)):
        if name.split("/")[0] in (*PLACES, "tests", ".ci"):
            assert list(ROOT.glob(name.rstrip("/"))), name
        elif name.endswith(".py"):
            assert (ROOT / "src" / "tidemark" / name).exists(), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_and_setting_is_there(page):
    text = page.read_text()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:`|^)make ([a-z][a-z-]*)", text, re.MULTILINE)) <= targets
    variables = {dotenv.variable(name) for name in Settings.model_fields} | OTHER_VARIABLES
    assert set(re.findall(r"\bTIDEMARK_[A-Z0-9_]+\b", named(page))) <= variables


def test_make_help_tells_of_every_target():
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^([a-z-]+):(?!=)", makefile, re.MULTILINE)
    told = subprocess.run(
        [shutil.which("make") or "make", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert set(re.findall(r"^([a-z-]+) ", told, re.MULTILINE)) == set(targets) - {"installed"}
    (phony,) = re.findall(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    assert set(phony.split()) == set(targets)


def test_the_decisions_are_numbered_and_listed():
    folder = ROOT / "docs" / "decisions"
    records = sorted(folder.glob("0*.md"))
    assert [int(path.name[:4]) for path in records] == list(range(1, len(records) + 1))
    listed = (folder / "README.md").read_text()
    for path in records:
        first, text = path.read_text().split("\n", 1)
        number = int(path.name[:4])
        assert first.startswith(f"# {number}. ")
        assert f"| [{number}]({path.name}) | {first.removeprefix(f'# {number}. ')} |" in listed
        for part in ("**Context.**", "**Choice.**", "**Consequences.**"):
            assert part in text, f"{path.name} has no {part}"
