"""No path, however written, leaves a run folder; and inside it only what the manifest lists, and the data docs, is shown."""

import shutil
from pathlib import Path

import fsspec
import pytest

from tests.support import registry_data
from tidemark.console import run_files
from tidemark.errors import NotServedError
from tidemark.storage import artifacts, manifests

DAG, RUN = "retrain_recommender", "manual__1"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    registry_data.leave(str(folder), DAG, RUN)
    return folder


@pytest.fixture
def root(made: Path, tmp_path: Path) -> str:
    shutil.copytree(made, tmp_path / "artifacts")
    (tmp_path / "secret.csv").write_text("password")
    return str(tmp_path / "artifacts")


def refused(root: str, path: str, dag: str = DAG, key: str = RUN) -> bool:
    try:
        run_files.find(root, dag, key, path)
    except NotServedError:
        return True
    return False


def test_what_the_manifest_lists_is_shown_with_its_type_and_digest(root: str) -> None:
    chart = run_files.find(root, DAG, RUN, "charts/metrics.svg")
    assert (chart.media_type, chart.inline) == ("image/svg+xml", True)
    assert b"".join(chart.chunks()).startswith(b"<?xml")
    assert len(chart.digest or "") == 64
    table = run_files.find(root, DAG, RUN, "tables/top_products.csv")
    assert (table.media_type, table.inline) == ("text/csv; charset=utf-8", False)
    assert run_files.find(root, DAG, RUN, "manifest.json").media_type == "application/json"


def test_data_docs_are_shown_without_scripts(root: str) -> None:
    assert run_files.find(root, DAG, RUN, "docs/training_interactions/more/page.html").inline
    artifacts.write_bytes(f"{root}/{DAG}/{RUN}/docs/training_interactions/take.js", b"alert(1)")
    assert refused(root, "docs/training_interactions/take.js")
    assert run_files.documents(f"{root}/{DAG}/{RUN}") == ("training_interactions",)


@pytest.mark.parametrize(
    "path",
    [
        "../../secret.csv",
        "charts/../../../../secret.csv",
        "docs/../../../../secret.csv",
        "docs/../../../secret.html",
        "/etc/passwd",
        "//etc/passwd",
        "charts//metrics.svg",
        "charts/./metrics.svg",
        "..\\..\\secret.csv",
        "%2e%2e/%2e%2e/secret.csv",
        "..%2f..%2fsecret.csv",
        "charts/metrics.svg\0.csv",
        "docs/.hidden.html",
        "",
        ".",
        "..",
        "charts",
        "~/x",
        "file:///etc/passwd",
        "charts/metrics.svg\n",
    ],
)
def test_no_path_leaves_the_run_folder(root: str, path: str) -> None:
    assert refused(root, path)


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "../x", "%2e%2e", "x\0"])
def test_neither_dag_nor_key_is_a_path(root: str, name: str) -> None:
    assert refused(root, "charts/metrics.svg", dag=name)
    assert refused(root, "charts/metrics.svg", key=name)


def test_what_no_manifest_lists_is_not_there(root: str) -> None:
    artifacts.write_bytes(f"{root}/{DAG}/{RUN}/charts/late.svg", b"<svg/>")
    assert refused(root, "charts/late.svg")
    artifacts.write_json(f"{root}/{DAG}/half/snapshot.json", {})
    assert refused(root, "snapshot.json", key="half")


def test_links_lead_nowhere_out(root: str, tmp_path: Path) -> None:
    run = Path(root) / DAG / RUN
    (run / "charts" / "metrics.svg").unlink()
    (run / "charts" / "metrics.svg").symlink_to(tmp_path / "secret.csv")
    assert refused(root, "charts/metrics.svg")
    (run / "docs" / "out").symlink_to(tmp_path)
    (tmp_path / "index.html").write_text("out")
    assert refused(root, "docs/out/index.html")
    (Path(root) / DAG / "other").symlink_to(tmp_path)
    artifacts.write_bytes(str(tmp_path / "docs" / "x" / "index.html"), b"out")
    assert refused(root, "docs/x/index.html", key="other")


def test_a_manifest_that_lies_lists_nothing_outside(root: str, tmp_path: Path) -> None:
    run = f"{root}/{DAG}/{RUN}"
    manifest = manifests.read(run)
    manifest["files"].append({"path": "../../../secret.csv", "kind": "table", "title": "", "bytes": 8, "sha256": ""})
    artifacts.write_json(f"{run}/manifest.json", manifest)
    assert refused(root, "../../../secret.csv")


def test_the_artifacts_root_itself_may_be_a_link(root: str, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    assert not refused(str(tmp_path / "link"), "charts/metrics.svg")


def test_an_object_store_is_served_alike() -> None:
    root = "memory://tidemark-artifacts"
    registry_data.leave(root, DAG, RUN)
    try:
        assert b"".join(run_files.find(root, DAG, RUN, "graph/graph.graphml").chunks()) == b"<graphml/>"
        assert run_files.documents(f"{root}/{DAG}/{RUN}") == ("training_interactions",)
        assert refused(root, "docs/../../x")
        assert refused(root, "nothing.csv")
    finally:
        fsspec.filesystem("memory").rm("/tidemark-artifacts", recursive=True)


def test_the_page_of_the_data_docs_is_the_newest_validation(root: str) -> None:
    run, name = f"{root}/{DAG}/{RUN}", "training_interactions"
    assert run_files.documents_page(run, name) == "docs/training_interactions/index.html"
    for time in ("20260101T000000", "20260102T000000"):
        artifacts.write_bytes(f"{run}/docs/{name}/validations/{name}/__none__/{time}/one.html", b"<html></html>")
    newest = run_files.documents_page(run, name)
    assert newest == f"docs/{name}/validations/{name}/__none__/20260102T000000/one.html"
    assert run_files.find(root, DAG, RUN, newest).inline
    assert run_files.documents_page(f"{root}/{DAG}/nowhere", name) == "docs/training_interactions/index.html"
