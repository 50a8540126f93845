"""The audit: one line of JSON an event, whatever somebody has typed, and no secret in it."""

import json
import logging

from hypothesis import given
from hypothesis import strategies as st

from tidemark.storefront import audit


def lines(records):
    return [record.getMessage() for record in records if record.name == audit.LOGGER]


def test_a_line_says_what_and_who_and_no_whole_email(caplog):
    caplog.set_level(logging.INFO, audit.LOGGER)
    audit.note("sign_in", account="anna.smith@shop.example", address="192.0.2.1", role="admin")
    (line,) = lines(caplog.records)
    said = json.loads(line)
    assert said.pop("at").endswith("+00:00")
    assert said == {"audit": "sign_in", "account": "a***@shop.example", "address": "192.0.2.1", "role": "admin"}


@given(st.text())
def test_what_was_typed_stays_in_its_line(typed):
    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = records.append  # type: ignore[assignment, method-assign]
    logger = logging.getLogger(audit.LOGGER)
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.INFO)
    try:
        audit.note("sign_in_refused", account=typed or "x", why=typed)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    (line,) = lines(records)
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["why"] == typed


def test_what_is_no_email_is_not_told():
    assert audit.shortened("my password") == "***"
    assert audit.shortened("@x") == "***@x"
