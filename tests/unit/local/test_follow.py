"""Following a run: to its end, or until the task that matters has succeeded."""

from typing import Any, cast

import pytest

from tidemark.errors import PlatformError
from tidemark.local import follow
from tidemark.local.airflow_client import AirflowApi


class Run:
    """An Airflow whose one run goes through `looks`, a look each; the last one stays."""

    def __init__(self, *looks: dict[str, str]) -> None:
        self.looks, self.seen = looks, 0

    def run(self, _dag_id: str, _run_id: str) -> dict[str, Any]:
        """The run's state, that of its last task."""
        self.seen += 1
        state = self._states().get("report", "running")
        return {"state": state if state in ("success", "failed") else "running"}

    def tasks(self, _dag_id: str, _run_id: str) -> list[dict[str, Any]]:
        """Its tasks at this look."""
        return [{"task_id": t, "state": s, "end_date": "", "duration": 1.0} for t, s in self._states().items()]

    def _states(self) -> dict[str, str]:
        return self.looks[min(self.seen, len(self.looks)) - 1]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No look waits for the next."""
    monkeypatch.setattr(follow, "_watch", lambda tasks: None)


def followed(run: Run, until: str | None) -> int:
    """How many looks it took."""
    follow.follow(cast(AirflowApi, run), "dag", "run", until=until)
    return run.seen


def test_it_ends_with_the_run_or_once_the_task_that_matters_has_succeeded() -> None:
    looks = {"live": "running"}, {"live": "success", "report": "queued"}, {"live": "success", "report": "success"}
    assert followed(Run(*looks), None) == 3
    assert followed(Run(*looks), "live") == 2


def test_where_the_task_that_matters_fails_the_run_is_followed_to_its_red_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "why_failed", lambda *_: "it failed in its task live")
    looks = {"live": "failed", "report": "queued"}, {"live": "failed", "report": "failed"}
    with pytest.raises(PlatformError, match="task live"):
        followed(Run(*looks), "live")


def test_where_a_person_is_asked_it_says_once_where_they_answer(capsys: pytest.CaptureFixture[str]) -> None:
    asked = {"approve": "awaiting_input"}
    assert followed(Run(asked, asked, {"approve": "success", "report": "success"}), None) == 3
    assert capsys.readouterr().out.count("/required_actions") == 1
