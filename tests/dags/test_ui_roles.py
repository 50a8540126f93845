"""Who may see and do what on Tidemark's pages under the auth manager of production, by role, and who comes from an OpenID
provider: on a real API server with the options of docker-compose.yaml, beside the one that the other files ask."""

import json
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import psycopg2
import pytest

from tests.support import registry_data
from tests.support.console_server import HTML, OWN, ConsoleServer, started
from tests.support.fab_server import fab_server
from tests.support.openid_provider import Provider, openid_provider
from tests.support.waiting import eventually
from tidemark.dag_ids import RETRAIN_RECOMMENDER as RETRAIN
from tidemark.dag_ids import ROLL_BACK_MODEL as ROLL_BACK
from tidemark.local import postgres
from tidemark.registry.approvals import APPROVE
from tidemark.settings import ROOT, settings
from tidemark.storage import run_folder

KEY = run_folder.key(registry_data.RUN)
PAGES = (
    "/",
    "/metrics",
    "/api/tide",
    f"/runs/{RETRAIN}/{quote(registry_data.RUN)}",
    f"/folders/{RETRAIN}/{KEY}",
    "/sources",
)


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with openid_provider(f"secret-{uuid.uuid4().hex}") as made:
        yield made


@pytest.fixture(scope="module")
def fab(
    server: ConsoleServer, db: Any, provider: Provider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ConsoleServer]:
    """The API server of this file; the runs that it starts are gone afterwards, since the others' is on the same database."""
    with fab_server(server, provider, tmp_path_factory.mktemp("fab")) as made:
        yield made
        admin = made.client("admin")
        for dag_id in (RETRAIN, ROLL_BACK):
            for run in started(admin, dag_id):
                admin.delete(f"/api/v2/dags/{dag_id}/dagRuns/{quote(run['dag_run_id'], safe='')}").raise_for_status()


@pytest.mark.parametrize("role", ["admin", "op", "user"])
def test_who_may_start_runs_has_the_buttons_and_starts_them(fab: ConsoleServer, role: str) -> None:
    client = fab.client(role, cookie=True)
    page = client.get("/tidemark/", headers=HTML)
    assert page.status_code == 200
    assert "Retrain now" in page.text
    assert "Roll back" in page.text
    before = len(started(client, RETRAIN)), len(started(client, ROLL_BACK))
    model = registry_data.model_id(26)
    assert client.post("/tidemark/retrain", headers=OWN).status_code == 303
    assert client.post("/tidemark/roll_back", data={"model": model}, headers=OWN).status_code == 303
    assert client.post("/tidemark/retrain", headers={"origin": "https://elsewhere.example"}).status_code == 403
    retrains, roll_backs = started(client, RETRAIN), started(client, ROLL_BACK)
    assert (len(retrains), len(roll_backs)) == (before[0] + 1, before[1] + 1)
    assert (retrains[-1]["triggering_user_name"], retrains[-1]["triggered_by"]) == (role, "ui")
    assert (roll_backs[-1]["triggering_user_name"], roll_backs[-1]["conf"]["model"]) == (role, model)


@pytest.mark.parametrize(("role", "refused"), [("viewer", 403), ("nobody", 403), (None, 401)])
def test_who_may_not_start_runs_has_no_button_and_starts_none(
    fab: ConsoleServer, role: str | None, refused: int
) -> None:
    admin, client = fab.client("admin"), fab.client(role, cookie=True)
    before = started(admin, RETRAIN), started(admin, ROLL_BACK)
    assert "<button" not in client.get("/tidemark/", headers=HTML).text
    model = {"model": registry_data.model_id(26)}
    assert client.post("/tidemark/retrain", headers=OWN).status_code == refused
    assert client.post("/tidemark/roll_back", data=model, headers=OWN).status_code == refused
    assert fab.client(role).post("/tidemark/retrain", headers=OWN).status_code == refused  # by a token, as a program
    assert (started(admin, RETRAIN), started(admin, ROLL_BACK)) == before


@pytest.mark.parametrize("path", PAGES)
def test_who_may_read_runs_sees_the_pages_and_nobody_else(fab: ConsoleServer, path: str) -> None:
    seen = {role: fab.client(role).get(f"/tidemark{path}").status_code for role in (*fab.passwords, None)}
    reading = dict.fromkeys(("admin", "op", "user", "viewer"), 200)
    assert seen == reading | {"nobody": 403, None: 401}


def test_airflow_shows_the_pages_in_its_navigation_to_whom_they_are_open(fab: ConsoleServer) -> None:
    """The UI asks for the plugins by this address; who is refused has no Tidemark in the navigation, and no Artifacts."""
    for role in ("admin", "op", "user", "viewer"):
        answer = fab.client(role).get("/api/v2/plugins")
        assert answer.status_code == 200, role
        shown = {view["name"] for plugin in answer.json()["plugins"] for view in plugin["external_views"]}
        assert shown >= {"Tidemark", "Artifacts"}
    assert fab.client("nobody").get("/api/v2/plugins").status_code == 403


