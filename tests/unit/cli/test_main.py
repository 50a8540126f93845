"""The command line: what a person mistypes is answered in a line."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fsspec
import pytest
from typer.testing import CliRunner

from tidemark.cli import main
from tidemark.cli.named_columns import named_columns
from tidemark.errors import BadInputError, PlatformError
from tidemark.local import demo_accounts, first_run, lifecycle, model_summary
from tidemark.local import status as overview
from tidemark.local.first_run import Source
from tidemark.settings import Settings, settings
from tidemark.storage import mongo

runner = CliRunner()


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMARK_STATE", str(tmp_path / "state"))
    settings.cache_clear()


def test_params_are_json_or_text() -> None:
    given = ["seed=7", "source=a=b", "force=true", "name=x"]
    assert main._params(given) == {"seed": 7, "source": "a=b", "force": True, "name": "x"}


def test_a_param_without_a_value_is_refused() -> None:
    assert runner.invoke(main.app, ["run", "--load", "seed"]).exit_code != 0


def test_local_paths_become_absolute_and_defaults_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Source.of("builtin", "", "", {}).conf == {"source": "builtin"}
    assert Source.of("a/*.gz", "s3://b/c", "2018", {}).conf == {
        "source": str(tmp_path / "a" / "*.gz"),
        "products": "s3://b/c",
        "release": "2018",
    }


def test_which_dag_loads_a_file_is_told_by_the_file(tmp_path: Path) -> None:
    config = Settings(state=tmp_path / "state", _env_file=None)
    review = {"reviewerID": "A1", "asin": "B1", "overall": 5.0, "unixReviewTime": 1_400_000_000}
    files = {
        "reviews.json": json.dumps(review),
        "meta.json": json.dumps({"asin": "B1", "title": "x", "brand": "y", "price": "$1", "main_cat": "z"}),
        "ratings.csv": "userId,movieId,rating,timestamp\n1,31,2.5,1260759144\n",
        "movies.csv": "movieId,title,genres\n31,x,y\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text + "\n")
    reviews, meta, ratings, movies = (str(tmp_path / name) for name in files)

    def loads(source: str, products: str, release: str, **more: object) -> list[tuple[str, dict[str, Any]]]:
        return Source.of(source, products, release, more).loads(config)

    assert loads("builtin", "", "") == [("load_reviews", {"source": "builtin"})]
    assert loads("amazon-2023:Books", "", "")[0][0] == "load_reviews"
    assert loads(reviews, meta, "") == [("load_reviews", {"source": reviews, "products": meta})]
    assert loads(ratings, movies, "", item="movieId") == [
        ("load_products", {"source": movies}),
        ("load_interactions", {"source": ratings, "item": "movieId"}),
    ]
    assert loads(reviews, movies, "") == [("load_products", {"source": movies}), ("load_reviews", {"source": reviews})]
    assert loads(ratings, "", "") == [("load_interactions", {"source": ratings})]
    assert loads(ratings, "", "2018")[0][0] == "load_reviews"  # who says a release means Amazon's
    assert loads(str(tmp_path / "nowhere.csv"), "", "")[0][0] == "load_interactions"
    with pytest.raises(BadInputError, match="these are Amazon's products"):
        loads(ratings, meta, "")
    parent = Source.of(f"{tmp_path}/state/../ratings.csv", "", "", {})
    assert parent.conf["source"] == ratings  # as people type it


def test_columns_are_said_in_one_word(monkeypatch: pytest.MonkeyPatch) -> None:
    assert named_columns("item=sku time=at") == {"item": "sku", "time": "at"}
    assert named_columns("") == {}
    assert named_columns("'time_unit=%d/%m/%Y %H:%M' user=who") == {"time_unit": "%d/%m/%Y %H:%M", "user": "who"}
    assert runner.invoke(main.app, ["run", "--columns", "item='x"]).exit_code != 0
    assert runner.invoke(main.app, ["run", "--columns", "item"]).exit_code != 0


def test_a_file_written_anew_is_noticed(tmp_path: Path) -> None:
    import os

    (tmp_path / "a.gz").write_bytes(b"x")
    os.utime(tmp_path / "a.gz", (1_000_000_000, 1_000_000_000))
    whole, pattern = (Source.of(str(path), "", "", {}) for path in (tmp_path, tmp_path / "*.gz"))
    assert whole.changed_at().year == pattern.changed_at().year == 2001
    assert Source.of("builtin", "", "", {}).changed_at().year == 1970


def test_an_object_that_was_written_again_at_the_same_address_is_noticed() -> None:
    memory = fsspec.filesystem("memory")
    before = datetime.now(UTC)
    memory.pipe("/changed/reviews.json", b"one")
    source = Source.of("memory://changed", "", "", {})
    first = source.changed_at()
    assert before <= first <= datetime.now(UTC)
    memory.pipe("/changed/reviews.json", b"two")
    assert source.changed_at() > first
    assert Source.of("memory://nowhere/none.json", "", "", {}).changed_at().year == 1970
    assert Source.of("http://127.0.0.1:9/none.json", "", "", {}).changed_at().year == 1970


def test_status_of_nothing_says_stopped_and_fails() -> None:
    answer = runner.invoke(main.app, ["status"])
    assert answer.exit_code == 1


def test_stop_and_clean_of_nothing_are_no_error() -> None:
    assert runner.invoke(main.app, ["stop"]).output == "Nothing was running.\n"
    assert "Nothing to remove" in runner.invoke(main.app, ["clean"]).output


def test_clean_asks_first(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o700)
    refused = runner.invoke(main.app, ["clean"], input="n\n")
    assert refused.exit_code == 1
    assert str(tmp_path / "state") in refused.output
    assert (tmp_path / "state").exists()
    assert runner.invoke(main.app, ["clean"], input="y\n").exit_code == 0
    assert not (tmp_path / "state").exists()


def test_errors_are_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["tidemark", "logs", "nobody"])
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith("There is no service nobody. There are: mongo, kafka")


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The steps of `tidemark run`, in their order; none of them does anything."""
    steps: list[str] = []
    monkeypatch.setattr("sys.argv", ["tidemark", "run"])
    monkeypatch.setattr(lifecycle, "prepare", settings)
    monkeypatch.setattr(lifecycle, "start", lambda config: steps.append("start"))
    monkeypatch.setattr(first_run, "run", lambda config, wanted, whole: steps.append("whole job" if whole else "job"))
    monkeypatch.setattr(mongo, "connect", lambda config: None)
    monkeypatch.setattr(demo_accounts, "ensure", lambda config, db: steps.append("accounts"))
    monkeypatch.setattr(model_summary, "show", lambda db: steps.append("model"))
    monkeypatch.setattr(lifecycle, "await_ingest", lambda config: steps.append("ingest"))
    monkeypatch.setattr(overview, "addresses", lambda config, accounts: steps.append("addresses"))
    return steps


