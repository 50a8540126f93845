"""Make Airflow's first user, an Admin, from TIDEMARK_AIRFLOW_USER and TIDEMARK_AIRFLOW_PASSWORD; done again, it mends what differs.

The password comes by the settings, from a file, never as an argument, which every process of the machine could read.
"""

import sys
from typing import Any

from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder

from tidemark.settings import settings

ROLE = "Admin"


def ensure(manager: Any, name: str, password: str) -> str:
    """Let `name` be an active Admin with `password`; a password that changes ends the sessions of before.

    Args:
        manager: FAB's security manager.
        name: the user.
        password: theirs.

    Returns:
        What was done.
    """
    role, user = manager.find_role(ROLE), manager.find_user(username=name)
    if user is None:
        manager.add_user(name, name, ROLE, f"{name}@tidemark.invalid", role, password)
        return "made"
    done = []
    if not manager.check_password(name, password):
        if not manager.reset_password(user.id, password):
            raise SystemExit(f"The password of {name} could not be changed: the log above says why")
        done.append("has a new password")
    if not user.active or role not in user.roles:
        user.active, user.roles = True, [*{*user.roles, role}]
        if not manager.update_user(user):
            raise SystemExit(f"{name} could not be made {ROLE}: the log above says why")
        done.append(f"is {ROLE} again")
    return " and ".join(done) or "is as it was"


def main() -> None:
    """Of the settings."""
    name, password = settings().airflow_user, settings().airflow_password.get_secret_value()
    if not password:
        sys.exit(
            "TIDEMARK_AIRFLOW_PASSWORD is empty: give Airflow's first user one (secrets/tidemark_airflow_password)"
        )
    with get_application_builder() as builder:
        print(f"Airflow's user {name} {ensure(builder.sm, name, password)}")


if __name__ == "__main__":
    main()
