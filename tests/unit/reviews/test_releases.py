"""Landing: what cannot be loaded is refused, with what to do about it."""

import gzip
import json
from pathlib import Path
from typing import Any

import fsspec
import pytest

from tidemark.errors import BadInputError, UnreachableError
from tidemark.reviews import releases

REVIEW_2018 = {"overall": 5.0, "verified": True, "reviewerID": "A1", "asin": "B1", "unixReviewTime": 1_400_000_000}
REVIEW_2014 = {"reviewerID": "A1", "asin": "B1", "helpful": [0, 1], "overall": 4.0, "unixReviewTime": 1_300_000_000}
REVIEW_2023 = {"rating": 5.0, "user_id": "A1", "parent_asin": "B1", "asin": "B2", "timestamp": 1_588_687_728_923}
PRODUCT_2018 = {"asin": "B1", "title": "A thing", "brand": "X", "price": "$1.00", "main_cat": "Y"}
PRODUCT_2023 = {"parent_asin": "B1", "title": "A thing", "store": "X", "price": 1.0, "main_category": "Y"}


def _packed(data: bytes) -> bytes:
    """gzip, without the time: these bytes are in the names of tests."""
    return gzip.compress(data, mtime=0)


def _lines(*records: Any) -> bytes:
    return "".join(f"{json.dumps(record)}\n" for record in records).encode()


def _land(path: Path | str, kind: str = "reviews", release: str = "auto") -> releases.Source:
    return releases.land(str(path), kind, release, str(Path(str(path)).parent / "landed"))


def _file(folder: Path, content: bytes, name: str = "reviews.json") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("kind", "record", "release"),
    [
        ("reviews", REVIEW_2014, "2014"),
        ("reviews", REVIEW_2018, "2018"),
        ("reviews", REVIEW_2023, "2023"),
        ("products", PRODUCT_2018, "2018"),
        ("products", PRODUCT_2023, "2023"),
    ],
)
def test_the_release_is_told_by_the_fields(tmp_path: Path, kind: str, record: dict[str, Any], release: str) -> None:
    path = _file(tmp_path, _lines(record, record))
    landed = _land(path, kind)
    assert landed.release == release
    assert landed.paths == [str(path)]
    assert landed.files[0].lines == 2


def test_gzip_folder_and_glob_are_found_and_the_fingerprint_is_of_the_contents(tmp_path: Path) -> None:
    _file(tmp_path, _packed(_lines(REVIEW_2018)), "a.json.gz")
    _file(tmp_path, _lines(REVIEW_2018 | {"asin": "B2"}), "b.jsonl")
    _file(tmp_path, b"not for us", "README.txt")
    folder, pattern = _land(tmp_path), _land(tmp_path / "*.json*")
    assert [Path(p).name for p in folder.paths] == ["a.json.gz", "b.jsonl"]
    assert folder.fingerprint == pattern.fingerprint
    assert _land(tmp_path / "b.jsonl").fingerprint != folder.fingerprint


def test_a_remote_file_is_copied_whole(tmp_path: Path) -> None:
    packed = _packed(_lines(REVIEW_2018))
    with fsspec.open("memory://bucket/reviews.json.gz", "wb") as stream:
        stream.write(packed)
    landed = releases.land("memory://bucket/reviews.json.gz", "reviews", "auto", str(tmp_path / "landed"))
    assert Path(landed.paths[0]).read_bytes() == packed
    assert Path(landed.paths[0]).parent == tmp_path / "landed"


def test_an_empty_file_among_others_is_left_out(tmp_path: Path) -> None:
    _file(tmp_path, b"", "a.json")
    _file(tmp_path, _lines(REVIEW_2018), "b.json")
    assert len(_land(tmp_path).files) == 1


