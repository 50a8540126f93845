"""Erase me: nothing happens without the box, a token and oneself; afterwards one is signed out."""

import pytest
from flask.testing import FlaskClient

from tests.support.html_page import HtmlPage
from tests.support.shop_stand_in import PASSWORD, StandInShop, stand_in_app, stand_in_shop

OWN = {"Sec-Fetch-Site": "same-origin", "Accept": "text/html"}


@pytest.fixture
def shop() -> StandInShop:
    return stand_in_shop()


def signed_in(shop: StandInShop, who: str = "shopper") -> FlaskClient:
    client = stand_in_app(shop).test_client()
    post(client, "/sign-in", "/sign-in", email=f"{who}@shop.example", password=PASSWORD)
    return client


def post(client: FlaskClient, path: str, page: str, **form: str):
    token = HtmlPage(client.get(page, headers=OWN).text).all("input", name="csrf_token")[0]["value"]
    return client.post(path, data={"csrf_token": token} | form, headers=OWN)


def test_the_history_leads_to_a_page_that_says_what_it_means(shop):
    client = signed_in(shop)
    assert 'href="/erase"' in client.get("/history", headers=OWN).text
    page = client.get("/erase", headers=OWN).text
    assert "cannot come back" in page
    assert "Kafka keeps its messages" in page
    assert shop.erasures.users == []


def test_one_is_erased_and_signed_out_and_may_see_how_far_it_is(shop):
    client = signed_in(shop)
    answer = post(client, "/erase", "/erase", confirmed="yes")
    assert (answer.status_code, shop.erasures.users) == (303, ["anna"])
    assert "anna" not in answer.location
    assert shop.sessions.there == {}
    page = client.get(answer.location, headers=OWN)
    assert page.status_code == 200
    assert "You were erased" in page.text
    assert "interactions" in page.text
    assert client.get("/history", headers=OWN).status_code == 303


@pytest.mark.parametrize("form", [{}, {"confirmed": "no"}])
def test_without_the_box_nothing_happens(shop, form):
    client = signed_in(shop)
    answer = post(client, "/erase", "/erase", **form)
    assert (answer.status_code, shop.erasures.users) == (422, [])
    assert "Nothing was erased" in answer.text


def test_without_a_token_or_a_session_nothing_happens(shop):
    assert signed_in(shop).post("/erase", data={"confirmed": "yes"}, headers=OWN).status_code == 403
    visitor = stand_in_app(shop).test_client()
    assert post(visitor, "/erase", "/sign-in", confirmed="yes").status_code == 401
    assert visitor.get("/erase", headers=OWN).status_code == 303
    assert shop.erasures.users == []


def test_nobody_is_erased_by_who_acts_in_their_name(shop):
    client = signed_in(shop, "presenter")
    (key,) = shop.sessions.there
    shop.sessions.act_as(shop.sessions.there[key], "anna")
    assert client.get("/erase", headers=OWN).status_code == 403
    assert post(client, "/erase", "/history", confirmed="yes").status_code == 403
    assert 'href="/erase"' not in client.get("/history", headers=OWN).text
    assert shop.erasures.users == []


def test_an_address_that_no_erasure_has_tells_nothing(shop):
    page = stand_in_app(shop).test_client().get("/erased?erasure=x", headers=OWN)
    assert page.status_code == 200
    assert "You are being erased" in page.text
