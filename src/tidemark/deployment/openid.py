"""Sign-in to Airflow at an OpenID provider, in production: what Flask-AppBuilder is told, and who a token's claims say that somebody is."""

from collections.abc import Iterable, Mapping
from typing import Any

from tidemark.settings import Settings

PROVIDER = "openid"
"""Its name in addresses: the provider is to send people back to `<Airflow>/auth/oauth-authorized/openid`."""

OAUTH = 4
"""Flask-AppBuilder's `AUTH_OAUTH`, by a number so that nothing of it is imported here."""

NO_ROLE = "Public"
"""The role that Flask-AppBuilder wants for everybody who comes; it may do nothing."""

Claims = Mapping[str, Any]


def flask_config(config: Settings) -> dict[str, Any]:
    """Flask-AppBuilder's settings; empty where people sign in by password."""
    if not config.oidc_issuer:
        return {}
    remote = {
        "client_id": config.oidc_client_id,
        "client_secret": config.oidc_client_secret.get_secret_value(),
        "server_metadata_url": f"{config.oidc_issuer.rstrip('/')}/.well-known/openid-configuration",
        "client_kwargs": {"scope": config.oidc_scope, "code_challenge_method": "S256", "timeout": 10},
    }
    return {
        "AUTH_TYPE": OAUTH,
        "OAUTH_PROVIDERS": [
            {"name": PROVIDER, "icon": "fa-key", "token_key": "access_token", "remote_app": remote},
        ],
        "AUTH_USER_REGISTRATION": True,  # whoever has a role comes in; who has none is refused before
        "AUTH_USER_REGISTRATION_ROLE": config.oidc_default_role or NO_ROLE,
        "AUTH_ROLES_MAPPING": config.role_of_claim,
        "AUTH_ROLES_SYNC_AT_LOGIN": True,  # what the provider takes away is gone at the next sign-in
    }


def missing(config: Settings, claims: Claims) -> bool:
    """Whether the ID token leaves something open that the provider may tell if asked for the user."""
    return _at(claims, config.oidc_name_claim) is None or _at(claims, config.oidc_roles_claim) is None


def person(config: Settings, claims: Claims) -> dict[str, Any]:
    """Who somebody is, as Flask-AppBuilder has it.

    Args:
        config: the settings.
        claims: of an ID token that was checked.

    Returns:
        `username`, `first_name`, `last_name`, `email` and `role_keys`, the values that roles follow from.

    Raises:
        ValueError: another issuer, or no name.
    """
    if str(claims["iss"]).rstrip("/") != config.oidc_issuer.rstrip("/"):
        raise ValueError(f"the token is of {claims['iss']}, not of TIDEMARK_OIDC_ISSUER={config.oidc_issuer}")
    name = _at(claims, config.oidc_name_claim)
    if not name or not isinstance(name, str):
        raise ValueError(f"the provider tells no {config.oidc_name_claim}: TIDEMARK_OIDC_NAME_CLAIM names the claim")
    told = _at(claims, config.oidc_roles_claim)
    return {
        "username": name,
        "first_name": str(claims.get("given_name") or name)[:64],
        "last_name": str(claims.get("family_name") or ""),
        "email": str(claims.get("email") or ""),
        "role_keys": [told] if isinstance(told, str) else [str(one) for one in told or ()],
    }


def roles(config: Settings, values: Iterable[str]) -> set[str]:
    """Airflow's roles of somebody of whom the claim says `values`."""
    found = {role for value in values for role in config.role_of_claim.get(value, ())}
    return found | ({config.oidc_default_role} if config.oidc_default_role else set())


def _at(claims: Claims, path: str) -> Any:
    """A claim by its name, which may have dots; else by the path that the dots are."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found
