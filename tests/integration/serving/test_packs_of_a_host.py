"""Several processes of one host that want one pack: it is fetched once; and a fetch that is killed leaves nothing half."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import packs as made
from tests.support.waiting import eventually
from tidemark.serving import pack, packs
from tidemark.settings import ROOT

FETCH = """
import sys
from pathlib import Path
from tidemark.serving import pack, packs

source, folder, copies, model_id, how = sys.argv[1:]
real = packs.copy

def tell(what):
    with open(copies, "a") as stream:
        stream.write(f"{what}\\n")

def counted(*args, **kwargs):
    tell("copies")
    real(*args, **kwargs)
    if how == "hang":
        tell("hangs")
        sys.stdin.read()

packs.copy = counted
sys.stdin.readline()
print(",".join(pack.read(packs.Packs(Path(folder)).fetch(source, model_id)).users))
"""


@pytest.fixture
def source(tmp_path):
    folder = str(tmp_path / "artifacts" / "pack")
    pack.write(folder, made.pack())
    return folder


def start(source: str, folder: Path, how: str = "go") -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", FETCH, source, str(folder / "packs"), str(folder / "copies"), made.MODEL, how],
        env=os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_many_processes_at_once_fetch_it_once(source, tmp_path):
    running = [start(source, tmp_path) for _ in range(4)]
    told = [process.communicate("go\n", timeout=60)[0] for process in running]
    assert told == ["ann,bob\n"] * 4
    assert (tmp_path / "copies").read_text() == "copies\n"
    assert packs.Packs(tmp_path / "packs").there() == [made.MODEL]


def test_one_that_is_killed_while_it_fetches_lets_go_and_the_next_fetches(source, tmp_path):
    first = start(source, tmp_path, "hang")
    assert first.stdin is not None
    first.stdin.write("go\n")
    first.stdin.flush()
    copies = tmp_path / "copies"
    try:
        eventually(lambda: copies.exists() and "hangs" in copies.read_text(), 60, "nothing was copied")
        assert packs.Packs(tmp_path / "packs").there() == []
        assert packs.Packs(tmp_path / "packs").drop(set()) == []
        assert len(list((tmp_path / "packs").glob(f"{packs.PART}*"))) == 1
    finally:
        first.kill()
        first.wait(60)
    folder = packs.Packs(tmp_path / "packs").fetch(source, made.MODEL)
    pack.verify(folder)
    assert [path.name for path in (tmp_path / "packs").iterdir() if path.name != packs.LOCK] == [made.MODEL]
