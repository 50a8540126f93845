"""Run folders: safe names, whole files or none."""

import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemark import artifacts


def test_a_run_id_becomes_a_folder_name():
    key = artifacts.run_key("manual__2026-01-01T00:00:00+00:00")
    assert key == "manual__2026-01-01T00-00-00-00-00"


@given(st.text())
def test_no_run_id_leaves_the_root(run_id):
    key = artifacts.run_key(run_id)
    assert set(key) <= set(string.ascii_letters + string.digits + "_.-")
    assert key not in ("", ".", "..")
    assert artifacts.run_folder("/base/", "dag", run_id) == f"/base/dag/{key}"


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


def test_arrays_come_back(tmp_path):
    path = f"{tmp_path}/factors.npz"
    factors = np.arange(6, dtype=np.float32).reshape(3, 2)
    artifacts.write_arrays(path, user_factors=factors, items=np.array(["a", "b"]))
    back = artifacts.read_arrays(path)
    np.testing.assert_array_equal(back["user_factors"], factors)
    assert back["items"].tolist() == ["a", "b"]
