"""Write `docs/reference` anew from the code: DAGs, settings, contracts, packages; and `.env.example` beside it.

    make docs                              # into docs/reference, and .env.example
    python docs/generate.py --into FOLDER  # elsewhere: how the test compares

Each page says what its source says and nothing of its own, whatever the environment of whoever makes it.
"""

import argparse
import ast
import json
import logging
import os
import re
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "docs" / "reference"
HEAD = "<!-- Made by `make docs`; do not edit. -->\n\n"
TYPES = {"string": "text", "null": "empty"}
LIMITS = {
    "minimum": "≥ {}",
    "exclusiveMinimum": "> {}",
    "maximum": "≤ {}",
    "exclusiveMaximum": "< {}",
    "minLength": "≥ {} characters",
    "maxLength": "≤ {} characters",
    "pattern": "`{}`",
    "format": "{}",
}
"""How a keyword of JSON Schema is told to a person."""


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table of Markdown; what is in a cell stays in it."""
    cells = [[prose(str(cell)).replace("|", r"\|").replace("\n", " ") for cell in row] for row in rows]
    lines = [head, ["---"] * len(head), *cells]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def prose(text: str) -> str:
    """Text in which `<word>` is no tag of HTML, but for what stands in code."""
    parts = text.split("`")
    return "`".join(re.sub(r"<(?=\w)", r"\<", part) if number % 2 == 0 else part for number, part in enumerate(parts))


def sentence(docstring: str | None) -> str:
    """The first paragraph of a docstring, on one line."""
    return " ".join((docstring or "").strip().partition("\n\n")[0].split())


def docstring(path: Path) -> str:
    """The first paragraph of what a file says of itself, without running it."""
    return sentence(ast.get_docstring(ast.parse(path.read_text())))


def kind(schema: Mapping[str, Any]) -> str:
    """What a value may be: its types, or the values to choose from."""
    if "anyOf" in schema:
        return " or ".join(map(kind, schema["anyOf"]))
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    types = schema.get("type", "anything")
    return " or ".join(TYPES.get(name, name) for name in ([types] if isinstance(types, str) else types))


def limits(schema: Mapping[str, Any]) -> str:
    """What bounds a value, as JSON Schema says it."""
    return ", ".join(text.format(schema[word]) for word, text in LIMITS.items() if word in schema)


def code(value: object) -> str:
    """A value as code; nothing for what is empty."""
    return "" if value is None or value == "" else f"`{json.dumps(value) if not isinstance(value, str) else value}`"


def dags() -> str:
    """Every DAG as Airflow loads it: what starts it, its tasks, its params."""
    with tempfile.TemporaryDirectory(prefix="tidemark-docs-") as home:
        os.environ["AIRFLOW_HOME"] = home
        sys.path.insert(0, str(ROOT / "plugins"))
        from airflow.dag_processing.dagbag import DagBag

        from tidemark import dag_ids

        bag = DagBag(str(ROOT / "dags"))
    if bag.import_errors:
        raise SystemExit("\n".join(bag.import_errors.values()))
    text = (
        f"{HEAD}# DAGs\n\n"
        "One file each in [dags/](../../dags); its docstring is its runbook, and its page (Docs) in the Airflow UI.\n\n"
    )
    text += table(
        ["DAG", "starts", "what it does"],
        ([f"[`{name}`](#{name})", starts(bag.dags[name]), bag.dags[name].description] for name in dag_ids.ALL),
    )
    return text + "".join(_dag(bag.dags[name]) for name in dag_ids.ALL)


def starts(dag: Any) -> str:
    """What starts a run of a DAG, besides a person."""
    if dag.schedule is None:
        return "by hand"
    if isinstance(dag.schedule, str):
        return f"`{dag.schedule}`"
    return "when updated: " + ", ".join(f"`{asset.name}`" for asset in getattr(dag.schedule, "objects", dag.schedule))


def _dag(dag: Any) -> str:
    text = f"\n## {dag.dag_id}\n\n{dag.description}. Starts: {starts(dag)}; at most {dag.max_active_runs} run at a time.\n\n"
    text += table(["task", "runs", "what it does"], map(_task, dag.topological_sort()))
    params = {name: dag.params.get_param(name) for name in dag.params}
    if params:
        text += "\n" + table(
            ["param", "default", "may be", "meaning"],
            (
                [f"`{name}`", code(param.value), _joined(kind(param.schema), limits(param.schema)), param.description]
                for name, param in params.items()
            ),
        )
    return text


def _task(task: Any) -> list[str]:
    application, function = getattr(task, "application", None), getattr(task, "python_callable", None)
    what: str | None
    if application:
        job = Path(application).relative_to(ROOT)
        runs, what = f"Spark: [`{job.name}`](../../{job})", docstring(ROOT / job)
    elif function:
        runs, what = "Python", function.__doc__
    else:
        runs, what = f"`{type(task).__name__}`", type(task).__doc__
    updates = ", ".join(f"`{asset.name}`" for asset in task.outlets)
    return [f"`{task.task_id}`", runs, sentence(what) + (f" Updates {updates}." if updates else "")]


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def settings() -> str:
    """Every setting: its variable, default, bounds and meaning, in the groups of `.env.example`."""
    from tidemark.local import dotenv
    from tidemark.settings import Settings

    text = (
        f"{HEAD}# Settings\n\n"
        "Every setting is an environment variable, or a line of `.env` at the root; "
        "[.env.example](../../.env.example) is a template. Declared in one place, "
        "[settings.py](../../src/tidemark/settings.py).\n"
    )
    schemas = Settings.model_json_schema()["properties"]
    told: set[str] = set()
    rows: dict[str, list[list[str]]] = {}
    for name, field in Settings.model_fields.items():
        heading = dotenv.HEADINGS.get(name.split("_")[0])
        if heading and heading not in told:
            told.add(heading)
            rows[heading] = []
        schema, default = schemas[name], field.default
        secret = schema.get("format") == "password"
        shown = (
            "a secret"
            if secret
            else code(str(default).removeprefix(f"{ROOT}/") if isinstance(default, Path) else default)
        )
        bounds = "" if secret or isinstance(default, Path) else limits(schema)
        made = " (made up by make run)" if name in dotenv.GENERATED else ""
        rows[next(reversed(rows))].append(
            [f"`{dotenv.variable(name)}`", shown, _joined(kind(schema), bounds), f"{field.description}{made}"]
        )
    for heading, lines in rows.items():
        text += f"\n## {heading}\n\n" + table(["variable", "default", "may be", "meaning"], lines)
    return text


def contracts() -> str:
    """Every record kind with its fields, and every gate with what it expects of a data set."""
    schemas = {path.stem: json.loads(path.read_text()) for path in sorted((ROOT / "include/schemas").glob("*.json"))}
    suites = {
        path.stem: json.loads(path.read_text()) for path in sorted((ROOT / "include/expectations").glob("*.json"))
    }
    text = (
        f"{HEAD}# Contracts\n\n"
        "What a record may look like: one JSON Schema each in [include/schemas](../../include/schemas). From it come Spark's\n"
        "type, MongoDB's validator and the check of each record. What a data set must satisfy: the gates below, suites of\n"
        "Great Expectations in [include/expectations](../../include/expectations).\n\n"
    )
    text += table(["record", "what it is"], ([f"[`{name}`](#{name})", s["description"]] for name, s in schemas.items()))
    text += "\n" + table(
        ["gate", "what it looks at"], ([f"[`{n}`](#gate-{n})", s["meta"]["notes"]] for n, s in suites.items())
    )
    for name, schema in schemas.items():
        required = schema.get("required", [])
        text += f"\n## {name}\n\n{prose(schema['description'])}\n\n" + table(
            ["field", "must be there", "may be", "meaning"],
            (
                [
                    f"`{field}`",
                    "yes" if field in required else "",
                    _joined(kind(spec), limits(spec)),
                    spec.get("description", ""),
                ]
                for field, spec in schema["properties"].items()
            ),
        )
    for name, suite in suites.items():
        text += f"\n## gate {name}\n\n{prose(suite['meta']['notes'])}\n\n" + table(
            ["expectation", "of", "where it is not met"],
            ([f"`{e['type']}`", _arguments(e["kwargs"]), e["meta"]["means"]] for e in suite["expectations"]),
        )
    return text


def _arguments(arguments: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {code(value)}" for name, value in arguments.items())


def packages() -> str:
    """The packages of the library from the last to the first, each with its modules; the arrows go down the page."""
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    (arrows,) = (contract for contract in tools["importlinter"]["contracts"] if contract["id"] == "arrows")
    layers = [[name.strip() for name in layer.split("|")] for layer in arrows["layers"]]
    source = ROOT / "src" / "tidemark"
    text = (
        f"{HEAD}# Packages\n\n"
        "The library [src/tidemark](../../src/tidemark). A package may import from the lines below its own, never from its\n"
        "own line, and no module is part of a circle; the table is `[tool.importlinter]` in\n"
        "[pyproject.toml](../../pyproject.toml), and `make lint` holds the code to it.\n\n```\n"
    )
    text += "".join(f"{'  '.join(layer)}\n" for layer in layers) + "```\n"
    for name in (name for layer in layers for name in layer):
        folder = source / name
        if not folder.is_dir():
            text += f"\n## {name}.py\n\n{docstring(source / f'{name}.py')}\n"
            continue
        modules = sorted(path for path in folder.glob("*.py") if not path.stem.startswith("__"))
        text += f"\n## {name}\n\n{docstring(folder / '__init__.py')}\n\n"
        text += table(
            ["module", "what it is"], ([f"[`{m.stem}`](../../{m.relative_to(ROOT)})", docstring(m)] for m in modules)
        )
    return text


PAGES = {"dags.md": dags, "settings.md": settings, "contracts.md": contracts, "packages.md": packages}


def main() -> None:
    """Write the pages."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--into", type=Path, default=REFERENCE, help="folder of the pages")
    into = parser.parse_args().into
    for name in [name for name in os.environ if name.startswith("TIDEMARK_")]:
        del os.environ[name]
    os.environ["TIDEMARK_ENV_FILE"] = os.devnull
    logging.disable(logging.WARNING)
    into.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        (into / name).write_text(page())
    if into == REFERENCE:
        from tidemark.local import dotenv

        (ROOT / ".env.example").write_text(dotenv.example())


if __name__ == "__main__":
    main()
