"""Deleting one of one's own events by the page of the history: a form, a second step, a token, and nobody else's."""

import json
import logging

import pytest

from tests.support.html_page import HtmlPage
from tests.support.shop_stand_in import PASSWORD, StandInShop, stand_in_app, stand_in_shop
from tidemark.storefront import audit, history_routes

OWN = {"Sec-Fetch-Site": "same-origin", "Accept": "text/html"}


@pytest.fixture
def shop() -> StandInShop:
    return stand_in_shop()


class Browser:
    """One that is signed in."""

    def __init__(self, shop: StandInShop, who: str = "shopper") -> None:
        self.client = stand_in_app(shop).test_client()
        self.post("/sign-in", "/sign-in", email=f"{who}@shop.example", password=PASSWORD)

    def page(self, path: str = "/history") -> HtmlPage:
        return HtmlPage(self.client.get(path, headers=OWN).text)

    def post(self, path: str, page: str = "/history", **form: str):
        token = self.page(page).all("input", name="csrf_token")[0]["value"]
        return self.client.post(path, data={"csrf_token": token} | form, headers=OWN)


def keys(page: HtmlPage) -> list[str]:
    return [field["value"] for field in page.all("input", name="event")]


def test_each_event_has_its_button_behind_a_second_step_and_it_deletes_that_one(shop):
    browser = Browser(shop)
    before = keys(browser.page())
    assert len(before) == len(shop.serving.histories["anna"]) == len(browser.page().all("details", class_="delete"))
    answer = browser.post("/history/delete", event=before[3])
    assert (answer.status_code, answer.location) == (303, "/history?said=deleted")
    assert "Deleted." in browser.client.get(answer.location, headers=OWN).text
    assert keys(browser.page()) == [key for key in before if key != before[3]]
    assert browser.post("/history/delete", event=before[3]).status_code == 303, "deleted again, it is deleted"


def test_of_a_review_it_says_that_the_review_goes_too(shop):
    told = [line.text for line in Browser(shop).page().all("details", class_="delete")]
    assert ["your review goes with it" in text for text in told].count(True) == 1


def test_one_comes_back_to_the_part_of_the_history_that_it_was_in(shop, monkeypatch):
    monkeypatch.setattr(history_routes, "PAGE", 4)
    browser = Browser(shop)
    older = browser.page().all("a", rel="next")[0]["href"]
    page = browser.page(older)
    before = page.all("input", name="before")[0]["value"]
    answer = browser.post("/history/delete", older, event=keys(page)[0], before=before)
    assert answer.status_code == 303
    assert keys(browser.page(answer.location))[:3] == keys(page)[1:4]
    assert browser.post("/history/delete", event=keys(page)[1], before="never").status_code == 400


def test_nobody_elses_and_nothing_that_is_not_there(shop):
    browser, anothers = Browser(shop), shop.serving.histories["ben"][0].id
    for form in ({"event": anothers}, {"event": ""}, {"event": "x" * 9_999}, {}):
        assert browser.post("/history/delete", **form).status_code == 404
    assert anothers in {event.id for event in shop.serving.histories["ben"]}


def test_without_a_token_or_a_session_nothing_happens(shop):
    browser = Browser(shop)
    event = keys(browser.page())[0]
    assert browser.client.post("/history/delete", data={"event": event}, headers=OWN).status_code == 403
    assert stand_in_app(shop).test_client().post("/history/delete", data={"event": event}).status_code == 403
    assert event in keys(browser.page())


def test_who_deletes_in_anothers_name_is_noted(shop, caplog):
    caplog.set_level(logging.INFO, audit.LOGGER)
    browser = Browser(shop, "presenter")
    (session,) = shop.sessions.there.values()
    shop.sessions.act_as(session, "anna")
    event = keys(browser.page())[0]
    assert browser.post("/history/delete", event=event).status_code == 303
    said = [json.loads(r.getMessage()) for r in caplog.records if r.name == audit.LOGGER][-1]
    assert (said["audit"], said["user"], said["interaction"]) == ("delete_interaction", "anna", event)
    assert said["account"] == "p***@shop.example"


def test_while_mongodb_is_away_nothing_is_claimed(shop):
    browser = Browser(shop)
    event, token = keys(browser.page())[0], browser.page("/basket").all("input", name="csrf_token")[0]["value"]
    shop.serving.away = True
    answer = browser.client.post("/history/delete", data={"csrf_token": token, "event": event}, headers=OWN)
    assert answer.status_code == 503
