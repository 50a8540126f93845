"""When the watch may start the next retrain: back-off after failures, a minimum time after successes. Pure rules."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tidemark.settings import Settings


@dataclass(frozen=True)
class Previous:
    """The watch's last run: how and when it ended, how many had failed in a row before it, and from which offsets it
    counted (partition as text -> offset; empty where it did not come so far)."""

    succeeded: bool
    ended: datetime
    failures: int
    bases: dict[str, int]


@dataclass(frozen=True)
class Wait:
    """Not before this time, after so many failures in a row, and why, for a person."""

    not_before: datetime | None
    failures: int
    reason: str


def backoff(failures: int, config: Settings) -> timedelta:
    """1 minute after the first failure, doubling with each further one, up to 30 minutes (all three are settings)."""
    seconds = config.retrain_backoff_seconds * 2.0 ** min(failures - 1, 60)
    return timedelta(seconds=min(seconds, config.retrain_backoff_max_seconds))


def next_wait(previous: Previous | None, bases: dict[str, int], config: Settings) -> Wait:
    """How long to wait before the lag is acted on.

    Args:
        previous: the watch's last run; None where this is the first.
        bases: from which offsets the lag counts now; empty where Kafka does not tell.
        config: the settings.

    A retrain that succeeded and left the bookmark where it was counts as a failure: what it was started for is still
    there, and it would start again at once, for ever.
    """
    if previous is None:
        return Wait(None, 0, "first run")
    idle = previous.succeeded and bool(bases) and bases == previous.bases
    if not previous.succeeded or idle:
        failures = previous.failures + 1
        pause = backoff(failures, config)
        what = "the last retrain left the bookmark where it was" if idle else "the last retrain failed"
        return Wait(
            previous.ended + pause,
            failures,
            f"{what} ({failures} in a row): waiting {pause.total_seconds():.0f} s after it",
        )
    least = timedelta(minutes=config.retrain_min_minutes)
    if not least:
        return Wait(None, 0, "the last retrain succeeded")
    return Wait(
        previous.ended + least,
        0,
        f"at least {config.retrain_min_minutes:g} min between retrains (TIDEMARK_RETRAIN_MIN_MINUTES)",
    )


def event(lag: Any, mark: int) -> dict[str, Any]:
    """What the watch hands to the retrain, as JSON: the lag, the mark, and the offsets between which it lies."""
    return {
        "lag": lag.total,
        "mark": mark,
        "bases": {str(number): at for number, at in lag.bases.items()},
        "ends": {str(number): at for number, at in lag.ends.items()},
    }
