"""What a red task says: three lines, the same wherever they are read, without a secret."""

import http.server
import json
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from tidemark import errors
from tidemark.operations.alerts import Failure, log_name
from tidemark.settings import Settings
from tidemark.text import without_passwords

PAGE = "http://127.0.0.1:8080/dags/load_reviews/runs/manual/tasks/validate?try_number=1"
CONFIG = Settings(_env_file=None, state=Path("/srv/tidemark"), mongo_password=SecretStr("open sesame/@:x"))


def test_a_known_error_says_its_cause_and_what_to_do() -> None:
    failure = Failure.of(errors.BadInputError("r.json: empty\nnothing in it"), CONFIG, PAGE, "/logs/attempt=1.log")
    assert failure.text().splitlines() == [
        "Cause: r.json: empty nothing in it",
        f"What to do: {errors.BadInputError.what_to_do}",
        f"Whole log: {PAGE} (the file /logs/attempt=1.log)",
    ]


def test_of_an_unknown_error_it_is_the_innermost_cause() -> None:
    failure = Failure.of(ValueError("x is not y"), CONFIG, PAGE)
    assert failure.cause == "ValueError: x is not y"
    assert "stack trace" in failure.what_to_do
    assert failure.whole_log == PAGE


def test_the_data_docs_are_a_link_to_the_console() -> None:
    docs = "/srv/tidemark/artifacts/load_reviews/manual-1e8dc70c/docs/landed_reviews/index.html"
    failure = Failure.of(errors.GateError("one user", f"see {docs}, mend it"), CONFIG, PAGE)
    link = "http://127.0.0.1:8080/tidemark/checks/load_reviews/manual-1e8dc70c/landed_reviews"
    assert failure.what_to_do == f"see {link}, mend it"


@pytest.mark.parametrize("kind", [errors.GateError, errors.TidemarkError, ValueError, MemoryError])
def test_an_error_without_a_word_is_named(kind: type) -> None:
    assert Failure.of(kind(), CONFIG, PAGE).cause == kind.__name__


@given(st.text(), st.text(), st.lists(st.text(alphabet=st.characters(exclude_categories=["Cc", "Zl", "Zp"]))))
def test_what_a_log_ends_with_is_read_again_as_it_was(cause: str, what_to_do: str, before: list[str]) -> None:
    failure = Failure.of(errors.TidemarkError(cause, what_to_do), CONFIG, PAGE)
    lines = failure.text().splitlines()
    assert len(lines) == 3
    assert Failure.from_log([*before, *lines, "::endgroup::"]) == failure


def test_the_last_of_several_counts_and_a_log_may_have_none() -> None:
    first, last = (Failure(f"cause {n}", "do", "log") for n in (1, 2))
    assert Failure.from_log([*first.text().splitlines(), "again", *last.text().splitlines()]) == last
    assert Failure.from_log([]) is None
    assert Failure.from_log(["Cause: x", "What to do: y"]) is None


def test_a_long_cause_is_cut_and_a_password_across_the_cut_is_not_shown() -> None:
    failure = Failure.of(errors.GateError("x" * 990 + " mongodb://u:sesame@host/" + "y" * 100), CONFIG, PAGE)
    assert len(failure.cause) == 1_000
    assert "sesame" not in failure.cause


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("mongodb://tidemark:sesame@h1,h2/?a=b", "mongodb://tidemark:***@h1,h2/?a=b"),
        ("redis://:sesame@host:6379/0", "redis://:***@host:6379/0"),
        ("mongodb://u:se@sa:me/@host/db", "mongodb://u:***@host/db"),
        ("https://ghp_sesame@github.com/x", "https://***@github.com/x"),
        ("s3://bucket/a@b", "s3://bucket/a@b"),
        ("http://127.0.0.1:8080/dags/x", "http://127.0.0.1:8080/dags/x"),
        ("--conf spark.mongo.password=sesame --name x", "--conf spark.mongo.password=*** --name x"),
        ('{"sasl.password": "ses ame", "a": 1}', '{"sasl.password": ***, "a": 1}'),
        ("https://h/x?token=sesame&n=1", "https://h/x?token=***&n=1"),
        ("AWS_SECRET_ACCESS_KEY=sesame", "AWS_SECRET_ACCESS_KEY=***"),
        ("TIDEMARK_MONGO_PASSWORD in .env", "TIDEMARK_MONGO_PASSWORD in .env"),
    ],
)
def test_passwords_that_look_like_one_are_not_shown(text: str, shown: str) -> None:
    assert without_passwords(text) == shown
    assert shown in Failure.of(ValueError(text), CONFIG, PAGE).text()


SECRET = st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"]), min_size=8).filter(
    lambda secret: secret not in Failure.of(ValueError(""), CONFIG, PAGE).text()
)


@given(SECRET, st.text(), st.text(), st.sampled_from([errors.GateError, errors.TidemarkError, ValueError]))
def test_no_secret_of_the_platform_is_said_wherever_it_stands(secret: str, before: str, after: str, kind: type) -> None:
    config = CONFIG.model_copy(update={"kafka_password": SecretStr(secret)})
    assert secret not in Failure.of(kind(f"{before}{secret}{after}"), config, PAGE).text()


@given(SECRET.filter(lambda secret: "***" not in secret))
def test_no_password_of_an_address_is_said(password: str) -> None:
    said = Failure.of(ValueError(f"cannot reach mongodb://tidemark:{password}@127.0.0.1/?x=y now"), CONFIG, PAGE)
    assert said.cause == "ValueError: cannot reach mongodb://tidemark:***@127.0.0.1/?x=y now"


@pytest.fixture
def webhook() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """An address, and what is posted there."""
    received: list[dict[str, Any]] = []

    class Hook(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(500 if "broken" in self.path else 200)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            return

    server = http.server.HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/secret-path", received
    server.shutdown()
    server.server_close()


def test_the_webhook_is_told_the_same_lines(
    webhook: tuple[str, list[dict[str, Any]]], caplog: pytest.LogCaptureFixture
) -> None:
    address, received = webhook
    failure = Failure.of(errors.BadInputError("r.json: empty"), CONFIG, PAGE)
    with caplog.at_level(logging.INFO):
        failure.post(SecretStr(address), "load_reviews", "land", "manual")
    assert received == [
        {
            "text": f"load_reviews.land failed in run manual\n{failure.text()}",
            "dag": "load_reviews",
            "task": "land",
            "run": "manual",
            "error": "r.json: empty",
            "what_to_do": errors.BadInputError.what_to_do,
            "whole_log": PAGE,
        }
    ]
    assert "secret-path" not in caplog.text


def test_a_webhook_that_takes_nothing_fails_nothing(
    webhook: tuple[str, list[dict[str, Any]]], caplog: pytest.LogCaptureFixture
) -> None:
    failure = Failure("x", "y", "z")
    for address in (f"{webhook[0]}/broken", "http://127.0.0.1:1/secret-path", "no address"):
        caplog.clear()
        failure.post(SecretStr(address), "load_reviews", "land", "manual")
        assert "did not take the message" in caplog.text
        assert "secret-path" not in caplog.text
    failure.post(SecretStr(""), "load_reviews", "land", "manual")
    assert len(webhook[1]) == 1


def test_a_mapped_tasks_log_has_a_folder_more() -> None:
    assert (
        log_name("d", "r", "t", -1, 2)
        == log_name("d", "r", "t", None, 2)
        == "dag_id=d/run_id=r/task_id=t/attempt=2.log"
    )
    assert log_name("d", "r", "t", 0, 1) == "dag_id=d/run_id=r/task_id=t/map_index=0/attempt=1.log"
