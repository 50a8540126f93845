"""In place of the real retrain, for the tests of the watch: does what the file `mode` says, in a second.

`learn`: move the bookmark to the end, as a publish does. `slow`: the same, having waited until the file says `learn`.
`fail`: fail. `idle`: succeed and leave the bookmark. Each run adds a line to `runs`.
"""

import json
import time
from datetime import datetime
from pathlib import Path

from airflow.sdk import DAG, get_current_context, task

with DAG(
    "retrain_recommender", schedule=None, start_date=datetime(2026, 1, 1), catchup=False, max_active_runs=1
) as dag:

    @task
    def learn() -> None:
        from tidemark.settings import settings
        from tidemark.stream.bookmark import Bookmark

        folder = Path(settings().state)
        bookmark = Bookmark()
        snapshot = bookmark.ends()
        with (folder / "runs").open("a") as runs:
            asked = get_current_context()["dag_run"].conf
            runs.write(json.dumps({"at": time.time(), "conf": asked, "snapshot": sum(snapshot.values())}) + "\n")
        while (mode := (folder / "mode").read_text()) == "slow":
            time.sleep(0.2)
        if mode == "fail":
            raise RuntimeError("told to fail")
        if mode == "learn":
            bookmark.commit(snapshot)

    learn()
