"""The shop's pages over stand-ins: whatever products are called, whoever looks, whatever is away."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.html_page import HtmlPage
from tests.support.shop_stand_in import (
    MODEL,
    PASSWORD,
    Item,
    StandInShop,
    event,
    products,
    stand_in_app,
    stand_in_shop,
)
from tidemark.errors import SignedOutError
from tidemark.storefront import audit

OWN = {"Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
GETS = (
    "/",
    "/for-you/shelves",
    "/product?item=B00001",
    "/search",
    "/search?q=rye",
    "/search?q=nothing+of+this+name",
    "/popular",
    "/popular?category=Sweets",
    "/history",
    "/erase",
    "/basket",
)
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}{% raw %}",
    "\N{RIGHT-TO-LEFT OVERRIDE}מחיר\N{LEFT-TO-RIGHT ISOLATE} קפה",
    "t" * 500,
    "\N{MATHEMATICAL BOLD CAPITAL A}\N{SLICE OF PIZZA}",
    "]]>&amp;</title>",
)


class Browser:
    """One that is signed in, or not."""

    def __init__(self, shop: StandInShop) -> None:
        self.shop = shop
        self.client: FlaskClient = stand_in_app(shop).test_client()

    def sign_in(self, who: str = "shopper") -> "Browser":
        self.post("/sign-in", email=f"{who}@shop.example", password=PASSWORD, page="/sign-in")
        return self

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.client.get(path, headers=OWN | headers)

    def page(self, path: str, status: int = 200) -> HtmlPage:
        answer = self.get(path)
        assert answer.status_code == status, (path, answer.status_code)
        return HtmlPage(answer.text)

    def post(self, path: str, page: str = "/history", accept: str = "text/html", **form: str) -> TestResponse:
        token = HtmlPage(self.get(page).text).all("input", name="csrf_token")[0]["value"]
        return self.client.post(path, data={"csrf_token": token} | form, headers=OWN | {"Accept": accept})

    def messages(self) -> list[dict[str, str]]:
        return [json.loads(value) for _, value in self.shop.interactions.sent]


@pytest.fixture
def shop() -> StandInShop:
    return stand_in_shop()


@pytest.fixture
def anna(shop: StandInShop) -> Browser:
    return Browser(shop).sign_in()


def hostile_shop() -> StandInShop:
    items = [
        replace(item, title=HOSTILE[place % len(HOSTILE)], brand=HOSTILE[0]) for place, item in enumerate(products())
    ]
    items = [replace(item, category=HOSTILE[1] if item.category == "Sweets" else item.category) for item in items]
    items += [Item('"><b>&', HOSTILE[1], HOSTILE[0]), Item("../..//%2F?&#", "dots", "Tea & Coffee")]
    shop = stand_in_shop(items)
    shop.serving.histories["anna"].append(event("anna", '"><b>&', 70, "purchase", weight=99.0))
    shop.serving.documents = {
        "B00001": {
            "title": HOSTILE[1],
            "description": "\n".join(HOSTILE),
            "features": list(HOSTILE),
            "details": dict.fromkeys(HOSTILE, HOSTILE[1]),
            "categories": list(HOSTILE),
            "also_buy": ["B00002", "gone", '"><b>&'],
        }
    }
    return shop


def bare_shop() -> StandInShop:
    """No file of products, no prices, no stars: ids alone."""
    return stand_in_shop([Item(item.item_id, "", "") for item in products()])


SHOPS = {
    "usual": stand_in_shop,
    "hostile": hostile_shop,
    "bare": bare_shop,
    "no model": lambda: stand_in_shop(model=None),
    "nothing at all": lambda: stand_in_shop([], histories={}, model=None),
}


def every_page(browser: Browser, presenter: bool) -> Iterator[tuple[str, HtmlPage]]:
    for path in (
        GETS
        if "B00001" in {item.item_id for item in browser.shop.serving.known.items}
        else set(GETS) - {"/product?item=B00001"}
    ):
        yield path, browser.page(path)
    yield "404", browser.page("/product?item=no-such", 404)
    if presenter:
        people = browser.page("/people")
        yield "/people", people
        offers = [option["value"] for option in people.all("option")]
        if offers:
            yield "side", browser.page(f"/people/side-by-side?left={offers[0]}&right={offers[1]}")


@pytest.mark.parametrize("name", SHOPS)
def test_every_page_is_whole_and_safe(name: str) -> None:
    """Well formed, no script or style within it, no request to elsewhere, ids once, each form with its token, fields named."""
    browser = Browser(SHOPS[name]()).sign_in("presenter")
    item = next(iter(browser.shop.serving.known.items), None)
    if item:
        for act in ("put", "hide"):
            assert browser.post("/acts", act=act, item=item.item_id).status_code == 303
    for who in ("presenter", "shopper"):
        browser = browser if who == "presenter" else Browser(browser.shop).sign_in()
        for path, page in every_page(browser, who == "presenter"):
            check(path, page)


def check(path: str, page: HtmlPage) -> None:
    for element in page.elements:
        assert element.name not in {"style", "b", "iframe", "object", "base"}, path
        assert "style" not in element.attributes, path
        assert not [name for name in element.attributes if name.startswith("on")], path
        for name in ("src", "href", "action", "formaction"):
            if name in element.attributes and element.name != "a":
                assert re.match(r"/(?!/)|#", element[name]), (path, element)
        if element.name == "a" and not re.match(r"/(?!/)|#", element["href"]):
            assert urlsplit(element["href"]).port == 8080, path  # Airflow, on this host
            assert element["rel"] == "noreferrer"
        if element.name == "script":
            assert element["src"], path
            assert not element.text.strip(), path
        if element.name == "form" and element["method"] == "post":
            assert [field for field in element.inside if field["name"] == "csrf_token" and field["value"]], path
    ids = [element["id"] for element in page.elements if "id" in element.attributes]
    assert len(ids) == len(set(ids)), path
    for element in page.elements:
        if element["aria-labelledby"]:
            assert element["aria-labelledby"] in ids, path
        if element.name in ("input", "select") and element["type"] != "hidden":
            assert page.all("label", for_=element["id"]), (path, element)
        if element.name in ("a", "button", "h1", "h2", "h3", "summary", "th") and element["aria-hidden"] != "true":
            assert element.text.strip(), (path, element)
    if path != "/for-you/shelves":
        levels = [int(element.name[1]) for element in page.elements if re.fullmatch(r"h[1-6]", element.name)]
        assert levels[0] == 1, path
        assert levels.count(1) == 1, path
        assert all(after <= before + 1 for before, after in pairwise(levels)), (path, levels)
        assert page.one("html")["lang"] == "en"
        assert page.one("title").text.strip()


def test_titles_are_text_wherever_they_stand() -> None:
    browser = Browser(hostile_shop()).sign_in()
    for path in GETS:
        text = browser.get(path).text
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert "49" not in HtmlPage(text).one("title").text if path != "/for-you/shelves" else True
    heading = browser.page("/product?item=B00001").one("h1")
    assert heading.text == '"><img src=x onerror=alert(1)>'
    assert [element.name for element in heading.inside] == ["bdi"]  # whatever its direction, it turns nothing around it


def test_an_id_of_any_characters_leads_to_its_product() -> None:
    browser = Browser(hostile_shop()).sign_in()
    links = {link["href"] for link in browser.page("/search?q=dots").all("a") if link.text == "dots"}
    assert len(links) == 1
    assert browser.page(links.pop()).one("h1").text == "dots"


def test_without_a_file_of_products_ids_stand_for_titles() -> None:
    browser = Browser(bare_shop()).sign_in()
    names = [element.text for element in browser.page("/").all("h3")]
    assert names
    assert all(re.fullmatch(r"B\d{5}", name) for name in names)
    page = browser.page("/")
    assert not page.all(class_="price")
    assert not page.all(class_="stars")
    assert "Nobody told more" in browser.get("/product?item=B00001").text


def test_without_a_model_the_page_says_what_to_do() -> None:
    text = Browser(stand_in_shop(model=None)).sign_in().get("/").text
    assert "No model is live yet" in text
    assert "retrain_recommender" in text


def test_for_you_shows_each_product_once_and_tells_kafka_of_every_shelf(anna: Browser) -> None:
    page = anna.page("/")
    shown = [element["data-item"] for element in page.all("li") if "data-item" in element.attributes]
    assert len(shown) == len(set(shown)) == 42
    lists = anna.shop.exposures.lists
    assert [item for told in lists for item in told["item_ids"]] == shown
    assert [told["placement"] for told in lists] == ["for_you", "because", "because", "category", "new", "popular"]
    assert {(told["user_id"], told["model_id"], told["arm"], told["acting"]) for told in lists} == {
        ("anna", MODEL, "champion", None)
    }
    assert page.all("details", class_="how")[0].text.count("run in Airflow") == 1


def test_how_a_shelf_was_made_is_said(anna: Browser) -> None:
    how = anna.page("/").all("details")[0]
    words = " ".join(how.text.split())
    assert MODEL in words
    assert "Assam of the House" in words
    assert "fold_in" in words or "stored" in words
    told = next(link["href"] for link in how.inside if link["href"].startswith("/shown"))
    assert "partition 1, offset 41,000" in " ".join(anna.page(told).one(data_delivery="").text.split())
    other = Browser(anna.shop).sign_in("new")
    assert other.get(told).status_code == 404  # nobody sees another's


def test_a_product_opened_from_a_shelf_is_a_click_and_else_a_view(anna: Browser) -> None:
    link = next(link["href"] for link in anna.page("/").all("a") if link["href"].startswith("/product"))
    asked = parse_qs(urlsplit(link).query)
    anna.page(link)
    anna.page(f"/product?item={asked['item'][0]}")
    anna.page(f"/product?item={asked['item'][0]}&rid=forged")
    assert [(one["event_type"], one.get("recommendation_id")) for one in anna.messages()] == [
        ("click", asked["rid"][0]),
        ("view", None),
        ("view", None),
    ]
    assert {one["user_id"] for one in anna.messages()} == {"anna"}
    other = Browser(anna.shop).sign_in("new")
    other.page(link)
    assert anna.messages()[-1]["event_type"] == "view"  # an id of somebody else's is no success of a model


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Purpose": "prefetch;prerender"}])
def test_a_page_that_nobody_opened_here_is_no_view(anna: Browser, headers: dict[str, str]) -> None:
    assert anna.client.get("/product?item=B00001", headers=OWN | headers).status_code == 200
    assert anna.client.head("/product?item=B00001", headers=OWN).status_code == 200
    assert anna.messages() == []


def test_buying_and_wishing_send_events_that_name_their_recommendation(anna: Browser) -> None:
    form = anna.page("/").all("form", class_="acts")[0]
    fields = {field["name"]: field["value"] for field in form.inside if field.name == "input"}
    for act in ("buy", "wish"):
        answer = anna.client.post("/acts", data=fields | {"act": act}, headers=OWN)
        assert (answer.status_code, answer.location) == (303, f"/?said={'bought' if act == 'buy' else 'wished'}")
    assert [(one["event_type"], one["item_id"], one["recommendation_id"]) for one in anna.messages()] == [
        ("purchase", fields["item"], fields["rid"]),
        ("wish", fields["item"], fields["rid"]),
    ]
    assert "Bought." in anna.page("/?said=bought").one(data_said="").text
    assert "hidden" in anna.page("/?said=<b>").one(data_said="").attributes


def test_not_for_me_excludes_at_once_and_can_be_undone(anna: Browser) -> None:
    first = anna.page("/").all("li", class_="card")[0]["data-item"]
    assert anna.post("/acts", act="hide", item=first, back="/").location == "/?said=hidden"
    for path in ("/", "/popular", "/product?item=B00007"):
        assert first not in {element["data-item"] for element in anna.page(path).all("li", class_="card")}
    assert anna.messages() == [m for m in anna.messages() if m["event_type"] == "view"]  # nobody else hears of it
    assert "Show again" in anna.get("/history").text
    anna.post("/acts", act="show", item=first)
    assert anna.page("/").all("li", class_="card")[0]["data-item"] == first


def test_a_script_gets_a_sentence_and_no_page(anna: Browser) -> None:
    answer = anna.post("/acts", accept="application/json", act="put", item="B00001")
    assert answer.get_json() == {"said": "put", "message": "In your basket.", "basket": 1}


def test_the_basket_is_bought_as_a_whole_or_stays(anna: Browser) -> None:
    for item in ("B00001", "B00002", "B00002"):
        anna.post("/acts", act="put", item=item)
    assert anna.page("/basket").one(class_="count", data_basket="").text == "2"
    anna.shop.interactions.away = True
    answer = anna.post("/basket/buy")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert anna.page("/basket").one(data_basket="").text == "2"
    anna.shop.interactions.away = False
    assert anna.post("/basket/buy").location == "/?said=bought"
    assert [(one["event_type"], one["item_id"]) for one in anna.messages()] == [
        ("purchase", "B00001"),
        ("purchase", "B00002"),
    ]
    assert anna.page("/basket").one(data_basket="").text == "0"
    assert anna.post("/basket/buy").status_code == 303
    assert len(anna.messages()) == 2


def test_what_is_bought_from_the_basket_names_the_recommendation_it_came_from(anna: Browser) -> None:
    form = anna.page("/").all("form", class_="acts")[0]
    fields = {field["name"]: field["value"] for field in form.inside if field.name == "input"}
    anna.post("/acts", act="put", item=fields["item"], rid=fields["rid"])
    anna.post("/acts", act="put", item="B00001", rid="forged")
    anna.post("/acts", act="put", item="B00002", rid=fields["rid"])
    anna.post("/acts", act="put", item="B00002")  # and again, from a search
    anna.post("/basket/buy")
    assert [(one["item_id"], one.get("recommendation_id")) for one in anna.messages()] == [
        (fields["item"], fields["rid"]),
        ("B00001", None),
        ("B00002", None),
    ]
    anna.post("/acts", act="put", item="B00003", rid=fields["rid"])
    anna.post("/acts", act="buy", item="B00003")  # on the product's page, which was opened from the basket
    assert anna.messages()[-1]["recommendation_id"] == fields["rid"]


def test_a_product_says_what_made_it_be_shown(anna: Browser) -> None:
    link = next(link for link in anna.page("/").all("a") if link["href"].startswith("/product?"))
    (how,) = [found for found in anna.page(link["href"]).all("details") if "What made this?" in found.text]
    text = " ".join(how.text.split())
    assert MODEL in text
    assert "on the shelf for_you" in text
    assert "Assam of the House" in text
    assert not [one for one in anna.page("/product?item=B00001").all("details") if "What made this?" in one.text]
    anna.shop.serving.away = True
    assert MODEL in next(one for one in anna.page(link["href"]).all("details") if "What made this?" in one.text).text


def test_the_history_says_what_was_done_where_that_is_known(shop: StandInShop) -> None:
    lost = [event("anna", f"B{n:05}", n, None, id=f"e-{n}", weight=10.0) for n in range(2)]
    lost += [event("anna", "B00002", 2, None, id="e-2", weight=3.0)]
    lost += [event("anna", "B00003", 3, None, id="e-3", weight=3.0, source="file")]
    shop.serving.histories["anna"] = lost
    shop.db["interaction_details"].documents = [{"_id": "e-1", "event_type": "purchase"}]
    anna = Browser(shop).sign_in()
    assert [did.text for did in anna.page("/history").all("p", class_="did")] == [
        "took",
        "wished for",
        "bought",
        "took",
    ]
    kinds = [json.loads(line)["event_type"] for line in anna.get("/history/export").text.splitlines()]
    assert kinds == [None, None, "purchase", None]


def test_while_kafka_is_away_products_open_and_nothing_is_claimed(anna: Browser) -> None:
    anna.shop.interactions.away = True
    assert anna.get("/product?item=B00001").status_code == 200
    answer = anna.post("/acts", act="buy", item="B00001")
    assert answer.status_code == 503
    assert "request-1" in answer.text
    assert "Kafka" not in answer.text


def test_while_mongodb_is_away_for_you_is_there_and_the_history_is_not(anna: Browser) -> None:
    anna.shop.serving.away = True
    assert anna.page("/").all("li", class_="card")
    for path in ("/history", "/history/export"):
        assert anna.page(path, 503).one("h1").text == "The shop cannot do that just now"


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"act": "buy"}, (400, 422)),
        ({"act": "steal", "item": "B00001"}, (400, 422)),
        ({"act": "buy", "item": "no-such"}, (404,)),
        ({"act": "buy", "item": "a b"}, (400, 422)),
        ({"act": "buy", "item": "x" * 129}, (400, 422)),
        ({"act": "put", "item": "$where"}, (404,)),
    ],
)
def test_a_form_that_means_nothing_is_refused(anna: Browser, form: dict[str, str], status: tuple[int, ...]) -> None:
    assert anna.post("/acts", **form).status_code in status
    assert anna.messages() == []


@pytest.mark.parametrize(
    "back", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "\x00"]
)
def test_nobody_is_sent_to_another_site(anna: Browser, back: str) -> None:
    assert anna.post("/acts", act="put", item="B00001", back=back).location == "/?said=put"


def test_a_page_comes_back_as_it_was_asked(anna: Browser) -> None:
    form = anna.page("/search?q=rye&_external=1&_scheme=javascript&said=put").all("form", class_="acts")[0]
    (back,) = [field["value"] for field in form.inside if field["name"] == "back"]
    assert back == "/search?q=rye&_external=1&_scheme=javascript"
    assert anna.post("/acts", act="put", item="B00001", back=back).location == f"{back}&said=put"


def test_a_change_needs_the_token_and_this_origin(anna: Browser) -> None:
    form = {"act": "buy", "item": "B00001"}
    assert anna.client.post("/acts", data=form, headers=OWN).status_code == 403
    token = anna.page("/history").all("input", name="csrf_token")[0]["value"]
    cross = OWN | {"Sec-Fetch-Site": "same-site"}
    assert anna.client.post("/acts", data=form | {"csrf_token": token}, headers=cross).status_code == 403
    assert anna.messages() == []


@pytest.mark.parametrize("path", [*GETS, "/people", "/people/side-by-side", "/shown?rid=x", "/history/export"])
def test_who_is_not_signed_in_is_asked_to(shop: StandInShop, path: str) -> None:
    answer = Browser(shop).get(path)
    assert answer.status_code == 303
    assert urlsplit(answer.location).path == "/sign-in"
    assert shop.exposures.lists == []


def test_the_history_is_ones_own_newest_first_in_pages(shop: StandInShop) -> None:
    shop.serving.histories["anna"] = [
        event("anna", f"B{number:05}", number // 2, id=f"e-{number:03}") for number in range(120)
    ]
    anna = Browser(shop).sign_in()
    found, path = [], "/history"
    while path:
        page = anna.page(path)
        found += [
            link["href"].rpartition("=")[2]
            for cell in page.all("div", class_="what")
            for link in cell.inside
            if link.name == "a"
        ]
        path = next((link["href"] for link in page.all("a", rel="next")), "")
    assert found == [f"B{number:05}" for number in reversed(range(120))]
    export = anna.get("/history/export")
    assert export.headers["Content-Disposition"] == 'attachment; filename="history.jsonl"'
    lines = [json.loads(line) for line in export.text.splitlines()]
    assert [line["item_id"] for line in lines] == found
    assert {line["user_id"] for line in lines} == {"anna"}


@pytest.mark.parametrize("before", ["", "x", "2026-01-01", "2026-01-01T00:00:00 id", "2026-01-01T00:00:00+00:00"])
def test_a_mark_that_is_none_is_refused(anna: Browser, before: str) -> None:
    assert anna.client.get("/history", query_string={"before": before}, headers=OWN).status_code in (400, 422)


@pytest.mark.parametrize("asked", ["0", "-1", "x", "²", "9" * 400, ""])
def test_a_page_that_is_none_is_the_first_or_last(anna: Browser, asked: str) -> None:
    assert anna.get(f"/search?q=rye&page={asked}").status_code == 200


def test_search_finds_by_title_and_category_in_pages(anna: Browser) -> None:
    page = anna.page("/search?q=of")
    first = [element["data-item"] for element in page.all("li", class_="card")]
    second = anna.page(page.one("a", rel="next")["href"])
    assert len(first) == 24
    assert not set(first) & {element["data-item"] for element in second.all("li", class_="card")}
    brands = {element["data-item"] for element in anna.page("/search?q=of&category=Sweets").all("li", class_="card")}
    assert brands == {
        item.item_id for item in products() if item.category == "Sweets" and "of" in item.title.casefold().split()
    }
    assert anna.get("/search?category=Sweets").location == "/popular?category=Sweets"


def test_a_presenter_shops_as_one_of_six_and_it_is_said_on_every_page(
    shop: StandInShop, caplog: pytest.LogCaptureFixture
) -> None:
    presenter = Browser(shop).sign_in("presenter")
    people = presenter.page("/people")
    forms = [form for form in people.all("form") if form["action"] == "/people/act"]
    offers = [next(field["value"] for field in form.inside if field["name"] == "offer") for form in forms]
    names = [element.text for element in people.all("bdi", class_="id")]
    assert len(offers) == len(names) == 6
    with caplog.at_level("INFO", logger=audit.LOGGER):
        assert presenter.post("/people/act", page="/people", offer=offers[names.index("ben")]).location == "/"
    assert '"act_as"' in caplog.text
    assert "ben" in caplog.text
    for path in ("/", "/history", "/basket", "/people"):
        assert "presenter@shop.example shops as ben" in " ".join(presenter.page(path).one(class_="banner").text.split())
    told = shop.exposures.lists[-1]
    assert (told["user_id"], told["acting"]) == ("ben", "presenter@shop.example")
    presenter.post("/acts", act="buy", item="B00001")
    assert (presenter.messages()[-1]["user_id"], presenter.messages()[-1]["acting"]) == (
        "ben",
        "presenter@shop.example",
    )
    presenter.post("/people/stop")
    assert not presenter.page("/people").all(class_="banner")


def test_a_session_that_ends_meanwhile_changes_nothing(anna: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    form = {
        "act": "put",
        "item": "B00001",
        "csrf_token": anna.page("/history").all("input", name="csrf_token")[0]["value"],
    }

    def ended(*_: object) -> None:
        raise SignedOutError("this session has ended")

    monkeypatch.setattr(anna.shop.sessions, "put_in_basket", ended)
    answer = anna.client.post("/acts", data=form, headers=OWN)
    assert (answer.status_code, HtmlPage(answer.text).one("h1").text) == (401, "Sign in first")


def test_two_side_by_side_differ_and_count_nowhere(shop: StandInShop) -> None:
    presenter = Browser(shop).sign_in("presenter")
    options = presenter.page("/people").all("select")[0].inside
    offer = {option.text.partition(":")[0]: option["value"] for option in options}
    page = presenter.page(f"/people/side-by-side?left={offer['anna']}&right={offer['ben']}")
    left, right = (
        {link["href"] for link in side.inside if link.name == "a"} for side in page.all("ol", class_="ranks")
    )
    assert left
    assert right
    assert not left & right
    assert shop.exposures.lists == []


def test_nobody_acts_for_whom_they_were_not_offered(shop: StandInShop) -> None:
    presenter = Browser(shop).sign_in("presenter")
    for offer in ("", "ben", "forged.offer.x"):
        assert presenter.post("/people/act", offer=offer).status_code == 404
        assert presenter.get(f"/people/side-by-side?left={offer}&right={offer}").status_code == 404
    shopper = Browser(shop).sign_in()
    for path in ("/people", "/people/side-by-side"):
        assert shopper.page(path, 403).one("h1").text == "Not for you"
    for path in ("/people/act", "/people/stop"):
        assert shopper.post(path).status_code == 403
    # A session that says it acts, of an account that may no longer, acts for nobody.
    (key,) = [key for key, session in shop.sessions.there.items() if session.role == "shopper"]
    shop.sessions.there[key] = replace(shop.sessions.there[key], acting="ben")
    shopper.page("/")
    assert shop.exposures.lists[-1]["user_id"] == "anna"


def test_pictures_of_other_hosts_are_shown_only_where_that_is_wished() -> None:
    items = [replace(item, image="https://img.example/a.jpg") for item in products()]
    assert not Browser(stand_in_shop(items)).sign_in().page("/").all("img")
    shop = stand_in_shop([*items[:-1], replace(items[-1], image="javascript:alert(1)")])
    shop.config = shop.config.model_copy(update={"shop_images": "remote"})
    images = Browser(shop).sign_in().page("/").all("img")
    assert {(image["src"], image["alt"], image["referrerpolicy"]) for image in images} == {
        ("https://img.example/a.jpg", "", "no-referrer")
    }


def test_static_files_have_addresses_that_change_with_them(anna: Browser) -> None:
    (sheet,) = anna.page("/").all("link", rel="stylesheet")
    answer = anna.client.get(sheet["href"])
    assert answer.status_code == 200
    assert "max-age=31536000" in answer.headers["Cache-Control"]
    assert re.search(r"\?v=[0-9a-f]{12}$", sheet["href"])


def test_the_policy_allows_nothing_written_into_a_page(anna: Browser) -> None:
    policy = anna.get("/").headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
