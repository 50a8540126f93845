"""Phases: what is kept of a job, and what is only logged."""

import logging
import os
import subprocess
import sys

import pytest

from tidemark import phases


def test_a_job_tells_its_phases_in_order_with_what_they_took():
    with phases.job() as took:
        with phases.phase("work"):
            sum(range(2_000_000))
        with phases.phase("rest"):
            pass
        told = took()
    assert [row["phase"] for row in told["phases"]] == ["work", "rest"]
    work, rest = told["phases"]
    assert work["cpu_seconds"] > rest["cpu_seconds"] >= 0
    assert told["seconds"] >= work["seconds"] - 0.1


def test_each_job_of_a_process_has_its_own_and_outside_of_one_they_are_logged(caplog: pytest.LogCaptureFixture):
    with phases.job(), phases.phase("of the first"):
        pass
    with phases.job() as took, phases.phase("of the second"):
        pass
    with caplog.at_level(logging.INFO), phases.phase("of none"):
        pass
    assert "of none: 0.0 s (0.0 s of CPU)" in caplog.text
    with phases.job() as took:
        assert took()["phases"] == []


def test_a_job_whose_body_fails_leaves_nothing_to_the_next():
    with pytest.raises(ValueError, match="no"), phases.job(), phases.phase("failing"):
        raise ValueError("no")
    with phases.job() as took:
        assert took()["phases"] == []


def test_of_a_submitted_job_the_first_phase_is_its_start():
    code = "from tidemark import phases\nwith phases.job() as took: print([row['phase'] for row in took()['phases']])"
    environment = os.environ | {"PYSPARK_GATEWAY_PORT": "1"}
    said = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "['start']"
