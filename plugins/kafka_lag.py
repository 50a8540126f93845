"""`KafkaLagSensor`: waits, without holding a worker, until the interactions that no model has learned from reach the mark."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import BaseSensorOperator
from airflow.triggers.base import BaseTrigger, TriggerEvent

from tidemark.errors import UnreachableError
from tidemark.settings import Settings, fresh, settings
from tidemark.stream import watch
from tidemark.stream.bookmark import Bookmark

SETTLE = 4.0
"""Seconds before which a trigger does not fire. Airflow's worker tells up to `[workers] min_heartbeat_interval` late that a
task has deferred; where the task has been resumed by then, the scheduler takes it for lost and fails it."""

SAY_AGAIN = 300.0
"""Seconds after which an unchanged lag is logged again."""


class KafkaLagTrigger(BaseTrigger):
    """Measures the lag every poll, in the triggerer, and fires once it is over the mark.

    The settings are read anew at each poll: a change of mark or poll in `.env` acts at once, without a restart. Kafka
    away is said and waited for: the trigger never fails.

    Args:
        not_before: ISO 8601; until then it measures, but does not fire.
        reason: why it waits until then.
    """

    def __init__(self, not_before: str | None = None, reason: str = "") -> None:
        super().__init__()
        self.not_before = not_before
        self.reason = reason

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """How the triggerer makes it again; no secret is in it."""
        return "kafka_lag.KafkaLagTrigger", {"not_before": self.not_before, "reason": self.reason}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Poll, and give one event: see `tidemark.stream.watch.event`."""
        earliest = datetime.fromisoformat(self.not_before) if self.not_before else None
        config, said, said_at = settings(), "", 0.0
        bookmark: Bookmark | None = None
        await asyncio.sleep(SETTLE)
        while True:
            config = fresh(config, self.log.warning)
            try:
                if bookmark is None:
                    bookmark = await asyncio.to_thread(Bookmark, config)
                lag = await asyncio.to_thread(bookmark.lag)
                held = earliest is not None and datetime.now(UTC) < earliest
                if lag.total >= config.retrain_mark and not held:
                    self.log.info("lag %d reaches the mark of %d", lag.total, config.retrain_mark)
                    yield TriggerEvent(watch.event(lag, config.retrain_mark))
                    return
                text = f"lag {lag.total:,} of {config.retrain_mark:,}" + (f"; {self.reason}" if held else "")
            except UnreachableError as error:
                text = f"{error}; measuring again every {config.retrain_poll_seconds:g} s"
            if text != said or time.monotonic() - said_at > SAY_AGAIN:
                self.log.info("%s", text)
                said, said_at = text, time.monotonic()
            await asyncio.sleep(config.retrain_poll_seconds)


class KafkaLagSensor(BaseSensorOperator):
    """Defers until the lag is over the mark; gives the event as its XCom.

    After a run that failed it holds back, longer each time (`tidemark.stream.watch.next_wait`). What it needs to know for that
    is in Airflow's own record of the last run, so that nothing is forgotten by a kill.
    """

    ui_color = "#d6eef8"
    template_fields: Sequence[str] = ()

    def execute(self, context: Any) -> None:
        """Decide how long to hold back, and hand over to the triggerer."""
        config = settings()
        wait = watch.next_wait(self._previous(context["ti"]), self._bases(config), config)
        context["ti"].xcom_push(key="failures", value=wait.failures)
        self.log.info("%s; waiting for a lag of %d", wait.reason, config.retrain_mark)
        self.defer(
            trigger=KafkaLagTrigger(wait.not_before.isoformat() if wait.not_before else None, wait.reason),
            method_name="reached",
        )

    def reached(self, context: Any, event: dict[str, Any]) -> dict[str, Any]:
        """Resume: the event is the result."""
        self.log.info("%s interactions wait to be learned from (the mark is %s)", event["lag"], event["mark"])
        return event

    def _previous(self, ti: Any) -> watch.Previous | None:
        run = ti.get_previous_dagrun()
        if run is None or run.end_date is None:
            return None
        failures = ti.xcom_pull(task_ids=self.task_id, key="failures", run_id=run.run_id, default=0)
        fired = ti.xcom_pull(task_ids=self.task_id, run_id=run.run_id, default=None)
        return watch.Previous(run.state == "success", run.end_date, int(failures or 0), (fired or {}).get("bases", {}))

    def _bases(self, config: Settings) -> dict[str, int]:
        try:
            return {str(number): at for number, at in Bookmark(config).lag().bases.items()}
        except UnreachableError as error:
            self.log.info("%s", error)
            return {}
