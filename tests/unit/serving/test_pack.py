"""A pack that is written is read as it was; one that is damaged in whatever way is refused, in a sentence."""

import json
from dataclasses import replace
from typing import Any

import fsspec
import numpy as np
import pytest

from tests.support import packs as made
from tidemark.errors import PackError
from tidemark.serving import pack, pack_contents
from tidemark.serving.texts import SortedTexts
from tidemark.storage import artifacts

PRODUCTS: list[dict[str, Any]] = [
    {"_id": "b", "title": "Böok", "categories": ["Books"], "price": 2.5},
    {"_id": "new", "title": "New"},
]


def same(one, other):
    ours, theirs = dict(one.arrays()), dict(other.arrays())
    return one.about == other.about and ours.keys() == theirs.keys() and all(
        ours[name].dtype == theirs[name].dtype and np.array_equal(ours[name], theirs[name], equal_nan=ours[name].dtype.kind == "f")
        for name in ours
    )  # fmt: skip


@pytest.mark.parametrize(
    "written",
    [
        made.pack(products=PRODUCTS),
        made.pack(factors=False),
        made.pack(users=()),
        made.pack(users=(), items=()),
        made.pack(users=["\U0001f600", "é", "a/b", "x" * 5_000], products=PRODUCTS),
        made.pack(of=made.about(topic_id=None, next_offsets={})),
        replace(made.pack(), columns={}),
    ],
    ids=["whole", "no factors", "no users", "nothing", "odd ids", "no stream", "no columns"],
)
def test_what_is_written_is_read(written, tmp_path):
    where = pack.write(str(tmp_path / "pack"), written)
    pack.verify(tmp_path / "pack")
    read = pack.read(tmp_path / "pack")
    assert same(written, read)
    assert where == pack.located(str(tmp_path / "pack"))
    assert where["bytes"] == sum(path.stat().st_size for path in (tmp_path / "pack").iterdir())


def test_what_is_read_cannot_be_written_to(tmp_path):
    pack.write(str(tmp_path), made.pack())
    read = pack.read(tmp_path)
    assert not any(array.flags.writeable for _, array in read.arrays())
    with pytest.raises(ValueError, match="read-only"):
        read.lists[0, 0] = 1


def test_it_is_written_to_a_store_that_is_no_file_system():
    folder = "memory://test-pack/run/pack"
    where = pack.write(folder, made.pack())
    assert pack_contents.parsed(artifacts.read_bytes(f"{folder}/pack.json", 10**6)).about == made.about()
    assert pack.located(folder) == where
    fsspec.filesystem("memory").rm("/test-pack", recursive=True)


@pytest.fixture
def folder(tmp_path):
    pack.write(str(tmp_path), made.pack(products=PRODUCTS))
    return tmp_path


def edit(folder, change):
    told = json.loads((folder / "pack.json").read_text())
    change(told)
    (folder / "pack.json").write_text(json.dumps(told))


def in_place_of(folder, name, array):
    """`array` as the file `name`, and `pack.json` as a hostile writer would have it: right in size and hash."""
    folder.mkdir(exist_ok=True)
    np.save(folder / f"{name}.npy", array, allow_pickle=True)
    data = (folder / f"{name}.npy").read_bytes()
    digest = pack.hashlib.sha256(data).hexdigest()
    edit(folder, lambda told: told["files"].update({f"{name}.npy": {"bytes": len(data), "sha256": digest}}))


def cut(folder, name, to=-1):
    (folder / name).write_bytes((folder / name).read_bytes()[:to])


