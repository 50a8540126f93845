"""What a process of its own sees that parses a folder of DAGs and loads the plugins, as Airflow does: printed as JSON.

    python tests/support/dag_probe.py <dags> <run folder>

Spark's submits are rendered as a task renders them, with the run folder that its upstream task would have returned.
"""

import copy
import json
import sys
from typing import Any

MARK = "PROBE "


class Instance:
    """As much of a task instance as rendering asks for."""

    def __init__(self, run: str) -> None:
        self.run = run

    def xcom_pull(self, **_: Any) -> str:
        return self.run


def submits(dags: dict[str, Any], run: str) -> dict[str, list[str]]:
    """`<dag>.<task>` -> the command that it would start."""
    from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator

    commands = {}
    for dag_id, dag in sorted(dags.items()):
        for task in dag.tasks:
            if isinstance(task, SparkSubmitOperator):
                rendered = copy.copy(task)
                rendered.render_template_fields({"ti": Instance(run), "task": rendered, "params": {}})  # type: ignore[typeddict-item]
                hook = rendered._get_hook()
                commands[f"{dag_id}.{task.task_id}"] = hook._build_spark_submit_command(rendered.application)
    return commands


def main(dags: str, run: str) -> None:
    """Parse, load, and only then render: rendering imports what parsing may not."""
    from airflow.dag_processing.dagbag import DagBag
    from airflow.plugins_manager import ensure_plugins_loaded

    bag = DagBag(dags)
    ensure_plugins_loaded()
    seen = {"errors": bag.import_errors, "dags": sorted(bag.dags), "modules": sorted(sys.modules)}
    print(MARK + json.dumps(seen | {"submits": submits(bag.dags, run)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
