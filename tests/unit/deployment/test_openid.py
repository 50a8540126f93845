"""Sign-in at an OpenID provider: off unless it is named whole, and nobody is more than its claims say."""

from typing import Any

import pytest
from pydantic import ValidationError

from tidemark.deployment import openid
from tidemark.settings import Settings

ISSUER = "https://id.example/realms/shop"
WHOLE = {
    "oidc_issuer": ISSUER,
    "oidc_client_id": "airflow",
    "oidc_client_secret": "s",
    "oidc_roles": "a b=User; /x=Admin",
}
CLAIMS = {"iss": ISSUER, "sub": "1", "preferred_username": "ann", "given_name": "Ann", "groups": ["a b", "z"]}


def config(**given: Any) -> Settings:
    return Settings(_env_file=None, **given)


def test_people_sign_in_by_password_where_no_provider_is_named():
    assert openid.flask_config(config()) == {}


def test_the_provider_is_asked_with_proof_and_its_word_is_taken_anew_each_time():
    told = openid.flask_config(config(**WHOLE))
    assert told["AUTH_TYPE"] == openid.OAUTH
    assert told["AUTH_ROLES_SYNC_AT_LOGIN"] is True
    assert told["AUTH_USER_REGISTRATION_ROLE"] == "Public", "a role that may do nothing"
    assert told["AUTH_ROLES_MAPPING"] == {"a b": ["User"], "/x": ["Admin"]}
    (provider,) = told["OAUTH_PROVIDERS"]
    remote = provider["remote_app"]
    assert remote["server_metadata_url"] == f"{ISSUER}/.well-known/openid-configuration"
    assert remote["client_kwargs"]["code_challenge_method"] == "S256"
    with_slash = openid.flask_config(config(**WHOLE | {"oidc_issuer": f"{ISSUER}/"}))
    assert with_slash["OAUTH_PROVIDERS"] == told["OAUTH_PROVIDERS"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"oidc_client_id": ""}, "TIDEMARK_OIDC_CLIENT_ID"),
        ({"oidc_client_secret": ""}, "TIDEMARK_OIDC_CLIENT_SECRET"),
        ({"oidc_roles": ""}, "nobody would have a role"),
        ({"oidc_roles": "x=Amdin"}, "'x=Amdin' is not"),
        ({"oidc_roles": "Admin"}, "'Admin' is not"),
        ({"oidc_issuer": "http://id.example"}, "oidc_issuer"),
        ({"oidc_default_role": "Admin"}, "oidc_default_role"),
        ({"oidc_scope": "profile"}, "oidc_scope"),
    ],
)
def test_what_cannot_work_or_would_be_open_is_refused_at_the_start(given, said):
    with pytest.raises(ValidationError, match=said):
        config(**WHOLE | given)


def test_who_somebody_is_follows_from_the_claims():
    assert openid.person(config(**WHOLE), CLAIMS) == {
        "username": "ann",
        "first_name": "Ann",
        "last_name": "",
        "email": "",
        "role_keys": ["a b", "z"],
    }
    named = config(**WHOLE, oidc_name_claim="email", oidc_roles_claim="realm_access.roles")
    inside = CLAIMS | {"email": "ann@example.com", "realm_access": {"roles": "/x"}}
    person = openid.person(named, inside)
    assert (person["username"], person["role_keys"]) == ("ann@example.com", ["/x"])
    dotted = config(**WHOLE, oidc_roles_claim="https://id.example/roles")
    assert openid.person(dotted, CLAIMS | {"https://id.example/roles": ["q"]})["role_keys"] == ["q"]


def test_a_token_of_another_issuer_or_without_a_name_is_nobodys():
    with pytest.raises(ValueError, match="is of https://other"):
        openid.person(config(**WHOLE), CLAIMS | {"iss": "https://other.example"})
    for name in ("", None, 7):
        with pytest.raises(ValueError, match="tells no preferred_username"):
            openid.person(config(**WHOLE), CLAIMS | {"preferred_username": name})


def test_the_user_endpoint_is_asked_only_for_what_the_token_leaves_open():
    assert not openid.missing(config(**WHOLE), CLAIMS)
    assert openid.missing(config(**WHOLE), {name: CLAIMS[name] for name in ("iss", "sub", "groups")})
    assert openid.missing(config(**WHOLE), {name: CLAIMS[name] for name in ("iss", "preferred_username")})


@pytest.mark.parametrize(
    ("values", "default", "roles"),
    [
        (["a b", "/x", "z"], "", {"User", "Admin"}),
        (["Admin", "a", "A B"], "", set()),
        ([], "", set()),
        ([], "Viewer", {"Viewer"}),
        (["/x"], "Viewer", {"Viewer", "Admin"}),
    ],
)
def test_roles_follow_from_the_values_that_are_named_and_no_others(values, default, roles):
    assert openid.roles(config(**WHOLE, oidc_default_role=default), values) == roles
