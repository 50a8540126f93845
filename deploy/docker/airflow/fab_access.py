"""Who may do what in Airflow in production: its FAB auth manager, with the little that Tidemark's pages need besides.

Two classes, named by `docker-compose.yaml` and `webserver_config.py`; docs/access.md says what follows from them.
"""

import logging
from collections.abc import Mapping
from typing import Any

from airflow.providers.fab.auth_manager.fab_auth_manager import FabAuthManager
from airflow.providers.fab.auth_manager.models import User
from airflow.providers.fab.auth_manager.security_manager.override import FabAirflowSecurityManagerOverride, FabException
from airflow.providers.fab.www.security import permissions
from werkzeug.exceptions import Forbidden

from tidemark.deployment import openid
from tidemark.settings import settings

log = logging.getLogger(__name__)

OF_PROVIDER = "!openid"
"""Kept in place of a password's hash, which it can never be: this user signs in at the provider alone."""

SEES_PAGES = (permissions.ACTION_CAN_READ, permissions.RESOURCE_PLUGIN)
"""Airflow's UI asks it of whom it shows a plugin's pages; FAB gives it to Op and Admin only."""

SEES_QUESTIONS = (permissions.ACTION_CAN_ACCESS_MENU, permissions.RESOURCE_HITL_DETAIL)
"""Required Actions in the menu: FAB lets a User answer there, and does not show it to one."""

ADDED = {"Viewer": [SEES_PAGES], "User": [SEES_PAGES, SEES_QUESTIONS]}


class TidemarkFabAuthManager(FabAuthManager):
    """Knows who may answer a question by the user's name, as `TIDEMARK_APPROVERS` has it; FAB's own id is a number."""

    def is_authorized_hitl_task(self, *, assigned_users: set[str], user: User) -> bool:
        """Whether `user` is one of those who may answer."""
        return user.get_name() in assigned_users


class TidemarkSecurityManager(FabAirflowSecurityManagerOverride):
    """Roles that see Tidemark's pages, and users of an OpenID provider who can be nobody but themselves."""

    ROLE_CONFIGS = [  # noqa: RUF012 -- so it is in the base class
        role | {"perms": role["perms"] + ADDED.get(role["role"], [])}
        for role in FabAirflowSecurityManagerOverride.ROLE_CONFIGS
    ]

    def get_oauth_user_info(self, provider: str, resp: Mapping[str, Any]) -> dict[str, Any]:
        """Who signed in: from the claims of the ID token, whose signature, audience, nonce and times were checked."""
        config, claims = settings(), dict(resp["userinfo"])
        remote = self.oauth_remotes[provider]
        if openid.missing(config, claims) and "userinfo_endpoint" in remote.load_server_metadata():
            told = remote.userinfo(token=resp)
            if told["sub"] != claims["sub"]:
                raise FabException("the provider told of another person than it signed in")
            claims = dict(told) | claims
        return openid.person(config, claims)

    def auth_user_oauth(self, userinfo: Mapping[str, Any], rotate_session_id: bool = True) -> User | None:
        """The user who signed in at the provider; None where they may not.

        Nobody becomes a user who has a password here by bearing the name at the provider, and who has no role comes not in.
        """
        name = userinfo["username"]
        known = self.find_user(username=name)
        if known and known.password not in (None, OF_PROVIDER):
            log.warning("%s signed in at the provider, but is a user with a password here: refused", name)
            return None
        if not openid.roles(settings(), userinfo["role_keys"]):
            log.warning("%s signed in at the provider, but no role follows from what it tells: refused", name)
            if known:
                known.roles = []
                self.update_user(known)
            return None
        try:
            return super().auth_user_oauth(userinfo, rotate_session_id)
        except FabException:
            log.exception("%s cannot be kept; another user may have the same e-mail", name)
            return None

    def add_user(
        self,
        username: str,
        first_name: str,
        last_name: str,
        email: str,
        role: Any = None,
        password: str = "",
        hashed_password: str = "",
        groups: Any = None,
    ) -> User:
        """Keep a user; without a password they are the provider's (FAB would keep the hash of an empty one)."""
        if not password and not hashed_password:
            hashed_password = OF_PROVIDER
        return super().add_user(username, first_name, last_name, email, role, password, hashed_password, groups)

    def reset_password(self, userid: int, password: str) -> bool:
        """Change a password; refused for the provider's users: with one they would come in when the provider lets them no more."""
        user = self.get_user_by_id(userid)
        if user and user.password in (None, OF_PROVIDER):
            raise Forbidden(f"{user.username} signs in at the provider, and has no password here")
        return super().reset_password(userid, password)
