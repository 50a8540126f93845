"""How files are read is told before anything is stored: presets on their exact published shapes, and what cannot be told asks."""

import bz2
import gzip
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tidemark.errors import BadInputError
from tidemark.landing import packing
from tidemark.settings import Settings
from tidemark.sources import planning
from tidemark.sources.formats import PARQUET, TABLE

INTERACTIONS, PRODUCTS = planning.INTERACTIONS, planning.PRODUCTS


@pytest.fixture
def config(tmp_path: Path) -> Settings:
    return Settings(state=tmp_path / "state", landing_max_gb=0.01, _env_file=None)


@pytest.fixture
def plan(tmp_path: Path, config: Settings) -> Any:
    def of(source: Path | str, kind: str = INTERACTIONS, **params: Any) -> planning.Plan:
        return planning.of_params(kind, {"source": str(source)} | params, str(tmp_path / "staged"), config)

    return of


@pytest.fixture
def file(tmp_path: Path) -> Any:
    def write(name: str, content: bytes | str) -> Path:
        path = tmp_path / "data" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def _zstd(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as packed:
        packed.write(data)
    return sink.getvalue().to_pybytes()


PUBLISHED = {
    "u.data": ("196\t242\t3\t881250949\n186\t302\t3\t891717742\n", "movielens", "196", "242", "s", "1-5"),
    "ratings.dat": ("1::1193::5::978300760\n1::661::3::978302109\n", "movielens", "1", "1193", "s", "1-5"),
    "ratings.csv": ("userId,movieId,rating,timestamp\n1,31,2.5,1260759144\n", "movielens", "1", "31", "s", "0.5-5"),
    "ratings_Beauty.csv": (
        "A39HTATAQ9V7YF,0205616461,5.0,1369699200\nA3JM6GV9MNOF9X,0558925278,3.0,1355443200\n",
        "amazon_ratings", "A39HTATAQ9V7YF", "0205616461", "s", "1-5",
    ),
    "All_Beauty.csv": (
        "0143026860,A1V6B6TNIC10QE,1.0,1424304000\n014789302X,A2NHD7LUXVGTD3,4.0,1418860800\n",
        "amazon_ratings", "A1V6B6TNIC10QE", "0143026860", "s", "1-5",
    ),
    "Books.csv": (
        "user_id,parent_asin,rating,timestamp\nAFKZENTNBQ7A7V7UXW5JJI6UGRYQ,0593235657,5.0,1640629604904\n",
        "amazon_ratings", "AFKZENTNBQ7A7V7UXW5JJI6UGRYQ", "0593235657", "ms", "1-5",
    ),
    "events.csv": (
        "timestamp,visitorid,event,itemid,transactionid\n1433221332117,257597,view,355908,\n1433224214164,992329,transaction,248676,4000\n",
        "retailrocket", "257597", "355908", "ms", "",
    ),
    "sales.csv": ("user,product,quantity,timestamp\nann,tea,3,2024-01-02T03:04:05\n", "sales", "ann", "tea", "iso", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("asked", ["auto", "by name"])
def test_a_preset_on_its_exact_published_shape(plan, file, name, asked):
    content, preset, user, item, unit, scale = PUBLISHED[name]
    made = plan(file(name, content), preset="auto" if asked == "auto" else preset)
    assert (made.preset, made.name, made.unit, made.scale) == (preset, preset, unit, scale)
    decode = planning.landed.records.decoder(made.landed.format)
    line = content.splitlines()[1 if made.landed.format.header else 0].encode()
    record, _ = decode(line)
    assert (record[made.columns["user"]], record[made.columns["item"]]) == (user, item)
    assert made.landed.records == len(content.splitlines()) - made.landed.format.header
    assert any(line.startswith("columns: ") for line in made.said)


def test_presets_of_catalogues(plan, file):
    genres = "|".join(["0", "0", "0", "1", "1", "1", *["0"] * 13])
    item = f"1|Toy Story (1995)|01-Jan-1995||http://us.imdb.com/M/title-exact?Toy%20Story%20(1995)|{genres}\n".encode()
    item += f"2|Caf\u00e9 (1995)|01-Jan-1995||http://x|{genres}\n".encode("iso-8859-1")
    made = plan(file("u.item", item), PRODUCTS, preset="movielens")
    assert made.columns == {"item": "1", "title": "2"}
    assert [made.flags[str(place)] for place in (9, 10, 11)] == ["Animation", "Children's", "Comedy"]
    assert "Caf\u00e9" in Path(made.landed.files[0].path).read_text()
    movies = plan(
        file("movies.csv", 'movieId,title,genres\n11,"American President, The (1995)",Comedy|Drama\n'), PRODUCTS
    )
    assert (movies.preset, movies.columns["category"]) == ("movielens", "genres")
    dat = plan(file("movies.dat", "1::Toy Story (1995)::Animation|Children's|Comedy\n"), PRODUCTS, preset="movielens")
    assert dat.columns == {"item": "1", "title": "2", "category": "3"}


HEADER = "user,item,time,rating\n"
BAD = {
    "no header": ("1,2,978300760,4\n3,4,978302109,5\n", {}, "by its number .no header was found"),
    "two candidates": ("user,sku,asin,time\n1,2,3,978300760\n", {}, "2 columns may be the item: sku, asin"),
    "mixed units": (HEADER + "1,2,978300760,4\n1,3,978300760000,4\n", {}, "several units"),
    "ambiguous times": (HEADER + "1,2,17,4\n", {}, "`time_unit`"),
    "ambiguous dates": (HEADER + "1,2,03/04/2015,4\n", {}, "day and month cannot be told apart"),
    "ratings on no scale": (HEADER + "1,2,978300760,-40\n", {}, "`scale`"),
    "all ratings 1": (HEADER + "1,2,978300760,1\n", {}, "every rating seen is 1"),
    "ratings that are none": (HEADER + "1,2,978300760,good\n", {}, "holds no ratings"),
    "no rows": (HEADER, {}, "no record in it"),
    "nothing": ("", {}, "no record in it"),
    "blank": ("\n\n  \n", {}, "no record in it"),
    "an executable": (b"\x7fELF\x02\x01\x01\x00\x00\x00", {}, "no text"),
    "a JSON array": ('[{"user": 1}]', {}, "a JSON array"),
    "words": ("hello\nworld\n", {}, "neither JSON lines nor a table"),
    "a column twice": ("user,item,item\n1,2,3\n", {}, "'item' twice"),
    "no such column": (HEADER + "1,2,978300760,4\n", {"user": "who"}, "no column 'who' for the user"),
    "no such preset": (HEADER + "1,2,978300760,4\n", {"preset": "netflix"}, "there are movielens, amazon_ratings"),
    "not of the preset": (
        HEADER + "1,2,978300760,4\n",
        {"preset": "retailrocket"},
        "no file of the preset retailrocket",
    ),
    "no such unit": (HEADER + "1,2,978300760,4\n", {"time_unit": "days"}, "time_unit 'days'"),
    "no such encoding": (HEADER + "1,2,978300760,4\n", {"encoding": "klingon"}, "no encoding 'klingon'"),
    "another encoding": (HEADER.encode() + b"\xff,2,978300760,4\n", {"encoding": "ascii"}, "its text is not ascii"),
    "a bad name": (HEADER + "1,2,978300760,4\n", {"name": "My Shop"}, "lower-case letters"),
    "a reserved name": (HEADER + "1,2,978300760,4\n", {"name": "review"}, "none of review"),
    "lists": ('{"user": ["a"], "item": "b"}\n', {}, "holds lists, and the user is one value"),
    "records": ('{"user": {"id": 1}, "item": "b"}\n', {}, "holds records"),
    "too much": (HEADER + "1,2,978300760,4\n" * 700_000, {}, "TIDEMARK_LANDING_MAX_GB"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_asks_or_says_what_mends_it(plan, file, case):
    content, params, says = BAD[case]
    with pytest.raises(BadInputError, match=says):
        plan(file("data.csv", content), **params)


def test_a_bomb_a_long_line_and_damaged_files(plan, file, monkeypatch):
    with pytest.raises(BadInputError, match=r"holds more than 0\.01 GB.*LANDING_MAX_GB"):
        plan(file("bomb.csv.gz", gzip.compress(b"user,item\n" + b"0" * 50_000_000)))
    monkeypatch.setattr(packing, "LONGEST_LINE", 1 << 20)
    with pytest.raises(BadInputError, match="line 2 is longer than 1 MB"):
        plan(file("long.csv", b"user,item\n" + b"x" * 5_000_000))
    whole = gzip.compress(b"user,item\n" + os.urandom(100_000).hex().encode())
    with pytest.raises(BadInputError, match="truncated or damaged gzip"):
        plan(file("cut.csv.gz", whole[: len(whole) // 2]))
    for name, packed in (("cut.csv.bz2", bz2.compress(whole)), ("cut.csv.zst", _zstd(whole))):
        with pytest.raises(BadInputError, match=r"truncated or damaged (bzip2|Zstandard)"):
            plan(file(name, packed[: len(packed) // 2]))
    with pytest.raises(BadInputError, match=r"it is gzip, but its name does not end in \.gz"):
        plan(file("packed.csv", whole))
    with pytest.raises(BadInputError, match=r"not bzip2\. Rename it"):
        plan(file("plain.csv.bz2", b"user,item\n1,2\n"))
    for name in ("a.zip", "a.csv.xz"):
        with pytest.raises(BadInputError, match="this packing cannot be read"):
            plan(file(name, b"user,item\n1,2\n"))
    with pytest.raises(BadInputError, match="truncated or damaged Parquet"):
        plan(file("cut.parquet", b"PAR1 and no more"))


def test_parquet_with_other_types(plan, file, tmp_path):
    path = file("x.parquet", b"")
    pd.DataFrame({"user": [{"id": 1}], "item": ["a"]}).to_parquet(path)
    with pytest.raises(BadInputError, match=r"'user' holds records.*column of its own"):
        plan(path)
    pd.DataFrame({"user": [[1, 2]], "item": ["a"]}).to_parquet(path)
    with pytest.raises(BadInputError, match="'user' holds lists"):
        plan(path)
    pd.DataFrame(
        {"user": [1.0, None], "item": ["a", "b"], "when": np.array(["2020-01-01"] * 2, "datetime64[ns]")}
    ).to_parquet(path)
    made = plan(path, time="when")
    assert (made.landed.format.kind, made.unit, made.landed.records) == (PARQUET, "ns", 2)


def test_files_of_several_shapes_are_refused_and_empty_ones_left_out(plan, file):
    folder = file("a.csv", "user,item\n1,2\n").parent
    file("b.csv", "")
    assert plan(folder).landed.records == 1
    file("c.csv", "user,item,rating\n1,2,3\n")
    with pytest.raises(
        BadInputError,
        match=r"several shapes: .*a\.csv is table, separator comma, with a header of user, item; .*c\.csv",
    ):
        plan(folder)


def test_paths_that_lead_elsewhere_are_refused(plan, file, config, tmp_path):
    inside = file("a.csv", "user,item\n1,2\n")
    secret = tmp_path / "secret.csv"
    secret.write_text("user,item\n1,2\n")
    (inside.parent / "link.csv").symlink_to(secret)
    for source in (inside.parent, inside.parent / "*.csv"):
        with pytest.raises(BadInputError, match=r"a link to .*secret\.csv, outside"):
            plan(source)
    with pytest.raises(BadInputError, match=r"without `\.\.`"):
        plan(f"{inside.parent}/../secret.csv")
    config.state.mkdir()
    (config.state / "env").write_text("TIDEMARK_MONGO_PASSWORD=x\n")
    for own in (config.state / "env", "/proc/self/environ", "/dev/zero"):
        with pytest.raises(BadInputError, match="no file of data"):
            plan(own)
    with pytest.raises(BadInputError, match="no such file"):
        plan(tmp_path / "nowhere.csv")


def test_times_that_are_none_and_what_is_said(plan, file):
    made = plan(file("likes.csv", "user,item\na,1\nb,2\n"))
    assert (made.unit, made.name, made.scale) == ("none", "likes", "")
    assert planning.NO_TIMES in made.said
    assert "ratings: none" in made.said
    given = plan(file("dated.csv", "user,item,time\na,1,2020-01-01\n"), time_unit="none")
    assert given.unit == "none"
    dated = plan(file("dated.csv", "user,item,time\na,1,03/04/2015\n"), time_unit="%d/%m/%Y")
    assert "times: the pattern %d/%m/%Y: '03/04/2015' is 2015-04-03T00:00:00+00:00" in dated.said


def test_a_plan_is_kept_and_read_back_and_its_load_is_named_by_what_is_read(plan, file, tmp_path):
    path = file("a.csv", "user,item\n1,2\n")
    made = plan(path)
    (tmp_path / "run").mkdir()
    made.write(str(tmp_path / "run"))
    assert planning.Plan.read(str(tmp_path / "run")) == made
    assert plan(path).load_id == made.load_id
    assert plan(path, name="other").load_id != made.load_id
    assert plan(path, user="item", item="user").load_id != made.load_id
    assert made.landed.format.kind == TABLE


def test_where_one_file_has_line_feeds_in_quotes_all_are_read_alike(plan, file):
    folder = file("a.csv", "user,item\nu1,i1\nu2,i2\n").parent
    file("b.csv", b'\xef\xbb\xbfuser,item\n"u\n3",i3\nu4,"i,4"\n')
    made = plan(folder)
    assert made.landed.format.folded
    assert made.landed.records == 4
    decode = planning.landed.records.decoder(made.landed.format)
    lines = [line for one in made.landed.files for line in Path(one.path).read_bytes().splitlines()]
    found = [decode(line)[0] for line in lines]
    assert found == [
        {"user": "u1", "item": "i1"}, {"user": "u2", "item": "i2"}, {"user": "u\n3", "item": "i3"}, {"user": "u4", "item": "i,4"},
    ]  # fmt: skip


def test_columns_that_only_later_records_have_are_found(plan, file):
    lines = ['{"user": "a", "item": "b"}'] * 300 + ['{"user": "a", "item": "b", "rating": 4}'] * 300
    assert plan(file("late.jsonl", "\n".join(lines))).columns["rating"] == "rating"
