"""Lineage: where OpenLineage events go, as the settings that Airflow's provider reads.

    python -m tidemark.deployment.lineage    # the same as `export` lines, for a container's entry point

Off by default: it costs every task 1.4 s of imports, for nothing where nobody reads the events. The listener must never hurt a task: it
emits in a thread that is left behind after 5 s, tries a dead server once, sends no source code, and puts nothing into
Spark's jobs.
"""

import json
import shlex
from pathlib import Path
from typing import Any

from tidemark.settings import Settings, settings

CONNECTION = "openlineage"
"""The Airflow connection that holds the API key: so it is in no option that Airflow's pages could show."""

PATIENCE = 5
"""Seconds that a task waits for its event to be written, at most."""


def transport(config: Settings) -> dict[str, Any] | None:
    """What the provider's option `transport` is; None where lineage is off."""
    where = config.lineage
    if not where:
        return None
    if where.startswith(("http://", "https://")):
        retry = {"total": 0, "connect": 0, "read": 0}
        asked: dict[str, Any] = {"type": "http", "url": where, "timeout": 2.0, "retry": retry}
        if config.lineage_api_key.get_secret_value():
            asked["auth"] = {"type": "airflow_connection_api_key", "conn_id": CONNECTION}
        return asked
    return {"type": "file", "log_file_path": str(file(config)), "append": True}


def file(config: Settings) -> Path:
    """The file of events, one JSON object a line; a relative path is below the state folder."""
    return (config.state / Path(config.lineage).expanduser()).absolute()


def environment(config: Settings) -> dict[str, str]:
    """Airflow's options and connection as environment variables; empty where lineage is off. Makes the file's folder."""
    asked = transport(config)
    if asked is None:
        return {}
    if asked["type"] == "file":
        file(config).parent.mkdir(parents=True, exist_ok=True)
    options = {
        "TRANSPORT": json.dumps(asked),
        "NAMESPACE": "tidemark",
        "EXECUTE_IN_THREAD": "True",
        "EXECUTION_TIMEOUT": str(PATIENCE),
        "EMISSION_POLICY": json.dumps([{"scope": {}, "controls": {"include_source_code": False}}]),
        "SPARK_INJECT_PARENT_JOB_INFO": "False",
        "SPARK_INJECT_TRANSPORT_INFO": "False",
    }
    variables = {f"AIRFLOW__OPENLINEAGE__{name}": value for name, value in options.items()}
    if "auth" in asked:
        key = {"conn_type": "http", "password": config.lineage_api_key.get_secret_value()}
        variables[f"AIRFLOW_CONN_{CONNECTION.upper()}"] = json.dumps(key)
    return variables


if __name__ == "__main__":
    for name, value in environment(settings()).items():
        print(f"export {name}={shlex.quote(value)}")
