"""Users of FAB, a process of its own: the first as the containers make it, and one of each other role; says what was done.

python tests/support/fab_users.py ANSWER    # ANSWER: file for the JSON that tells it
"""

import json
import sys
from pathlib import Path

OTHERS = {"op": "Op", "user": "User", "viewer": "Viewer", "nobody": "Public"}
"""Each user with their role, the first one apart; their password is `<user>-password`."""


def main(answer: Path) -> None:
    """Make them."""
    import admin_user
    from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder

    from tidemark.settings import settings

    admin_user.main()  # as in the container
    name, password = settings().airflow_user, settings().airflow_password.get_secret_value()
    with get_application_builder() as builder:
        manager, said = builder.sm, {}
        said["as it is"] = admin_user.ensure(manager, name, password)
        said["another password"] = admin_user.ensure(manager, name, "another-password")
        said["which holds"] = manager.check_password(name, "another-password")
        user = manager.find_user(username=name)
        user.active, user.roles = False, [manager.find_role("Viewer")]
        manager.update_user(user)
        said["demoted, and the first password"] = admin_user.ensure(manager, name, password)
        said["roles"] = sorted(role.name for role in manager.find_user(username=name).roles)
        said["users"] = manager.count_users()
        for user, role in OTHERS.items():
            manager.add_user(user, user, role, f"{user}@example.com", manager.find_role(role), f"{user}-password")
    answer.write_text(json.dumps(said))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
