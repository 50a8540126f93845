"""Run folders: safe names, whole files or none."""

import csv
import string

import fsspec
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemark.storage import artifacts, run_folder


def test_a_run_id_becomes_a_folder_name():
    key = run_folder.key("manual__2026-01-01T00:00:00+00:00")
    assert key == "manual__2026-01-01T00-00-00-00-00-1e8dc70c"
    assert run_folder.key("nightly.1_a") == "nightly.1_a"


@given(st.text())
def test_no_run_id_leaves_the_root(run_id):
    key = run_folder.key(run_id)
    assert set(key) <= set(string.ascii_letters + string.digits + "_.-")
    assert key not in ("", ".", "..")
    assert len(key) < 200
    assert run_folder.of("/base/", "dag", run_id) == f"/base/dag/{key}"


@given(st.lists(st.text(":+-ab"), unique=True, min_size=2, max_size=9))
def test_two_runs_never_share_a_folder(run_ids):
    run_ids += [run_folder.key(run_id) for run_id in run_ids]  # nor with one that is named like another's folder
    ids = set(run_ids)
    assert len({run_folder.key(run_id) for run_id in ids}) == len(ids)


def test_json_comes_back_and_leaves_no_part_behind(tmp_path):
    path = f"{tmp_path}/deep/er/report.json"
    artifacts.write_json(path, {"b": 1, "a": [1.5, None]})
    assert artifacts.read_json(path) == {"a": [1.5, None], "b": 1}
    assert [p.name for p in (tmp_path / "deep" / "er").iterdir()] == ["report.json"]


def test_a_failed_write_leaves_what_was_there(tmp_path):
    path = f"{tmp_path}/report.json"
    artifacts.write_json(path, {"whole": True})
    with pytest.raises(TypeError):
        artifacts.write_json(path, {("a", "tuple"): "is no key"})
    assert artifacts.read_json(path) == {"whole": True}
    assert [p.name for p in tmp_path.iterdir()] == ["report.json"]


def test_arrays_come_back(tmp_path):
    path = f"{tmp_path}/factors.npz"
    factors = np.arange(6, dtype=np.float32).reshape(3, 2)
    artifacts.write_arrays(path, user_factors=factors, items=np.array(["a", "b"]))
    back = artifacts.read_arrays(path)
    np.testing.assert_array_equal(back["user_factors"], factors)
    assert back["items"].tolist() == ["a", "b"]


def test_a_table_is_csv_that_no_spreadsheet_runs(tmp_path):
    path = f"{tmp_path}/tables/top.csv"
    frame = pd.DataFrame(
        {
            "title": ["=cmd()", "+1", "-1", "@a", "\tb", "\rc", "a=b", 'say "hi", twice', None],
            "change": [-1.5, 2, 3, 4, 5, 6, 7, 8, np.nan],
            "=n": range(9),
        }
    )
    artifacts.write_table(path, frame)
    with (tmp_path / "tables" / "top.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows[0] == ["title", "change", "'=n"]
    assert [row[0] for row in rows[1:5]] == ["'=cmd()", "'+1", "'-1", "'@a"]
    assert rows[1][1] == "-1.5"
    assert list(frame["title"][:2]) == ["=cmd()", "+1"]


def test_bytes_and_tables_go_to_any_store():
    artifacts.write_bytes("memory://store/dag/run/a.bin", b"\x00\x01")
    artifacts.write_table("memory://store/dag/run/tables/t.csv", pd.DataFrame({"name": ["=x"], "n": [1]}))
    with fsspec.open("memory://store/dag/run/tables/t.csv", "rb") as stream:
        assert stream.read() == b"name,n\r\n'=x,1\r\n"
    assert not [path for path in fsspec.filesystem("memory").find("/store") if artifacts.PART in path]
