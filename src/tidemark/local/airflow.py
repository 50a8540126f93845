"""Airflow on this machine: its four components, each a service of its own, on the local PostgreSQL."""

import json
import os
import sys
import sysconfig
from importlib.metadata import version
from pathlib import Path

import httpx

from tidemark.deployment import airflow_connections, airflow_options, lineage
from tidemark.local import postgres
from tidemark.local.command import Command
from tidemark.local.layout import private_folder, state_folder, write_private
from tidemark.local.ports import LOOPBACK
from tidemark.settings import ROOT, Settings

COMPONENTS = {
    "airflow-api-server": ["api-server"],
    "airflow-scheduler": ["scheduler", "--skip-serve-logs"],
    "airflow-dag-processor": ["dag-processor"],
    "airflow-triggerer": ["triggerer", "--skip-serve-logs"],
}
"""Each service with its arguments; task logs are read from the files, so nothing serves them on a port."""

POOL = ("spark", "1", "Spark drivers that may run at a time on this machine")


def url(config: Settings) -> str:
    """Where the web UI and the API are."""
    return f"http://{LOOPBACK}:{config.airflow_port}"


def home(config: Settings) -> Path:
    """AIRFLOW_HOME: task logs, the file of passwords."""
    return private_folder(state_folder(config) / "airflow")


def password_file(config: Settings) -> Path:
    """Where the simple auth manager reads who may sign in."""
    return home(config) / "passwords.json"


def options(config: Settings) -> dict[str, str]:
    """Airflow's options that one machine alone has: where things are here, and no more processes than it needs."""
    return airflow_options.variables(
        {
            # One user, who may do everything; production has roles (docs/access.md).
            "CORE__AUTH_MANAGER": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
            "CORE__DAGS_FOLDER": str(ROOT / "dags"),
            "CORE__EXECUTION_API_SERVER_URL": f"{url(config)}/execution/",
            "CORE__PARALLELISM": "4",  # the default forks 32 workers at once
            "CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
            "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(password_file(config)),
            "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{config.airflow_user}:admin",
            "API__BASE_URL": url(config),
            "API__WORKERS": "1",
            "DAG_PROCESSOR__PARSING_PROCESSES": "1",
            "DAG_PROCESSOR__REFRESH_INTERVAL": "30",
            "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",  # seconds; half of it lies before each task of a retrain
            "DATABASE__SQL_ALCHEMY_CONN": postgres.sqlalchemy_url(config),
        }
    )


def environment(config: Settings) -> dict[str, str]:
    """What every component, and so every task and every Spark job, runs with."""
    here = Path(sys.executable).parent
    no_proxy = ",".join(filter(None, [os.environ.get("no_proxy") or os.environ.get("NO_PROXY"), LOOPBACK, "localhost"]))
    search = [str(ROOT / "src"), str(ROOT)]
    return {
        "AIRFLOW_HOME": str(home(config)),
        **airflow_options.environment(config),
        **options(config),
        **airflow_connections.environment(config),
        **lineage.environment(config),
        "GX_ANALYTICS_ENABLED": "false",
        # A proxy that this machine is told to use cannot reach its loopback.
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
        "PATH": os.pathsep.join([str(here), os.environ.get("PATH", os.defpath)]),
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": os.pathsep.join(search),
        # Else a script of Spark's looks for it, and does not find it where the path has a space.
        "SPARK_HOME": str(Path(sysconfig.get_path("purelib")) / "pyspark"),
        "SPARK_LOCAL_IP": LOOPBACK,
        # A process title may not overwrite the environment: by that we know our own (processes.MARK).
        "SPT_NOENV": "1",
        "TIDEMARK_STATE": str(state_folder(config)),
    }


def _airflow(config: Settings, *arguments: str) -> Command:
    program = Path(sys.executable).parent / "airflow"
    return Command([sys.executable, str(program), *arguments], environment(config))


def command(config: Settings, component: str) -> Command:
    """How to start one of `COMPONENTS`."""
    arguments = COMPONENTS[component]
    if component == "airflow-api-server":
        arguments = [*arguments, "--host", LOOPBACK, "--port", str(config.airflow_port)]
    return _airflow(config, *arguments)


def provision(config: Settings) -> None:
    """Bring Airflow's database to this version, make the pool, write who may sign in. Done again, it costs nothing."""
    write_private(password_file(config), json.dumps({config.airflow_user: config.airflow_password.get_secret_value()}))
    # Beside the database that it speaks of: a new one is brought to this version whatever there was before.
    migrated = postgres.home(config) / "airflow-version"
    if migrated.exists() and migrated.read_text() == version("apache-airflow"):
        return
    _airflow(config, "db", "migrate").run("preparing Airflow's database")
    _airflow(config, "pools", "set", *POOL).run("making the pool for Spark")
    write_private(migrated, version("apache-airflow"))


def unhealthy(config: Settings) -> list[str]:
    """The components that are not at work yet, as the API server sees them."""
    try:
        with httpx.Client(trust_env=False, timeout=5) as client:
            answer = client.get(f"{url(config)}/api/v2/monitor/health").raise_for_status().json()
    except (httpx.HTTPError, ValueError):
        return list(COMPONENTS)
    parts = {
        "airflow-scheduler": "scheduler",
        "airflow-triggerer": "triggerer",
        "airflow-dag-processor": "dag_processor",
    }
    return [name for name, part in parts.items() if answer.get(part, {}).get("status") != "healthy"]
