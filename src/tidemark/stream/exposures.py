"""Exposures: what was shown to whom, sent to the topic `recommendations` without anybody waiting for it.

A page or an answer goes out first; that it did is written down beside it. Whoever calls `shown` only puts a tuple into a
queue: a thread looks there fifty times a second, makes JSON of what it finds, hands it to Kafka and counts the delivery
reports. (Woken for each, it would take the turn from the thread that answers, each time.) Where Kafka is away longer than the
queue lasts, what comes then is counted as overflowed and is gone: a shop does not stop for its own statistics.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

import orjson
from confluent_kafka import KafkaError, Producer

from tidemark.settings import Settings
from tidemark.stream import topics

log = logging.getLogger(__name__)

QUEUE = 10_000
"""Exposures without a delivery report, at most; further ones are counted as overflowed."""
REMEMBERED = 2_000
"""Delivery reports that can be asked for, the newest."""
_PAUSE = 0.02
"""Seconds between two looks into the queue."""
BATCH = 500
"""Exposures that are handed to Kafka's client at once, at most."""


@dataclass(frozen=True, slots=True)
class Report:
    """Kafka's word that all copies have an exposure: where it is, and the time (UTC) that Kafka gave it."""

    partition: int
    offset: int
    at: datetime | None


Message = dict[str, Any]


class _Waiting(NamedTuple):
    """An exposure as it was handed over; the fields are those of the contract, `shown_at` in seconds since 1970."""

    recommendation_id: str
    user_id: str | None
    item_ids: tuple[str, ...]
    model_id: str | None
    arm: str
    placement: str
    method: str
    shown_at: float
    acting: str | None


class Exposures:
    """The sender of one process; any thread may call it.

    Attributes:
        sent: taken into the queue. acknowledged: on all copies. failed: given up, the last reason in `problem`.
        overflowed: not taken, for the queue was full.
    """

    def __init__(self, config: Settings) -> None:
        """Waits for nothing: Kafka may be away."""
        self._topic = topics.name(topics.RECOMMENDATIONS, config)
        self._producer = Producer(topics.producer_config(config) | {"queue.buffering.max.messages": QUEUE})
        self.sent = self.acknowledged = self.failed = self.overflowed = 0
        self.problem = ""
        self._counting = threading.Lock()
        """Of `sent` and `overflowed`, which any thread counts; the others are counted by the thread of this sender alone."""
        self._queue: deque[_Waiting] = deque()
        self._reports: dict[str, tuple[int, int, int]] = {}
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="exposures", daemon=True)
        self._thread.start()

    def shown(
        self,
        recommendation_id: str,
        user_id: str | None,
        item_ids: Sequence[str],
        model_id: str | None,
        arm: str,
        placement: str,
        method: str,
        acting: str | None = None,
    ) -> None:
        """Note that a list was shown, best first; returns at once and never raises.

        Args:
            recommendation_id: signed; interactions that the list brings bear it.
            user_id: whom it was shown to; None: somebody unknown.
            item_ids: the list, at most 100.
            model_id: the model that made it; None before there is one.
            arm: `champion`, or `<experiment>/<arm>`.
            placement: where it was shown.
            method: the way of its first item.
            acting: the account of a presenter who acts as the user.
        """
        with self._counting:
            if self._closing or self.sent - self.acknowledged - self.failed >= QUEUE:
                self.overflowed += 1
                return
            self.sent += 1
        self._queue.append(
            _Waiting(recommendation_id, user_id, tuple(item_ids), model_id, arm, placement, method, time.time(), acting)
        )

    def report(self, recommendation_id: str) -> Report | None:
        """Kafka's word on one of the newest exposures; None where it has not come, or is no longer remembered."""
        known = self._reports.get(recommendation_id)
        if known is None:
            return None
        partition, offset, milliseconds = known
        return Report(partition, offset, datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds > 0 else None)

    def close(self, timeout: float = 5) -> bool:
        """Take nothing more and wait for the reports that are missing; False where some did not come in time."""
        with self._counting:
            self._closing = True
        self._thread.join(timeout)
        return self.sent == self.acknowledged + self.failed

    def _run(self) -> None:
        waiting: list[Message] = []
        while not (self._closing and self.sent == self.acknowledged + self.failed):
            waiting += self._taken(BATCH - len(waiting))
            if waiting:
                waiting = self._send(waiting)
            self._producer.poll(0)
            if waiting or not self._queue:
                time.sleep(_PAUSE)

    def _taken(self, most: int) -> list[Message]:
        """What waits in the queue, as Kafka's client takes it."""
        taken: list[Message] = []
        while self._queue and len(taken) < most:
            one = self._queue.popleft()
            try:
                key = None if one.user_id is None else one.user_id.encode()
                taken.append(
                    {"value": encode(*one), "key": key, "callback": partial(self._delivered, one.recommendation_id)}
                )
            except Exception as error:  # whatever it is, the next one goes on
                self._fail(f"{type(error).__name__}: {error}")
        return taken

    def _send(self, messages: list[Message]) -> list[Message]:
        """Hand them to Kafka's client, together: handed one by one, each would give the turn to another thread. Returns those
        that it has no room for now."""
        try:
            self._producer.produce_batch(self._topic, messages)
        except Exception as error:
            for _ in messages:
                self._fail(f"{type(error).__name__}: {error}")
            return []
        again = []
        for message in messages:
            refused = message.pop("_error", None)
            if refused is not None and refused.code() == KafkaError._QUEUE_FULL:
                again.append(message)
            elif refused is not None:
                self._fail(refused.str())
        return again

    def _delivered(self, recommendation_id: str, error: Any, message: Any) -> None:
        if error is not None:
            return self._fail(error.str())
        self._reports[recommendation_id] = message.partition(), message.offset(), message.timestamp()[1]
        if len(self._reports) > REMEMBERED:
            del self._reports[next(iter(self._reports))]
        self.acknowledged += 1
        return None

    def _fail(self, problem: str) -> None:
        if problem != self.problem:
            log.warning("an exposure was not sent: %s", problem)
        self.problem = problem
        self.failed += 1


def encode(
    recommendation_id: str,
    user_id: str | None,
    item_ids: Sequence[str],
    model_id: str | None,
    arm: str,
    placement: str,
    method: str,
    shown_at: float,
    acting: str | None = None,
) -> bytes:
    """An exposure as the topic has it: JSON by the contract `exposure`; `shown_at` in seconds since 1970."""
    return orjson.dumps(
        {
            "recommendation_id": recommendation_id,
            "user_id": user_id,
            "items": [{"item_id": item_id, "position": place} for place, item_id in enumerate(item_ids, 1)],
            "model_id": model_id,
            "arm": arm,
            "placement": placement,
            "method": method,
            "shown_at": datetime.fromtimestamp(shown_at, UTC).isoformat(),
            "acting": acting,
        }
    )
