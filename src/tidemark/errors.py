"""Every error that Tidemark raises on purpose; each message says what to do next."""


class TidemarkError(Exception):
    """Root of all errors that Tidemark raises on purpose."""


class SettingError(TidemarkError):
    """A setting is missing or has a value that cannot work. Wrong: retrying does not help."""


class BadInputError(TidemarkError):
    """The source cannot be loaded as it is (missing, empty, truncated, of another shape). Wrong, not retried."""


class ContractError(TidemarkError):
    """A frame or record does not satisfy its contract in `include/schemas/`. Wrong, not retried."""


class GateError(TidemarkError):
    """A data set failed its Great Expectations gate. Wrong, not retried: nothing downstream may run."""


class NotEnoughDataError(TidemarkError):
    """Too few users, items or interactions for what was asked. Wrong, not retried."""


class NoChampionError(TidemarkError):
    """No model is live yet, or the model asked for was not kept."""


class UnreachableError(TidemarkError):
    """A server did not answer. Unreachable, so it is retried."""


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


class CoordinatorStartingError(UnreachableError):
    """Not reachable for a moment."""


class RefusedError(Exception):
    """Airflow did not do what was asked: the HTTP status, and why in its own words."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class NotServedError(Exception):
    """There is no such file, or none that may be shown: the two are not told apart."""


class RejectedError(Exception):
    """Carries the reason from where it is found to `parse`."""
