"""An API server under the auth manager of production, beside one of `console_server`, on the same database and with the same runs.

Its options are those of `docker-compose.yaml`, its users are made by what makes the first user there.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from pydantic import SecretStr

from tests.support import fab_users
from tests.support.console_server import ConsoleServer, answers
from tests.support.openid_provider import CLIENT, Provider
from tests.support.own_airflow import component
from tests.support.secrets_in_logs import keep_all_of
from tests.support.waiting import eventually
from tidemark.local import airflow, ports
from tidemark.local.command import Command
from tidemark.local.throwaway import environment
from tidemark.settings import ROOT

FOLDER = ROOT / "deploy" / "docker" / "airflow"
PLACE = "/opt/tidemark/airflow"
"""Where the image has that folder."""


def options() -> dict[str, str]:
    """What the containers are told of the auth manager."""
    composed: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())["x-airflow-environment"]
    said = {n: v for n, v in composed.items() if n.startswith("AIRFLOW__FAB__") or n == "AIRFLOW__CORE__AUTH_MANAGER"}
    return {name: value.replace(PLACE, str(FOLDER)) for name, value in said.items()}


@contextmanager
def fab_server(beside: ConsoleServer, provider: Provider, folder: Path) -> Iterator[ConsoleServer]:
    """At work, with a user of each role, whose password is `<role>-password`, and sign-in at `provider` too."""
    config = keep_all_of(
        beside.config.model_copy(
            update={
                "airflow_port": ports.free_port(),
                "airflow_user": "admin",
                "airflow_password": SecretStr("admin-password"),
                "oidc_issuer": provider.issuer,
                "oidc_client_id": CLIENT,
                "oidc_client_secret": SecretStr(provider.secret),
                "oidc_roles": "data team=User; /data/admins=Admin; readers=Viewer",
            }
        )
    )
    variables = environment(config) | options()
    variables |= {"AIRFLOW__FAB__COOKIE_SECURE": "false"}  # no proxy speaks TLS for it here
    variables |= {"AIRFLOW__FAB__CACHE_TTL": "1"}  # seconds that a user is remembered: 30 would be waited for
    variables |= {"PYTHONPATH": os.pathsep.join([str(FOLDER), airflow.environment(config)["PYTHONPATH"]])}
    said = folder / "said.json"
    made = Command([sys.executable, fab_users.__file__, str(said)], airflow.environment(config) | variables)
    made.run("making users")
    log = folder / "api-server.log"
    with component(config, "airflow-api-server", log, variables):
        passwords = {role: f"{role}-password" for role in ("admin", *fab_users.OTHERS)}
        server = ConsoleServer(config, passwords, log)
        eventually(lambda: answers(server), 240, lambda: log.read_text()[-3_000:])
        yield server
