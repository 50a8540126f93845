"""
### Replay dead letters

Checks every message of the topics `interactions` and `items` that could not be taken once more, and sends what is valid by now to
its topic again. The others stay, and the log says why.

**When it runs.** By hand, after the cause was mended: an event type was added to `TIDEMARK_EVENT_WEIGHTS`, a contract
took a field, a clock that was ahead has been reached.

**What it does.** `replay` reads the collection `dead_letters`, checks each letter's original bytes by today's rules,
sends what passes with its origin in a header, and marks it. Run twice, or killed and run again, nothing is counted
twice: a letter keeps the same key however often it is sent. Its time stays the one at which Kafka first took it.

**What cannot be mended** (not JSON, no ids) stays in `dead_letters` and, for 90 days, in the topic
`interactions.dead_letter`. Mend it at the sender, and send it as new.

| task | usual cause | what to do |
|---|---|---|
| `replay` | Kafka or MongoDB does not answer | `make status`; it is tried again by itself |
"""

from airflow.sdk import DAG, Param, task
from tidemark_operators import DEFAULT_ARGS

from tidemark.dag_ids import REPLAY_DEAD_LETTERS

PARAMS = {
    "only": Param("", type="string", title="Reason", description="A part of the reason; empty: every letter."),
    "dry_run": Param(False, type="boolean", title="Only count", description="Say what would be sent, send nothing."),
}

with DAG(
    REPLAY_DEAD_LETTERS,
    description="Send again what could not be stored and is valid now",
    doc_md=__doc__,
    schedule=None,
    max_active_runs=1,
    params=PARAMS,
    default_args=DEFAULT_ARGS,
    tags=["tidemark", "stream"],
) as dag:

    @task
    def replay(params: dict) -> dict:  # Airflow gives it
        """Check, send what is valid, log the rest; returns the counts."""
        import logging

        from tidemark.settings import settings
        from tidemark.storage import mongo
        from tidemark.stream import dead_letters

        done = dead_letters.replay(mongo.connect(), settings(), dry_run=params["dry_run"], only=params["only"])
        logging.getLogger("tidemark").info("%s", done.text())
        return done.document()

    replay()
