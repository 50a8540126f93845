"""The packs of a host: fetched whole or not at all, once, and dropped when nobody keeps them."""

import hashlib
import os
import shutil
from collections import namedtuple

import fsspec
import pytest

from tests.support import packs as made
from tidemark.errors import PackError, UnreachableError
from tidemark.serving import pack, pack_contents
from tidemark.serving import packs as hosted
from tidemark.serving.packs import Packs


@pytest.fixture(params=["local", "memory"])
def source(request, tmp_path):
    """A pack, on a file system and on a store that is none."""
    folder = str(tmp_path / "artifacts" / "pack") if request.param == "local" else f"memory://{tmp_path.name}/pack"
    pack.write(folder, made.pack())
    yield folder
    if request.param == "memory":
        fsspec.filesystem("memory").rm(f"/{tmp_path.name}", recursive=True)


@pytest.fixture
def root(tmp_path):
    return tmp_path / "packs"


def left(root):
    """What is in the folder, but for its lock."""
    return sorted(path.name for path in root.iterdir() if path.name != hosted.LOCK)


def spoil(source, name, data):
    with fsspec.open(f"{source}/{name}", "wb") as stream:
        stream.write(data)


def test_a_pack_is_fetched_and_is_the_one_that_was_written(source, root):
    folder = Packs(root).fetch(source, made.MODEL, pack.located(source)["sha256"])
    assert folder == root / made.MODEL
    assert list(pack.read(folder).users) == ["ann", "bob"]
    assert left(root) == Packs(root).there() == [made.MODEL]


def test_it_is_fetched_once_and_good_without_its_source(source, root):
    Packs(root).fetch(source, made.MODEL)
    spoil(source, pack_contents.NAME, b"gone")
    kept = Packs(root)
    assert kept.fetch(source, made.MODEL) == kept.fetch(source, made.MODEL) == root / made.MODEL


def test_it_is_verified_once_in_each_process(source, root, monkeypatch):
    seen = []
    Packs(root).fetch(source, made.MODEL)
    real = pack.verify

    def verify(folder):
        seen.append(folder)
        real(folder)

    monkeypatch.setattr(pack, "verify", verify)
    kept = Packs(root)
    for _ in range(3):
        kept.fetch(source, made.MODEL)
    assert seen == [root / made.MODEL]


def test_one_that_was_damaged_here_is_fetched_anew(source, root):
    folder = Packs(root).fetch(source, made.MODEL)
    data = bytearray((folder / "lists.npy").read_bytes())
    data[-1] ^= 1
    (folder / "lists.npy").write_bytes(bytes(data))
    mapped = pack.read(folder)
    pack.verify(Packs(root).fetch(source, made.MODEL))
    assert len(mapped.lists) == 2  # whoever had the old one mapped has it still
    assert left(root) == [made.MODEL]


def test_one_that_was_written_anew_is_fetched_anew(source, root):
    kept = Packs(root)
    kept.fetch(source, made.MODEL, pack.located(source)["sha256"])
    where = pack.write(source, made.pack(users=["carl"]))
    assert list(pack.read(kept.fetch(source, made.MODEL, where["sha256"])).users) == ["carl"]


@pytest.mark.parametrize(
    ("damage", "means"),
    [
        (lambda s: spoil(s, pack_contents.NAME, b"{}"), "is none"),
        (lambda s: spoil(s, "lists.npy", b""), "not as it was written"),
        (lambda s: spoil(s, "lists.npy", b"x" * 1_000_000), "not as it was written"),
        (lambda s: spoil(s, "lists.npy", b"x" * (128 + 2 * 2 * 4)), "SHA-256 differs"),
        (lambda s: fsspec.core.url_to_fs(s)[0].rm(f"{fsspec.core.url_to_fs(s)[1]}/scores.npy"), "scores.npy is missing"),
        (lambda s: fsspec.core.url_to_fs(s)[0].rm(f"{fsspec.core.url_to_fs(s)[1]}/pack.json"), "no whole pack"),
        (lambda s: pack.write(s, made.pack(of=made.about("20260101T000000-0b0b0b0b"))), "is of model"),
    ],
    ids=["contents", "empty", "too long", "other bytes", "missing", "no contents", "another's"],
)  # fmt: skip
def test_a_broken_source_is_refused_and_leaves_nothing(source, root, damage, means):
    damage(source)
    with pytest.raises(PackError, match=means):
        Packs(root).fetch(source, made.MODEL)
    assert left(root) == []