@pytest.mark.parametrize(
    ("damage", "means"),
    [
        (lambda f: (f / "pack.json").unlink(), "no whole pack"),
        (lambda f: (f / "pack.json").write_bytes(b"\xff{"), "is none"),
        (lambda f: (f / "pack.json").write_text("[" * 100_000), "is none"),
        (lambda f: (f / "pack.json").write_text("[]"), "is none"),
        (lambda f: edit(f, lambda told: told.update(format=4)), "of format 4.*reads up to 3"),
        (lambda f: edit(f, lambda told: told.pop("about")), "is none"),
        (lambda f: edit(f, lambda told: told["about"].pop("recipe")), "is none"),
        (lambda f: edit(f, lambda told: told["about"].update(made_at="2026-01-01T00:00:00")), "without its zone"),
        (lambda f: edit(f, lambda told: told["files"].update({"../../x.npy": {"bytes": 1, "sha256": "0" * 64}})), "cannot have"),
        (lambda f: edit(f, lambda told: told["files"]["lists.npy"].update(sha256="x")), "cannot have"),
        (lambda f: edit(f, lambda told: told["files"].pop("lists.npy")), "lists.npy of the pack is missing"),
        (lambda f: edit(f, lambda told: told["files"].pop("users.ends.npy")), "users.npy or users.ends.npy"),
        (lambda f: (f / "scores.npy").unlink(), "scores.npy .* is missing"),
        (lambda f: cut(f, "scores.npy"), "scores.npy .* bytes, not"),
        (lambda f: in_place_of(f, "lists", np.zeros((2, 2), np.int64)), "lists.npy .* int64"),
        (lambda f: in_place_of(f, "lists", np.zeros((2, 3), np.int32)), "lists.npy"),
        (lambda f: in_place_of(f, "lists", np.zeros(4, np.int32)), "lists.npy"),
        (lambda f: in_place_of(f, "learned.item_factors", np.zeros((4, 2), np.float32)), "factors of 4 items, not 3"),
        (lambda f: in_place_of(f, "popular", np.zeros(2, np.int32)), "popular.npy"),
        (lambda f: in_place_of(f, "stars", np.array([{}, {}, {}], object)), "stars.npy .* no array"),
        (lambda f: in_place_of(f, "users", np.zeros(6, np.int8)), "holds no texts"),
        (lambda f: in_place_of(f, "users", np.zeros(5, np.uint8)), "does not end"),
        (lambda f: in_place_of(f, "users.ends", np.array([], np.int64)), "does not end"),
    ],
    ids=["no contents", "no text", "deep", "no object", "newer", "no about", "half an about", "no zone", "a way out", "no hash",
         "no lists", "no ends", "a file gone", "a file cut", "dtype", "shape", "axes", "factors", "popular", "objects",
         "no bytes", "short texts", "no ids"],
)  # fmt: skip
def test_a_damaged_pack_is_refused(folder, damage, means):
    damage(folder)
    with pytest.raises(PackError, match=means):
        pack.read(folder)
    with pytest.raises(PackError):
        pack.verify(folder)


def test_a_file_that_is_no_array_is_refused(folder):
    (folder / "lists.npy").write_bytes(b"x" * (folder / "lists.npy").stat().st_size)
    with pytest.raises(PackError, match=r"lists\.npy .* no array"):
        pack.read(folder)


@pytest.mark.parametrize("name", sorted(f"{name}.npy" for name, _ in made.pack(products=PRODUCTS).arrays()))
def test_one_changed_bit_anywhere_is_found(folder, name):
    data = bytearray((folder / name).read_bytes())
    data[-1] ^= 1
    (folder / name).write_bytes(bytes(data))
    with pytest.raises(PackError, match=r"SHA-256 differs"):
        pack.verify(folder)


@pytest.mark.parametrize(
    ("name", "array", "means"),
    [
        ("lists", np.array([[0, 1], [2, 9]], np.int32), "an item that it does not have"),
        ("lists", np.array([[0, -2], [2, 1]], np.int32), "an item that it does not have"),
        ("popular", np.array([0, 1, 1], np.int32), "every item once"),
        ("popular", np.array([0, 1, -1], np.int32), "every item once"),
    ],
)
def test_numbers_of_what_is_not_there_are_found(folder, name, array, means):
    in_place_of(folder, name, array)
    with pytest.raises(PackError, match=means):
        pack.verify(folder)


def test_a_half_written_pack_has_no_contents_and_writing_it_again_makes_it_whole(tmp_path, monkeypatch):
    written = made.pack()
    real = np.lib.format.write_array

    def fail(stream, array, **kwargs):
        if array is written.scores:
            raise KeyboardInterrupt
        real(stream, array, **kwargs)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(np.lib.format, "write_array", fail)
        pack.write(str(tmp_path), written)
    with pytest.raises(PackError, match="no whole pack"):
        pack.read(tmp_path)
    pack.write(str(tmp_path), written)
    pack.verify(tmp_path)
    assert isinstance(pack.read(tmp_path).users, SortedTexts)


def test_a_pack_of_the_first_format_has_its_factors_alone(folder):
    factors = np.load(folder / "learned.item_factors.npy")
    (folder / "learned.item_factors.npy").rename(folder / "item_factors.npy")
    edit(folder, lambda told: told.update(format=1))
    edit(folder, lambda told: told["files"].update({"item_factors.npy": told["files"].pop("learned.item_factors.npy")}))
    pack.verify(folder)
    assert np.array_equal(pack.read(folder).learned["item_factors"], factors)