PRETTY = json.dumps(REVIEW_2018, indent=2).encode()
TRUNCATED = _packed(b"".join(_lines(REVIEW_2018 | {"asin": f"B{i * 7919 % 9973}"}) for i in range(5_000)))[:-2_000]
CORRUPT = _packed(_lines(REVIEW_2018))[:-6] + b"\x00" * 6


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("r.json", b"", "empty"),
        ("r.json", b"\n  \n", "empty"),
        ("r.json.gz", _packed(b""), "empty"),
        ("r.json.gz", TRUNCATED, "truncated or damaged gzip"),
        ("r.json.gz", CORRUPT, "truncated or damaged gzip"),
        ("r.json.gz", _lines(REVIEW_2018), "not gzip. Rename it"),
        ("r.json", _packed(_lines(REVIEW_2018)), "does not end in .gz. Rename it"),
        ("r.json.zip", b"PK", "Unpack it"),
        ("r.json", b"user,item\n1,2\n", "not JSON, one object a line"),
        ("r.json", b"\x00\x01\x02\x03", "not JSON, one object a line"),
        ("r.json", b'"text"\n5\n', "not JSON, one object a line"),
        ("r.json", json.dumps([REVIEW_2018] * 3).encode(), "jq -c '.\\[\\]'"),
        ("r.json", json.dumps([REVIEW_2018] * 3, indent=1).encode(), "jq -c '.\\[\\]'"),
        ("r.json", PRETTY, "not one a line. Convert it: `jq -c ."),
        ("r.json", PRETTY + b"\n" + PRETTY, "not one a line. Convert it: `jq -c ."),
        ("r.json", b"{'asin': 'B1'}\n", "Python literals"),
        ("r.json", _lines(REVIEW_2018).decode().encode("utf-16"), "UTF-16"),
        ("r.json", _lines({"name": "x", "age": 3}), "another shape. Found the fields age, name; 2014 needs reviewerID"),
        ("r.json", _lines(PRODUCT_2018), "these are products, not reviews"),
        ("r.json", _lines(PRODUCT_2023), "these are products, not reviews"),
    ],
)
def test_bad_input_is_refused_with_what_to_do(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        _land(_file(tmp_path, content, name))


def test_reviews_given_as_products_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="these are reviews, not products"):
        _land(_file(tmp_path, _lines(REVIEW_2018 | {"reviewText": "x"})), "products")


def test_a_missing_file_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"no such file \(looked for .*nowhere.json"):
        _land(tmp_path / "nowhere.json")


def test_a_folder_with_nothing_in_it(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="nothing at all"):
        _land(tmp_path)
    _file(tmp_path, b"x", "notes.txt")
    with pytest.raises(BadInputError, match=r"there is: notes.txt"):
        _land(tmp_path)
    with pytest.raises(BadInputError, match="no file matches"):
        _land(tmp_path / "*.json")


def test_files_of_two_releases_are_refused(tmp_path: Path) -> None:
    _file(tmp_path, _lines(REVIEW_2014), "a.json")
    _file(tmp_path, _lines(REVIEW_2023), "b.json")
    with pytest.raises(BadInputError, match=r"a.json is of 2014; .*b.json is of 2023"):
        _land(tmp_path)


def test_a_forced_release_must_fit(tmp_path: Path) -> None:
    path = _file(tmp_path, _lines(REVIEW_2018))
    assert _land(path, release="2014").release == "2014"
    with pytest.raises(BadInputError, match="and you said 2023"):
        _land(path, release="2023")
    with pytest.raises(BadInputError, match="of the release 2014 cannot be read"):
        _land(_file(tmp_path, _lines(PRODUCT_2018)), "products", "2014")


def test_an_address_of_an_unknown_kind() -> None:
    with pytest.raises(BadInputError, match="cannot be read here"):
        _land("gopher://example.com/reviews.json")


def test_a_store_that_does_not_answer_is_unreachable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Down(fsspec.AbstractFileSystem):
        protocol = "down"

        def info(self, path: str, **kwargs: Any) -> Any:
            raise ConnectionResetError("reset by peer")

    fsspec.register_implementation("down", Down, clobber=True)
    with pytest.raises(UnreachableError, match="ConnectionResetError"):
        releases.land("down://x/reviews.json", "reviews", "auto", str(tmp_path))
