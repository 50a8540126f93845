"""Downloads from a server that breaks off, refuses, ignores ranges and lies: a whole file or an error that says why."""

import gzip
import json
import os
import random
import signal
import subprocess
import sys
import threading
from email.utils import formatdate
from types import SimpleNamespace

import pytest

from tests.support.unruly_server import Does, unruly
from tests.support.waiting import eventually
from tidemark.errors import BadInputError, SettingError, UnreachableError
from tidemark.landing import downloads
from tidemark.landing.downloads import Patience
from tidemark.reviews import by_name, load
from tidemark.settings import settings

WHOLE = gzip.compress(random.Random(1).randbytes(3_000_000))
PATIENCE = Patience(tries=3, longest=0.01, stalled=2, told=0)
FILE = "/file.gz"


def fetched(tmp_path, *does, patience=PATIENCE, body=WHOLE):
    """Fetch the file from a server that does this; gives what it was asked."""
    with unruly({FILE: body}, does) as server:
        downloads.fetch(server.url + FILE, tmp_path / "file.gz", patience)
    assert (tmp_path / "file.gz").read_bytes() == WHOLE
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file.gz", "file.gz.lock"]
    return server.asked


def test_a_file_is_fetched_once_and_kept(tmp_path, caplog):
    caplog.set_level("INFO")
    assert len(fetched(tmp_path)) == 1
    assert "file.gz: 3.0 of 3.0 MB" in caplog.text
    assert "MB/s" in caplog.text
    with unruly({}) as server:
        downloads.fetch(server.url + FILE, tmp_path / "file.gz", PATIENCE)
    assert server.asked == []


@pytest.mark.parametrize(
    "does",
    [
        [Does(stops_after=300_000), Does(stops_after=150_000), Does(stops_after=1)] * 3,
        [Does(stops_after=1_000_000), Does(status=503), Does(status=502)],
        [Does(stops_after=0), Does(stops_after=0)],
    ],
    ids=["again and again", "and is away", "before it began"],
)
def test_a_server_that_breaks_off_is_asked_for_the_rest(tmp_path, does):
    asked = fetched(tmp_path, *does)
    assert len(asked) == len(does) + 1
    ranges = [int(headers["Range"].strip("bytes=-")) for headers in asked if "Range" in headers]
    assert ranges == sorted(ranges)


@pytest.mark.parametrize("tag", ["", 'W/"weak"'])
def test_where_nothing_tells_whether_the_rest_is_of_the_same_file_it_begins_anew(tmp_path, tag):
    asked = fetched(tmp_path, Does(stops_after=1_000_000, tag=tag))
    assert "Range" not in asked[1]


def test_a_server_that_ignores_ranges_gives_all(tmp_path):
    fetched(tmp_path, Does(stops_after=1_000_000), Does(ignores_ranges=True))


def test_a_file_that_was_changed_meanwhile_is_fetched_anew(tmp_path):
    fetched(tmp_path, Does(stops_after=1_000_000, tag='"old"', body=b"x" * 2_000_000))


@pytest.mark.parametrize("after", ["0", "1", formatdate(usegmt=True), "soon"], ids=["now", "1 s", "a date", "no time"])
def test_too_many_requests_are_waited_for_as_long_as_is_asked_within_bounds(tmp_path, after):
    fetched(
        tmp_path, Does(status=429, headers={"Retry-After": after}), Does(status=503, headers={"Retry-After": "99999"})
    )


@pytest.mark.parametrize(
    "does",
    [
        [Does(status=503)] * 3,
        [Does(stops_after=1_000)] + [Does(stops_after=0)] * 3,
        [Does(says_length=5_000_000)] * 9,
        [Does(ignores_ranges=True, stops_after=900_000, tag="")] * 9,
    ],
    ids=["away", "no further", "says more than it has", "begins anew and never ends"],
)
def test_who_never_gives_it_is_unreachable_and_what_came_stays(tmp_path, does):
    with unruly({FILE: WHOLE}, does) as server, pytest.raises(UnreachableError, match="3 times in a row") as raised:
        downloads.fetch(server.url + FILE, tmp_path / "file.gz", PATIENCE)
    assert "goes on there" in raised.value.what_to_do
    assert not (tmp_path / "file.gz").exists()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_what_is_not_there_is_said_at_once(tmp_path, status):
    with (
        unruly({FILE: WHOLE}, [Does(status=status)]) as server,
        pytest.raises(BadInputError, match=f"answers {status}"),
    ):
        downloads.fetch(server.url + FILE, tmp_path / "file.gz", PATIENCE)
    assert len(server.asked) == 1


@pytest.mark.parametrize("body", [b"", b"no gzip at all", WHOLE[:-9], WHOLE[:2_000_000] + b"\x00" * 1_000_000])
def test_a_damaged_file_is_fetched_once_more_and_then_said(tmp_path, body):
    with unruly({FILE: body}) as server, pytest.raises(BadInputError, match="no whole gzip file"):
        downloads.fetch(server.url + FILE, tmp_path / "file.gz", PATIENCE)
    assert len(server.asked) == 2
    assert fetched(tmp_path, Does(body=body))


