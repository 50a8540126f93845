"""Manifests: every file of a run with its hash, whose run it was, and which runs there are."""

import hashlib
import os
import time

import fsspec
import pytest

from tidemark.errors import SettingError
from tidemark.settings import settings
from tidemark.storage import artifacts, manifests, run_folder


@pytest.fixture(params=["local", "memory"])
def root(request, tmp_path):
    """An artifact root on a file system, and on a store that is none."""
    if request.param == "local":
        yield str(tmp_path)
        return
    yield f"memory://{tmp_path.name}"
    fsspec.filesystem("memory").rm(f"/{tmp_path.name}", recursive=True)


def write(root, run_id, **kwargs):
    run = run_folder.of(root, "explore_reviews", run_id)
    return run, manifests.write(run, dag="explore_reviews", run_id=run_id, title="Reviews", **kwargs)


def test_a_manifest_names_every_file_with_kind_title_and_hash(root):
    run_id = "manual__2026-01-01T00:00:00+00:00"
    run = run_folder.of(root, "explore_reviews", run_id)
    artifacts.write_bytes(f"{run}/charts/stars.svg", b"<svg/>")
    artifacts.write_bytes(f"{run}/tables/stars.csv", b"a\n")
    artifacts.write_bytes(f"{run}/graph/graph.graphml", b"<graphml/>")
    artifacts.write_bytes(f"{run}/docs/gate/index.html", b"<html/>")
    artifacts.write_bytes(f"{run}/pack/lists.npy", b"lists")
    artifacts.write_bytes(f"{run}/charts/half.svg{artifacts.PART}0a0a0a0a", b"<sv")
    artifacts.write_json(f"{run}/explore.json", {})
    _, manifest = write(
        root,
        run_id,
        model_id="m",
        counts={"reviews": 3},
        verdicts={"sample": "passes"},
        titles={"charts/stars.svg": "Stars <b>"},
    )
    assert manifest == manifests.read(run)
    assert (manifest["format"], manifest["run_key"]) == (1, run_folder.key(run_id))
    assert (manifest["model_id"], manifest["counts"], manifest["verdicts"]) == (
        "m",
        {"reviews": 3},
        {"sample": "passes"},
    )
    found = {f["path"]: (f["kind"], f["title"], f["media_type"], f["bytes"]) for f in manifest["files"]}
    assert found == {
        "charts/stars.svg": ("chart", "Stars <b>", "image/svg+xml", 6),
        "docs/gate/index.html": ("docs", "docs/gate/index.html", "text/html", 7),
        "explore.json": ("data", "explore.json", "application/json", 2),
        "graph/graph.graphml": ("graph", "graph/graph.graphml", "application/graphml+xml", 10),
        "pack/lists.npy": ("pack", "pack/lists.npy", "application/octet-stream", 5),
        "tables/stars.csv": ("table", "tables/stars.csv", "text/csv; charset=utf-8", 2),
    }
    assert manifest["files"][0]["sha256"] == hashlib.sha256(b"<svg/>").hexdigest()
    assert {"tidemark", "python", "pyspark", "matplotlib"} <= set(manifest["versions"])


def test_written_again_it_is_the_same_runs_and_another_run_is_refused(root):
    run, first = write(root, "nightly")
    again = manifests.write(run, dag="explore_reviews", run_id="nightly", title="Reviews")
    assert [f["path"] for f in again["files"]] == [f["path"] for f in first["files"]] == []
    with pytest.raises(SettingError, match="TIDEMARK_ARTIFACTS"):
        manifests.write(run, dag="explore_reviews", run_id="another", title="Reviews")
    assert manifests.read(run)["run_id"] == "nightly"


def test_runs_come_newest_first_and_those_that_failed_half_way_too(root):
    assert manifests.runs(root, "explore_reviews") == []
    for run_id in ("b", "a"):
        write(root, run_id)
        time.sleep(0.02)
    artifacts.write_json(f"{run_folder.of(root, 'explore_reviews', 'failed')}/explore.json", {})
    assert manifests.runs(root, "explore_reviews") == ["failed", "a", "b"]
    with pytest.raises(FileNotFoundError):
        manifests.read(run_folder.of(root, "explore_reviews", "failed"))


def test_the_revision_is_that_of_the_setting_or_of_git(monkeypatch):
    manifests.git_revision.cache_clear()
    assert manifests.git_revision() is None or len(manifests.git_revision().removesuffix("-dirty")) == 40
    manifests.git_revision.cache_clear()
    monkeypatch.setenv("TIDEMARK_REVISION", "abc")
    settings.cache_clear()
    assert manifests.git_revision() == "abc"
    manifests.git_revision.cache_clear()


def test_without_git_the_revision_is_unknown(monkeypatch, tmp_path):
    manifests.git_revision.cache_clear()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert manifests.git_revision() is None
    assert os.environ["PATH"] == str(tmp_path)
    manifests.git_revision.cache_clear()
