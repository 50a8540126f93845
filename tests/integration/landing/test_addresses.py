"""What a load may ask over HTTP: never this machine, unless a setting says so; and what it makes of what comes."""

import gzip
import io
from pathlib import Path

import pytest

from tests.support.unruly_server import Does, unruly
from tidemark.errors import BadInputError, UnreachableError
from tidemark.landing import addresses
from tidemark.settings import Settings
from tidemark.sources import planning

DATA = b"user,item\n1,2\n3,4\n"


def config(folder: Path, *, allowed: bool = True, most: float = 1.0) -> Settings:
    return Settings(state=folder, load_from_loopback=allowed, landing_max_gb=most, _env_file=None)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "[::ffff:127.0.0.1]", "0.0.0.0"])  # noqa: S104
def test_this_machine_is_not_asked(tmp_path: Path, host: str) -> None:
    with unruly({"/a.csv": DATA}) as server:
        url = server.url.replace("127.0.0.1", host) + "/a.csv"
        with pytest.raises(BadInputError, match=r"this machine or its link.*TIDEMARK_LOAD_FROM_LOOPBACK"):
            addresses.read(url, io.BytesIO(), config(tmp_path, allowed=False))
        assert server.asked == []


@pytest.mark.parametrize("url", ["http://169.254.169.254/latest/meta-data", "http://[fe80::1]/x", "http://[::1]:1/x"])
def test_nor_is_its_link(tmp_path: Path, url: str) -> None:
    with pytest.raises(BadInputError, match="this machine or its link"):
        addresses.read(url, io.BytesIO(), config(tmp_path, allowed=False))


def test_nor_where_a_server_leads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "_peer", lambda response: [])
    resolved = addresses._resolved
    with unruly({"/a.csv": DATA}, [Does(status=302, headers={"Location": "http://127.0.0.1:1/secret"})]) as server:
        first = server.url + "/a.csv"
        monkeypatch.setattr(addresses, "_resolved", lambda url: [] if url == first else resolved(url))
        with pytest.raises(BadInputError, match="this machine or its link"):
            addresses.read(first, io.BytesIO(), config(tmp_path, allowed=False))
        assert len(server.asked) == 1


def test_a_name_that_resolves_to_this_machine_the_second_time_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "_resolved", lambda url: ["93.184.216.34"])
    monkeypatch.setattr(addresses, "getproxies", dict)
    copy = io.BytesIO()
    with unruly({"/a.csv": DATA}) as server, pytest.raises(BadInputError, match="this machine or its link"):
        addresses.read(server.url + "/a.csv", copy, config(tmp_path, allowed=False))
    assert copy.getvalue() == b""


def test_what_is_allowed_is_loaded_packed_or_not_after_a_redirect(tmp_path: Path) -> None:
    files = {"/a.csv": DATA, "/b.csv.gz": gzip.compress(DATA)}
    for path in files:
        with unruly(files, [Does(status=301, headers={"Location": path})]) as server:
            made = planning.of_params(
                planning.INTERACTIONS, {"source": server.url + path}, str(tmp_path / "staged"), config(tmp_path)
            )
        assert (made.landed.records, made.name) == (2, path[1])


@pytest.mark.parametrize(
    ("does", "error", "says"),
    [
        (Does(status=404), BadInputError, "answers 404"),
        (Does(status=403), BadInputError, "answers 403"),
        (Does(status=429), UnreachableError, "answers 429"),
        (Does(status=503), UnreachableError, "answers 503"),
        (Does(stops_after=5), UnreachableError, "does not answer|broke off"),
        (Does(status=302, headers={"Location": "file:///etc/passwd"}), BadInputError, "leads to file:"),
    ],
)
def test_what_goes_wrong_is_said(tmp_path: Path, does: Does, error: type[Exception], says: str) -> None:
    with unruly({"/a.csv": DATA}, [does]) as server, pytest.raises(error, match=says):
        addresses.read(server.url + "/a.csv", io.BytesIO(), config(tmp_path))


def test_no_more_than_a_load_may_is_fetched_and_nobody_is_followed_for_ever(tmp_path: Path) -> None:
    with unruly({"/a.csv": DATA * 1_000}) as server, pytest.raises(BadInputError, match="TIDEMARK_LANDING_MAX_GB"):
        addresses.read(server.url + "/a.csv", io.BytesIO(), config(tmp_path, most=1e-6))
    again = Does(status=302, headers={"Location": "/a.csv"})
    with unruly({"/a.csv": DATA}, [again] * 9) as server, pytest.raises(BadInputError, match="leads on and on"):
        addresses.read(server.url + "/a.csv", io.BytesIO(), config(tmp_path))
    with pytest.raises(UnreachableError, match="does not answer"):
        addresses.read("http://127.0.0.1:9/a.csv", io.BytesIO(), config(tmp_path))