def test_another_pack_than_the_registry_names_is_refused(source, root):
    with pytest.raises(PackError, match="registry"):
        Packs(root).fetch(source, made.MODEL, hashlib.sha256(b"").hexdigest())
    assert left(root) == []


def test_a_source_that_does_not_answer_may_answer_later(source, root, monkeypatch):
    def away(*args, **kwargs):
        raise ConnectionResetError("reset")

    with monkeypatch.context() as patch, pytest.raises(UnreachableError, match="reset"):
        patch.setattr(hosted.fsspec, "open", away)
        Packs(root).fetch(source, made.MODEL)
    assert left(root) == []
    Packs(root).fetch(source, made.MODEL)


def test_a_disk_that_is_too_small_is_said_before(source, root, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10, 10, 100))
    with pytest.raises(PackError, match="MB left"):
        Packs(root).fetch(source, made.MODEL)
    assert left(root) == []


def test_a_disk_that_fills_up_leaves_nothing_half(source, root, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pack.Path, "write_bytes", full)
    with pytest.raises(PackError, match="No space left"):
        Packs(root).fetch(source, made.MODEL)
    assert left(root) == []


def test_a_folder_that_cannot_be_made_is_said(source, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PackError, match="cannot be kept"):
        Packs(tmp_path / "file" / "packs").fetch(source, made.MODEL)


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", ".part-x", "x" * 200, "a\0"])
def test_a_model_id_is_no_path(root, name):
    with pytest.raises(PackError, match="no model"):
        Packs(root).fetch("/nowhere", name)


def test_what_a_killed_fetch_left_is_gone_over(source, root):
    half = root / f"{hosted.PART}{made.MODEL}"
    half.mkdir(parents=True)
    (half / "lists.npy").write_bytes(b"half")
    assert Packs(root).there() == []
    Packs(root).fetch(source, made.MODEL)
    assert left(root) == [made.MODEL]


def old(root, *names):
    for name in names:
        (root / name).mkdir(parents=True, exist_ok=True)
        os.utime(root / name, (0, 0))


def test_what_is_not_kept_is_dropped_but_what_was_fetched_just_now(source, root):
    kept = Packs(root)
    kept.fetch(source, made.MODEL)
    old(root, "m1", "m2", "m3", f"{hosted.PART}m9")
    assert kept.drop({"m2"}) == ["m1", "m3"]
    assert kept.there() == left(root) == [made.MODEL, "m2"]
    old(root, made.MODEL)
    assert kept.drop({"m2"}) == [made.MODEL]
    assert kept.fetch(source, made.MODEL).is_dir()


def test_the_newest_stay_where_that_is_wished(root):
    old(root, "m1", "m2", "m3")
    assert Packs(root, keep=2).drop(set()) == ["m1"]


def test_nothing_is_dropped_while_another_fetches(root):
    old(root, "m1", f"{hosted.PART}m2")
    with Packs(root)._locked():
        assert Packs(root).drop(set()) == []
    assert left(root) == [f"{hosted.PART}m2", "m1"]
    assert Packs(root / "nowhere").drop(set()) == []


def test_a_pack_is_looked_at_where_it_is_or_in_a_copy_that_goes(source):
    with hosted.local(source) as folder:
        assert pack.read(folder).about == made.about()
    assert folder.exists() == (not source.startswith("memory:"))
