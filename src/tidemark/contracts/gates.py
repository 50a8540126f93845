"""Gates: a data set is held against a Great Expectations suite, and what fails it stops the run.

A suite is data, in `include/expectations/<name>.json`, in Great Expectations' own form. Each expectation says in `meta`
what a failure means and what to do. One of severity `warning` is reported and does not stop anything.
"""

import json
import logging
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import util
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fsspec

from tidemark.errors import GateError
from tidemark.settings import shipped

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

SUITES = shipped("include/expectations")


def suite(name: str) -> dict[str, Any]:
    """The suite `name` as it is stored.

    Raises:
        GateError: there is no such suite.
    """
    path = SUITES / f"{name}.json"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in SUITES.glob("*.json")))
        raise GateError(f"no suite named {name!r} in include/expectations/; there are: {known}")
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


class _NotHere(MetaPathFinder):
    """Lets this thread find no `names`, nor what is in them."""

    def __init__(self, names: frozenset[str]) -> None:
        self.names, self.thread = names, threading.get_ident()

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> None:
        """Raises ModuleNotFoundError in place of finding one of them."""
        if threading.get_ident() == self.thread and fullname.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"{fullname} is not for gates", name=fullname)


@contextmanager
def _less_to_import() -> Iterator[None]:
    """Within it this thread's import of Great Expectations leaves out what a gate over a pandas frame never calls: 2.5 s
    instead of 5.7 s of CPU.

    PySpark and SQLAlchemy it can do without by itself; SciPy's statistics are there once something asks for them.
    """
    finder = _NotHere(frozenset({"pyspark", "sqlalchemy"}))
    sys.meta_path.insert(0, finder)
    try:
        if "scipy.stats" not in sys.modules and (spec := util.find_spec("scipy.stats")) and spec.loader:
            import scipy

            spec.loader = util.LazyLoader(spec.loader)
            sys.modules[spec.name] = scipy.stats = util.module_from_spec(spec)
            spec.loader.exec_module(scipy.stats)
        yield
    finally:
        sys.meta_path.remove(finder)


def _great_expectations() -> Any:
    """The library, imported where it was not."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    logging.getLogger("great_expectations").setLevel(logging.WARNING)  # 150 lines of INFO an import
    if "great_expectations" not in sys.modules:
        with _less_to_import():
            import great_expectations
    import great_expectations  # waits for another thread's import

    return great_expectations


def preload() -> None:
    """Begin to import Great Expectations beside other work."""
    threading.Thread(target=_great_expectations, name="import-great-expectations", daemon=True).start()


def check(frame: "pd.DataFrame", name: str, docs_folder: str) -> dict[str, Any]:
    """Hold `frame` against the suite `name`; write Data Docs to `docs_folder` either way.

    Args:
        frame: columns as the suite names them.
        name: a suite of `include/expectations/`.
        docs_folder: a path or fsspec URL; the page is `<docs_folder>/index.html`.

    Returns:
        `{"suite", "passed", "checked", "failed": [...], "warnings": [...], "docs"}`; each failure is one readable text.

    Raises:
        GateError: at least one expectation of severity `critical` failed; the message names each, with what was seen.
    """
    with tempfile.TemporaryDirectory(prefix="gate-") as folder:
        results = _validate(frame, suite(name), Path(folder))
        filesystem, target = fsspec.core.url_to_fs(docs_folder)
        if filesystem.exists(target):
            filesystem.rm(target, recursive=True)
        filesystem.makedirs(target.rsplit("/", 1)[0], exist_ok=True)
        filesystem.put(str(Path(folder) / "gx" / "docs"), target, recursive=True)
    unmet = [(r, _text(r)) for r in results if not r["success"]]
    failed = [text for r, text in unmet if r["expectation_config"].get("severity", "critical") == "critical"]
    warnings = [text for r, text in unmet if text not in failed]
    docs = f"{docs_folder}/index.html"
    for text in warnings:
        log.warning("gate %s, warning: %s", name, text)
    if failed:
        raise GateError(
            f"gate {name}: {len(failed)} of {len(results)} expectations failed: {'; '.join(failed)}",
            f"see the rows in the Data Docs, {docs}, mend what they come from, then run the DAG again",
        )
    log.info("gate %s: %d of %d expectations met. Data Docs: %s", name, len(results) - len(unmet), len(results), docs)
    return {
        "suite": name,
        "passed": True,
        "checked": len(results),
        "failed": failed,
        "warnings": warnings,
        "docs": docs,
    }


def _text(result: dict[str, Any]) -> str:
    """One failed expectation as a person reads it: what it means, its name, and what was seen."""
    config, seen = result["expectation_config"], result.get("result", {})
    kwargs = {k: v for k, v in config["kwargs"].items() if k != "batch_id"}
    trouble = next((e["exception_message"] for e in _exceptions(result)), None)
    if trouble:
        return f"could not be checked: {trouble} ({config['type']} {json.dumps(kwargs, default=str)})"
    if "observed_value" in seen:
        observed = f"observed {seen['observed_value']}"
    else:
        examples = seen.get("partial_unexpected_list", [])[:5]
        observed = f"{seen.get('unexpected_count', '?')} of {seen.get('element_count', '?')} rows, such as {examples}"
    meaning = config.get("meta", {}).get("means", "not as expected")
    return f"{meaning} ({config['type']} {json.dumps(kwargs, default=str)}: {observed})"


def _exceptions(result: dict[str, Any]) -> list[dict[str, Any]]:
    info = result.get("exception_info") or {}
    entries = [info] if "raised_exception" in info else list(info.values())
    return [e for e in entries if isinstance(e, dict) and e.get("raised_exception")]


def _validate(frame: Any, stored: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    """Run a suite in a file context below `folder`, which also receives the Data Docs (`gx/docs`)."""
    gx = _great_expectations()
    context: Any = gx.get_context(mode="file", project_root_dir=str(folder))
    context.variables.progress_bars = {"globally": False}
    for site in list(context.get_site_names()):
        context.delete_data_docs_site(site)
    context.add_data_docs_site(
        "run",
        {
            "class_name": "SiteBuilder",
            "show_how_to_buttons": False,
            "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": "docs"},
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        },
    )
    source = context.data_sources.add_or_update_pandas("run")
    batch = source.add_dataframe_asset(stored["name"]).add_batch_definition_whole_dataframe("whole")
    expectations = [{"severity": "critical", **e} for e in stored["expectations"]]
    added = context.suites.add(gx.ExpectationSuite(name=stored["name"], expectations=expectations))
    definition = context.validation_definitions.add(
        gx.ValidationDefinition(name=stored["name"], data=batch, suite=added)
    )
    checkpoint = context.checkpoints.add(
        gx.Checkpoint(
            name=stored["name"],
            validation_definitions=[definition],
            actions=[gx.checkpoint.UpdateDataDocsAction(name="docs", site_names=["run"])],
        )
    )
    outcome = checkpoint.run(batch_parameters={"dataframe": frame})
    (run,) = outcome.run_results.values()
    return [r.to_json_dict() for r in run.results]