@pytest.mark.parametrize(
    ("path", "allowed"), [("/api/v2/connections", {"admin", "op"}), ("/auth/fab/v1/users", {"admin"})]
)
def test_secrets_and_users_are_for_the_roles_that_the_page_on_access_names(
    fab: ConsoleServer, path: str, allowed: set[str]
) -> None:
    seen = {role: fab.client(role).get(path).status_code for role in (*fab.passwords, None)}
    refused = {role: 401 if role is None else 403 for role in seen if role not in allowed}
    assert seen == refused | dict.fromkeys(allowed, 200)


@pytest.fixture(params=["simple", "fab"])
def asked(
    request: pytest.FixtureRequest, fab: ConsoleServer, server: ConsoleServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """Under each auth manager: where an approval waits, put in Airflow's database as a task's deferral does."""
    monkeypatch.syspath_prepend(str(ROOT / "plugins"))
    from tidemark_approval import ModelApproval

    with psycopg2.connect(
        host=str(postgres.socket_folder(server.config)), user=postgres.USER, dbname=postgres.DATABASE
    ) as sql:

        def ask(approvers: str) -> str:
            monkeypatch.setenv("TIDEMARK_APPROVERS", approvers)
            settings.cache_clear()
            question = ModelApproval(task_id="approve", asked_by="decide")
            run_id = (
                fab.client("admin")
                .post(f"/api/v2/dags/{RETRAIN}/dagRuns", json={"logical_date": None})
                .json()["dag_run_id"]
            )
            with sql.cursor() as cursor:
                cursor.execute("SELECT id FROM task_instance WHERE run_id = %s AND task_id = 'approve'", [run_id])
                (found,) = cursor.fetchall()
                columns = {
                    "options": question.options,
                    "defaults": question.defaults,
                    "params": {},
                    "params_input": {},
                    "assignees": question.assigned_users,
                }
                cursor.execute(
                    f"INSERT INTO hitl_detail (ti_id, subject, multiple, created_at, {', '.join(columns)}) "  # noqa: S608
                    "VALUES (%s, 'Put a model live?', false, now(), %s, %s, %s, %s, %s)",
                    [found[0], *map(json.dumps, columns.values())],
                )
            sql.commit()
            return f"/api/v2/dags/{RETRAIN}/dagRuns/{quote(run_id, safe='')}/taskInstances/approve/-1/hitlDetails"

        yield ask, {"simple": server, "fab": fab}[request.param]
    sql.close()


ANSWER = {"chosen_options": [APPROVE], "params_input": {"reason": "seen and good"}}


def test_only_the_approvers_answer_and_only_where_their_role_lets_them(asked: Any) -> None:
    ask, at = asked
    path = ask("user, viewer")
    refused = {
        role: at.client(role).patch(path, json=ANSWER).status_code for role in (*at.passwords, None) if role != "user"
    }
    assert refused == {role: 401 if role is None else 403 for role in refused}
    answer = at.client("user").patch(path, json=ANSWER)
    assert answer.status_code == 200, answer.text
    assert answer.json()["responded_by"]["name"] == "user"
    assert at.client("user").patch(path, json=ANSWER).status_code == 409


def test_without_approvers_whoever_may_by_their_role_answers(asked: Any) -> None:
    ask, at = asked
    path = ask("")
    assert at.client("viewer").patch(path, json=ANSWER).status_code == 403
    assert at.client("user").patch(path, json=ANSWER).status_code == 200


def test_the_first_user_is_made_and_mended_at_each_start(fab: ConsoleServer) -> None:
    said = json.loads((fab.log.parent / "said.json").read_text())
    assert said == {
        "as it is": "is as it was",
        "another password": "has a new password",
        "which holds": True,
        "demoted, and the first password": "has a new password and is Admin again",
        "roles": ["Admin", "Viewer"],
        "users": 1,
    }


def test_a_wrong_password_gives_no_token(fab: ConsoleServer) -> None:
    for login in ({"username": "admin", "password": "wrong"}, {"username": "nobody-at-all", "password": "x"}):
        assert httpx.post(f"{fab.url}/auth/token", json=login, trust_env=False).status_code == 401


def signed_in(fab: ConsoleServer, **headers: str) -> httpx.Client:
    """A browser after signing in at the provider; whether Airflow let it in, its cookies tell."""
    browser = httpx.Client(base_url=fab.url, trust_env=False, timeout=30, headers=headers)
    answer = browser.get("/auth/login/openid")
    for _ in range(3):  # to the provider, back, and to where Airflow sends who is signed in or refused
        assert answer.status_code == 302, answer.text
        if urlsplit(answer.headers["location"]).path in ("", "/", "/auth/login/", "/auth/"):
            break
        answer = browser.get(answer.headers["location"])
    return browser


def is_in(browser: httpx.Client) -> bool:
    return "_token" in browser.cookies


def test_the_provider_says_who_somebody_is_and_by_that_their_role(fab: ConsoleServer, provider: Provider) -> None:
    provider.person = {
        "preferred_username": "ann",
        "sub": "1",
        "email": "ann@example.com",
        "groups": ["x", "data team"],
    }
    ann = signed_in(fab)
    assert is_in(ann)
    assert "Retrain now" in ann.get("/tidemark/", headers=HTML).text
    assert ann.post("/tidemark/retrain", headers=OWN).status_code == 303
    assert started(ann, RETRAIN)[-1]["triggering_user_name"] == "ann"
    for password in ("", "!openid", "x"):
        answer = httpx.post(f"{fab.url}/auth/token", json={"username": "ann", "password": password}, trust_env=False)
        assert answer.status_code in (400, 401), "whom the provider lets in has no password here"
    provider.person = provider.person | {"groups": ["readers"]}
    reader = signed_in(fab)
    gone = "what the provider took away is still there"
    eventually(lambda: "<button" not in reader.get("/tidemark/", headers=HTML).text, 10, gone, every=0.3)
    assert reader.get("/tidemark/", headers=HTML).status_code == 200
    assert reader.post("/tidemark/retrain", headers=OWN).status_code == 403


def test_nobody_of_the_provider_gets_a_password_of_their_own(fab: ConsoleServer, provider: Provider) -> None:
    provider.person = {"preferred_username": "pam", "sub": "1", "email": "pam@example.com", "groups": ["data team"]}
    pam = signed_in(fab)
    form = pam.get("/auth/resetmypassword/form")
    (token,) = [part.split('"')[0] for part in form.text.split('name="csrf_token" type="hidden" value="')[1:]]
    sent = {"csrf_token": token, "password": "a-password-1", "conf_password": "a-password-1"}
    assert pam.post("/auth/resetmypassword/form", data=sent).status_code == 403
    login = {"username": "pam", "password": "a-password-1"}
    assert httpx.post(f"{fab.url}/auth/token", json=login, trust_env=False).status_code == 401


def test_roles_may_be_told_by_the_user_endpoint_alone(fab: ConsoleServer, provider: Provider) -> None:
    provider.person, provider.told_if_asked = {"sub": "1"}, {"preferred_username": "amy", "groups": ["/data/admins"]}
    amy = signed_in(fab)
    assert amy.get("/api/v2/connections").status_code == 200, "an Admin"
    provider.told_if_asked = provider.told_if_asked | {"sub": "2"}
    assert not is_in(signed_in(fab)), "another person's claims"


@pytest.mark.parametrize("name", ["admin", "Admin", "viewer"])
def test_nobody_becomes_a_user_with_a_password_by_bearing_the_name(
    fab: ConsoleServer, provider: Provider, name: str
) -> None:
    provider.person = {"preferred_username": name, "sub": "1", "groups": ["/data/admins"]}
    assert not is_in(signed_in(fab))
    assert fab.client("admin").get("/api/v2/connections").status_code == 200
    assert fab.client("viewer").get("/api/v2/connections").status_code == 403


def test_whom_no_claim_gives_a_role_stays_out(fab: ConsoleServer, provider: Provider) -> None:
    for groups in ({}, {"groups": []}, {"groups": ["Admin", "data"]}, {"groups": "data"}):
        provider.person = {"preferred_username": "eve", "sub": "1", **groups}
        provider.told_if_asked = {}
        assert not is_in(signed_in(fab)), groups


@pytest.mark.parametrize(
    "lie", [{"aud": "another"}, {"iss": "http://127.0.0.1:1"}, {"nonce": "x"}, {"exp": 1}, "a key"]
)
def test_a_token_that_is_not_right_lets_nobody_in(fab: ConsoleServer, provider: Provider, lie: Any) -> None:
    provider.person = {"preferred_username": "lea", "sub": "1", "groups": ["data team"]}
    try:
        if lie == "a key":
            provider.signs_with = provider.others_key
        else:
            provider.lie = lie
        assert not is_in(signed_in(fab))
    finally:
        provider.lie, provider.signs_with = {}, provider.key
    assert is_in(signed_in(fab))


def test_people_are_sent_back_by_the_address_that_the_proxy_was_asked_by(fab: ConsoleServer) -> None:
    told = {"x-forwarded-proto": "https", "x-forwarded-host": "airflow.example"}
    answer = httpx.get(f"{fab.url}/auth/login/openid", headers=told, trust_env=False)
    asked = parse_qs(urlsplit(answer.headers["location"]).query)
    assert asked["redirect_uri"] == ["https://airflow.example/auth/oauth-authorized/openid"]
    assert asked["code_challenge_method"] == ["S256"]