def test_a_length_that_is_too_short_is_found_by_the_file_itself(tmp_path):
    fetched(tmp_path, Does(says_length=2_000_000))


def test_a_circle_and_a_host_that_is_not_there(tmp_path):
    with (
        unruly({}, [Does(status=302, headers={"Location": FILE})] * 9) as server,
        pytest.raises(BadInputError, match="circle"),
    ):
        downloads.fetch(server.url + FILE, tmp_path / "file.gz", PATIENCE)
    with pytest.raises(UnreachableError, match="broke off"):
        downloads.fetch(server.url + FILE, tmp_path / "file.gz", PATIENCE)


def test_without_room_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(downloads.shutil, "disk_usage", lambda _: SimpleNamespace(free=downloads.ROOM + 1_000_000))
    with unruly({FILE: WHOLE}) as server, pytest.raises(SettingError, match=r"needs 3 MB more.*TIDEMARK_LANDING"):
        downloads.fetch(server.url + FILE, tmp_path / "file.gz", PATIENCE)


def test_a_server_that_stalls_is_left_after_a_while(tmp_path):
    never = threading.Event()
    fetched(tmp_path, Does(pauses=never), patience=Patience(tries=2, longest=0.01, stalled=0.3, told=0))
    never.set()


def test_killed_in_the_midst_it_goes_on_and_a_second_run_waits_for_the_first(tmp_path):
    target, go_on = tmp_path / "file.gz", threading.Event()
    code = "import sys, pathlib; from tidemark.landing import downloads; downloads.fetch(sys.argv[1], pathlib.Path(sys.argv[2]))"
    with unruly({FILE: WHOLE}, [Does(pauses=threading.Event()), Does(pauses=go_on)]) as server:

        def start():
            return subprocess.Popen([sys.executable, "-c", code, server.url + FILE, str(target)], env=os.environ)

        part = tmp_path / "file.gz.part"
        first = start()
        eventually(lambda: part.exists() and part.stat().st_size >= 1_000_000, 30, "the first half did not come")
        first.send_signal(signal.SIGKILL)
        first.wait()
        second, third = start(), None
        eventually(lambda: len(server.asked) == 2, 30, "nobody asked for the rest")
        third = start()
        go_on.set()
        assert (second.wait(60), third.wait(60)) == (0, 0)
        assert int(server.asked[1]["Range"].strip("bytes=-")) >= 1_000_000
        assert len(server.asked) == 2
    assert target.read_bytes() == WHOLE


REVIEW = {
    "rating": 5.0, "title": "Good", "text": "Very good", "images": [], "asin": "B1", "parent_asin": "P1", "user_id": "U1",
    "timestamp": 1_600_000_000_000, "verified_purchase": True, "helpful_vote": 0,
}  # fmt: skip
PRODUCT = {
    "main_category": "All Beauty",
    "title": "Soap",
    "parent_asin": "P1",
    "price": None,
    "categories": [],
    "details": {},
}


def lines(*records):
    return gzip.compress("".join(json.dumps(record) + "\n" for record in records).encode())


def test_a_category_is_landed_by_its_name(tmp_path, monkeypatch):
    names = by_name.addresses("", "All_Beauty")
    files = dict(zip(names.values(), (lines(REVIEW, REVIEW | {"user_id": "U2"}), lines(PRODUCT)), strict=True))
    monkeypatch.setenv("TIDEMARK_LANDING", str(tmp_path / "landing"))
    monkeypatch.setenv("TIDEMARK_ARTIFACTS", str(tmp_path / "artifacts"))
    with unruly(files) as server:
        monkeypatch.setenv("TIDEMARK_AMAZON_2023_URL", server.url)
        settings.cache_clear()
        params = {"source": "amazon-2023:all beauty", "products": None, "release": "auto"}
        for time in range(2):
            plan = load.Plan.read(load.land(params, "load_reviews", f"run{time}"))
            assert (plan.reviews.release, plan.reviews.files[0].lines) == ("2023", 2)
            assert plan.products is not None
            assert plan.products.files[0].lines == 1
        assert len(server.asked) == 2
        own = tmp_path / "own.jsonl"
        own.write_text(json.dumps(PRODUCT) + "\n")
        plan = load.Plan.read(load.land(params | {"products": str(own)}, "load_reviews", "run3"))
        assert plan.products is not None
        assert plan.products.files[0].path == str(own)
    settings.cache_clear()


def test_a_landing_elsewhere_gets_the_whole_file(tmp_path, monkeypatch):
    config = settings().model_copy(update={"landing": "memory://landing", "state": tmp_path})
    file, url = next(iter(by_name.addresses("", "Books").items()))
    with unruly({url: WHOLE}, [Does(stops_after=1_000_000)]) as server:
        config = config.model_copy(update={"amazon_2023_url": server.url})
        for _ in range(2):
            kept = by_name.fetch("amazon-2023:Books", config, products=False, patience=PATIENCE)
            assert kept == by_name.Kept(f"memory://landing/amazon-2023/Books/{file}", "")
    import fsspec

    assert fsspec.filesystem("memory").cat(kept.reviews) == WHOLE
    assert not list((tmp_path / "downloads").rglob("*.gz"))
