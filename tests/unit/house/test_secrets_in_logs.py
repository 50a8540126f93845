"""What is secret and stands in a log fails the session that wrote it, and is not told once more by the failure."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.secrets_in_logs import search
from tidemark.settings import ROOT

SECRET = "sea water [1].*"
LEAKY = f"""
from tests.support.secrets_in_logs import keep

def test_leaky(tmp_path):
    keep({SECRET!r})
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "service.log").write_text("first\\nsecond has {SECRET}\\n")
"""


def test_a_secret_is_found_where_it_stands_and_only_there(tmp_path):
    logs = {
        "a.log": "one\ntwo sea water [1].* \n",
        "deep/b.log.1": SECRET,
        "deep/stderr": f"\0{SECRET}",
        "c.log": "sea water 1",
    }
    others = {"env": SECRET, "00000000000000000042.log": SECRET}
    for name, text in (logs | others).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    said = "sea ... (15 characters)"
    found = search([tmp_path], ["another", SECRET])
    assert sorted(found) == [f"{tmp_path}/{place}: {said}" for place in ("a.log:2", "deep/b.log.1:1", "deep/stderr:1")]
    assert search([tmp_path], ["another"]) == search([tmp_path], []) == []


def test_a_session_with_a_secret_in_a_log_is_red(tmp_path: Path):
    folder = tmp_path / "tests" / "unit"
    folder.mkdir(parents=True)
    (folder / "test_leaky.py").write_text(LEAKY)
    argv = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.conftest",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(tmp_path),
    ]
    # Its folders are not below those of this session, which would find the secret too.
    env = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    done = subprocess.run([*argv, str(folder)], env=env, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "service.log:2: sea ... (15 characters)" in done.stdout
    assert SECRET not in done.stdout.partition("secrets in logs")[2].partition("short test summary")[0]
    assert "1 passed, 1 error" in done.stdout
