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