def fail(message: str) -> None:
    raise PlatformError(message)


def test_all_services_start_before_the_job_and_the_ingest_is_checked_after_it(steps: list[str]) -> None:
    assert runner.invoke(main.app, ["run"]).exit_code == 0
    assert steps == ["start", "accounts", "job", "accounts", "model", "ingest", "addresses"]
    steps.clear()
    assert runner.invoke(main.app, ["run", "--no-job"]).exit_code == 0
    assert steps == ["start", "accounts", "ingest", "addresses"]
    steps.clear()
    assert runner.invoke(main.app, ["run", "--whole"]).exit_code == 0
    assert steps[2] == "whole job"


def test_a_job_that_fails_is_told_with_the_addresses_of_what_runs_all_the_same(
    steps: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(first_run, "run", lambda config, wanted, whole: fail("load_reviews failed in its task land"))
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == 1
    assert capsys.readouterr().err == "load_reviews failed in its task land\n"
    assert steps == ["start", "accounts", "addresses"]


def test_an_ingest_that_does_not_come_up_is_told_after_the_model(
    steps: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lifecycle, "await_ingest", lambda config: fail("ingest does not start"))
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == 1
    assert capsys.readouterr().err == "ingest does not start\n"
    assert steps == ["start", "accounts", "job", "accounts", "model", "addresses"]


def test_whoever_stops_watching_is_told_that_the_platform_goes_on(
    steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(config: Settings, wanted: Source, *, whole: bool) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(first_run, "run", interrupted)
    answer = runner.invoke(main.app, ["run"])
    assert answer.exit_code == 130
    assert "The platform goes on" in answer.output
    assert steps == ["start", "accounts", "addresses"]
