"""Airflow on this machine: its four components, each a service of its own, on the local PostgreSQL."""

import json
import os
import sys
from importlib.metadata import version
from pathlib import Path

import httpx

from tidemark.deployment import lineage
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


def connections(config: Settings) -> dict[str, str]:
    """The platform's Airflow connections as environment variables; they hold passwords."""
    hosts, _, _ = config.mongo_hosts.partition(",")
    host, _, port = hosts.partition(":")
    kafka_password = config.kafka_password.get_secret_value()
    described = {
        "SPARK_DEFAULT": {"conn_type": "spark", "host": config.spark_master},
        "MONGO_DEFAULT": {
            "conn_type": "mongo",
            "host": host,
            "port": int(port),
            "login": config.mongo_user,
            "password": config.mongo_password.get_secret_value(),
            "schema": config.mongo_database,
            "extra": {"authSource": "admin", "replicaSet": config.mongo_replica_set},
        },
        "KAFKA_DEFAULT": {
            "conn_type": "kafka",
            "extra": {
                "bootstrap.servers": config.kafka_bootstrap,
                "security.protocol": config.kafka_security_protocol,
                "sasl.mechanism": "PLAIN",
                "sasl.username": config.kafka_user,
                "sasl.password": kafka_password,
            },
        },
    }
    return {f"AIRFLOW_CONN_{name}": json.dumps(connection) for name, connection in described.items()}


def environment(config: Settings) -> dict[str, str]:
    """What every component, and so every task and every Spark job, runs with."""
    options = {
        "CORE__AUTH_MANAGER": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "CORE__EXECUTION_API_SERVER_URL": f"{url(config)}/execution/",
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__FERNET_KEY": config.airflow_fernet_key.get_secret_value(),
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__PARALLELISM": "4",  # the default forks 32 workers at once
        "CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(password_file(config)),
        "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{config.airflow_user}:admin",
        "API__BASE_URL": url(config),
        "API__SECRET_KEY": config.airflow_secret_key.get_secret_value(),
        "API__WORKERS": "1",
        "API_AUTH__JWT_SECRET": config.airflow_jwt_secret.get_secret_value(),
        "DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "DAG_PROCESSOR__REFRESH_INTERVAL": "30",
        "DATABASE__SQL_ALCHEMY_CONN": postgres.sqlalchemy_url(config),
        "WORKERS__MIN_HEARTBEAT_INTERVAL": "1",  # seconds until a worker sees that its task has ended: see plugins/kafka_lag.py
    }
    here = Path(sys.executable).parent
    no_proxy = ",".join(filter(None, [os.environ.get("no_proxy") or os.environ.get("NO_PROXY"), LOOPBACK, "localhost"]))
    search = [str(ROOT / "src"), str(ROOT)]
    return {
        "AIRFLOW_HOME": str(home(config)),
        **{f"AIRFLOW__{key}": value for key, value in options.items()},
        **connections(config),
        **lineage.environment(config),
        "GX_ANALYTICS_ENABLED": "false",
        # A proxy that this machine is told to use cannot reach its loopback.
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
        "PATH": os.pathsep.join([str(here), os.environ.get("PATH", os.defpath)]),
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": os.pathsep.join(search),
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
    done = home(config) / "migrated-to"
    if done.exists() and done.read_text() == version("apache-airflow"):
        return
    _airflow(config, "db", "migrate").run("preparing Airflow's database")
    _airflow(config, "pools", "set", *POOL).run("making the pool for Spark")
    write_private(done, version("apache-airflow"))


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
