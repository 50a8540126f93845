"""Every error that Tidemark raises on purpose: the message says the cause in a sentence, `what_to_do` what a person does.

What is wrong stays wrong and is not retried; a `TransientError` may pass by itself and is.
"""


class TidemarkError(Exception):
    """Root of all errors that Tidemark raises on purpose.

    Args:
        message: the cause, in one sentence.
        what_to_do: what a person does about it; left out, it is the class's own.
    """

    what_to_do = "mend what the cause names, then clear the task: it continues the same run"

    def __init__(self, message: object = "", what_to_do: str = "") -> None:
        super().__init__(message)
        if what_to_do:
            self.what_to_do = what_to_do


class SettingError(TidemarkError):
    """A setting is missing or has a value that cannot work. Wrong: retrying does not help."""

    what_to_do = "mend the setting in .env or the environment (.env.example says what each means), then clear the task"


class BadInputError(TidemarkError):
    """The source cannot be loaded as it is (missing, empty, truncated, of another shape). Wrong, not retried."""

    what_to_do = "mend the file or the run's params, then run the DAG again"


class AbsentError(BadInputError):
    """There is no such source: no file, or none in the folder. Wrong, not retried; a load by day may pass over it."""


class ContractError(TidemarkError):
    """A frame or record does not satisfy its contract in `include/schemas/`. Wrong, not retried."""

    what_to_do = "mend what makes the records, or their contract in include/schemas/, then clear the task"


class GateError(TidemarkError):
    """A data set failed its Great Expectations gate. Wrong, not retried: nothing downstream may run."""

    what_to_do = "the Data Docs show the rows: mend the source, then run the DAG again"


class NotEnoughDataError(TidemarkError):
    """Too few users, items or interactions for what was asked. Wrong, not retried."""

    what_to_do = "load more, or ask for less by the run's params, then run the DAG again"


class NoChampionError(TidemarkError):
    """No model is live yet, or the model asked for was not kept."""

    what_to_do = "run load_reviews, then retrain_recommender; /tidemark lists the models that are kept"


class PackError(TidemarkError):
    """A serving pack is missing, not whole, or not what it says it is. What was served before it serves on."""

    what_to_do = "run retrain_recommender for a new model with a whole pack, or roll_back_model to one that is kept"


class TransientError(TidemarkError):
    """May be gone by itself, so it is retried."""

    what_to_do = "clear the task to run it again: it continues the same run"


class UnreachableError(TransientError):
    """A server did not answer. Unreachable, so it is retried."""

    what_to_do = "`make status` tells which server is away; once it is back, clear the task: it continues the same run"


class BusyError(TransientError):
    """A process does already as much of something costly as it may do at a time."""

    what_to_do = "try again in a few seconds"


class JobFailedError(TransientError):
    """A Spark job failed for a reason that Tidemark does not know; unknown, so it is retried."""

    what_to_do = "the stack trace above these lines shows where; mend that, then clear the task"


class KilledError(TransientError):
    """A process of the task was ended from outside: by a person, or by the system for want of memory. Retried."""

    what_to_do = (
        "ask the system whether it was for want of memory (dmesg | grep -i 'killed process', or the container's exit "
        "reason); if so, free memory or lower TIDEMARK_SPARK_DRIVER_MEMORY. Then clear the task to run it again"
    )


class TimedOutError(TransientError):
    """A task took longer than it may. Retried."""

    what_to_do = "see in the log what it waited for; give the task a longer execution_timeout in dags/, or clear it"


class NotEnoughMemoryError(TidemarkError):
    """A process asked for more memory than it may have. Wrong: the same memory fails the same way, so not retried."""

    what_to_do = (
        "raise TIDEMARK_SPARK_DRIVER_MEMORY (of explore_reviews: TIDEMARK_EXPLORE_MEMORY), or let it see fewer: "
        "TIDEMARK_WINDOW, the run's params. Then clear the task"
    )


class MissingClassError(TidemarkError):
    """Java has no such class: most often the connectors' jars are not there. Wrong, not retried."""

    what_to_do = "`make setup` fetches the connectors' jars for MongoDB and Kafka; then clear the task"


class JarError(Exception):
    """The jars cannot be had as they should be; the message says what to do."""


class SetupError(Exception):
    """Set-up cannot go on; the message says what to do."""


class TideError(TidemarkError):
    """The tide did not bring a new model; the message says where it stopped."""


class PlatformError(TidemarkError):
    """The local platform cannot do what was asked; the message says what to do."""


class BatchFailedError(TidemarkError):
    """A batch was not stored; why is in `Ingest.failure`."""


class TopicChangedError(TidemarkError):
    """The topic was deleted and made anew while it was read: begin again, from its start."""


class OutpacedError(TransientError):
    """Another process has counted the batch meanwhile: begin again, from where that one is."""


class LeaseLostError(TransientError):
    """Another worker has taken up the work meanwhile: it is left to that one."""


class CoordinatorStartingError(UnreachableError):
    """Kafka's group coordinator is not there yet, for a moment after the broker has started."""


class RefusedError(Exception):
    """Airflow did not do what was asked: the HTTP status, and why in its own words."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class NotServedError(Exception):
    """There is no such file, or none that may be shown: the two are not told apart."""


class RejectedError(Exception):
    """Carries the reason from where it is found to `parse`."""


class AccountError(TidemarkError):
    """An account or an API key cannot be made, found or changed as asked; the message says why."""

    what_to_do = "`tidemark account list` and `tidemark key list` show those that there are"


class TooManyAttemptsError(TidemarkError):
    """Somebody tried to sign in too often.

    Args:
        retry_after: seconds until the next attempt is looked at, 1 or more.
    """

    what_to_do = "wait, then try again"

    def __init__(self, message: object = "", what_to_do: str = "", *, retry_after: int = 1) -> None:
        said = message or f"too many attempts to sign in: the next one is looked at in {retry_after} s"
        super().__init__(said, what_to_do)
        self.retry_after = retry_after


class SignedOutError(TidemarkError):
    """The session that was to be changed has ended meanwhile."""

    what_to_do = "sign in again"
