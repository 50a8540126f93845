"""What a red task says: the cause, what to do, where the whole log is.

The same three lines end the task's log, are what `make run` prints, and are posted to the webhook.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import SecretStr

from tidemark.errors import JobFailedError, TidemarkError
from tidemark.settings import Settings
from tidemark.spark import causes
from tidemark.storage import run_folder
from tidemark.text import collapsed, without_passwords

log = logging.getLogger(__name__)

CAUSE, WHAT_TO_DO, WHOLE_LOG = "Cause: ", "What to do: ", "Whole log: "
LONGEST = 1_000
"""Characters of a cause: a gate's names each expectation that failed."""
SHORTEST_SECRET = 4
"""Characters of a secret that is looked for: a shorter one would be found in every word."""
POST_SECONDS = 5


def log_name(dag_id: str, run_id: str, task_id: str, map_index: int | None, try_number: int) -> str:
    """The file of a try's log below Airflow's folder of logs (its `[logging] log_filename_template`, left as it comes)."""
    mapped = f"map_index={map_index}/" if map_index is not None and map_index >= 0 else ""
    return f"dag_id={dag_id}/run_id={run_id}/task_id={task_id}/{mapped}attempt={try_number}.log"


@dataclass(frozen=True)
class Failure:
    """Why a task failed, for a person: each field is one line, and none holds a secret."""

    cause: str
    what_to_do: str
    whole_log: str

    def text(self) -> str:
        """The three lines."""
        return f"{CAUSE}{self.cause}\n{WHAT_TO_DO}{self.what_to_do}\n{WHOLE_LOG}{self.whole_log}"

    @staticmethod
    def of(error: BaseException, config: Settings, page: str, file: str = "") -> "Failure":
        """From what a task raised.

        Args:
            error: a `TidemarkError` says its cause and what to do itself; of any other it is the innermost cause.
            config: its secrets are not said, whatever the error holds; Data Docs below its artifacts become links.
            page: the task's page in the Airflow UI, `<address of the UI>/dags/...`.
            file: the file of the task's log, if it can be told.
        """
        if isinstance(error, TidemarkError):
            cause, what_to_do = str(error) or type(error).__name__, error.what_to_do
        else:
            cause, what_to_do = causes.root_cause(error), JobFailedError.what_to_do
        cause, what_to_do = (_linked(_discreet(text, config), config, page) for text in (cause, what_to_do))
        cause = cause if len(cause) <= LONGEST else f"{cause[: LONGEST - 1]}…"
        return Failure(cause, what_to_do, f"{page} (the file {file})" if file else page)

    @staticmethod
    def from_log(lines: Sequence[str]) -> "Failure | None":
        """The last that `text` said in a task's log; None where the task did not get so far."""
        starts = (CAUSE, WHAT_TO_DO, WHOLE_LOG)
        for first in range(len(lines) - 3, -1, -1):
            three = lines[first : first + 3]
            if all(map(str.startswith, three, starts)):
                return Failure(*map(str.removeprefix, three, starts))
        return None

    def post(self, webhook: SecretStr, dag_id: str, task_id: str, run_id: str) -> None:
        """Tell the webhook, if there is one; never fails, for the task has failed already."""
        more = {"error": self.cause, "dag": dag_id, "task": task_id, "run": run_id}
        more |= {"what_to_do": self.what_to_do, "whole_log": self.whole_log}
        post(webhook, f"{dag_id}.{task_id} failed in run {run_id}\n{self.text()}", more)


def post(webhook: SecretStr, text: str, more: Mapping[str, str]) -> None:
    """Tell the webhook, if there is one, `text` and fields for programs; never fails."""
    if not webhook.get_secret_value():
        return
    import httpx

    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs each address, and this one is a secret
    try:
        answer = httpx.post(webhook.get_secret_value(), json={"text": text, **more}, timeout=POST_SECONDS)
        answer.raise_for_status()
    except Exception as problem:
        log.warning("the alert webhook did not take the message (%s)", type(problem).__name__)


def _discreet(text: str, config: Settings) -> str:
    """In one line, without passwords, whether they are the platform's own or look like one."""
    own = {value.get_secret_value() for _, value in config if isinstance(value, SecretStr)}
    for secret in sorted((secret for secret in own if len(secret) >= SHORTEST_SECRET), key=len, reverse=True):
        text = text.replace(secret, "***")
    return without_passwords(collapsed(text))


def _linked(text: str, config: Settings, page: str) -> str:
    """With the console's page in place of the file of Data Docs: that page can be opened from anywhere, and is whole."""
    root, ui = re.escape(config.artifacts_root.rstrip("/")), page.partition("/dags/")[0]
    docs = rf"{root}/([^/\s]+)/([^/\s]+)/{run_folder.DOCS}/([^/\s]+)/index\.html"
    return re.sub(docs, rf"{ui}/tidemark/checks/\1/\2/\3", text)
