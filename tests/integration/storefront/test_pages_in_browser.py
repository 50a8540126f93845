"""The shop's pages in a real browser, over stand-ins: readable for all (axe), by keyboard, narrow, zoomed, without script."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Response, expect
from werkzeug.serving import make_server

from tests.support import browser as chromium
from tests.support.browser import NARROW, WIDE
from tests.support.shop_stand_in import PASSWORD, Item, StandInShop, products, stand_in_app, stand_in_shop

RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
SCHEMES = ("light", "dark")
PAGES = (
    "/",
    "/product?item=B00001",
    "/search?q=rye",
    "/search?q=nothing+of+this+name",
    "/popular",
    "/history",
    "/erase",
    "/basket",
    "/people",
    "/product?item=no-such",
)


@pytest.fixture(scope="module")
def started() -> Iterator[Browser]:
    with chromium.browser() as started:
        yield started


@contextmanager
def served(shop: StandInShop) -> Iterator[str]:
    """The pages over `shop`, on a free port of the loopback; gives their address."""
    server = make_server("127.0.0.1", 0, stand_in_app(shop), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()


@pytest.fixture
def shop() -> StandInShop:
    long = Item("LONG", "t" * 500, "Sweets", 1_234_567.89, 4.9, 1_234_567, "b" * 200)
    return stand_in_shop([*products(), long])


@pytest.fixture
def url(shop: StandInShop) -> Iterator[str]:
    with served(shop) as url:
        yield url


Open = Callable[..., Page]


@pytest.fixture
def open_page(started: Browser, url: str) -> Iterator[Open]:
    """Opens a page of a fresh profile, signed in; what a page complains of, or asks elsewhere, fails the test at its end."""
    contexts, wrong = [], []

    def opened(
        size: tuple[int, int] = WIDE, scheme: str = "light", who: str = "presenter", *, script: bool = True
    ) -> Page:
        context = started.new_context(
            base_url=url,
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,  # type: ignore[arg-type]
            reduced_motion="reduce",
            java_script_enabled=script,
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: wrong.append(said.text) if complains(said) else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda asked: None if asked.url.startswith((url, "data:")) else wrong.append(asked.url))
        page.on("response", lambda answer: wrong.append(answer.url) if is_missing(answer) else None)
        page.goto("/sign-in")
        page.get_by_label("Email").fill(f"{who}@shop.example")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert wrong == []


def complains(said: ConsoleMessage) -> bool:
    """Whether a page says that something is wrong; of an answer that is an error page, `is_missing` tells."""
    return said.type in ("error", "warning") and not said.text.startswith("Failed to load resource")


def is_missing(answer: Response) -> bool:
    """Whether a page did not get something that it is made of."""
    return answer.status >= 400 and answer.request.resource_type != "document"


def violations(page: Page) -> list[str]:
    """What axe finds on the page."""
    found = Axe().run(page, options=RULES | {"resultTypes": ["violations"]}).response["violations"]
    return [f"{page.url} {one['id']}: {[node['html'][:200] for node in one['nodes'][:3]]}" for one in found]


def scrolls(page: Page) -> bool:
    """Whether the page is wider than the screen."""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_axe_finds_nothing_on_any_page_and_none_is_wider_than_a_phone(open_page: Open, scheme: str) -> None:
    page = open_page(NARROW if scheme == "dark" else WIDE, scheme)
    page.goto("/product?item=LONG")
    page.get_by_role("button", name="Put in the basket").click()
    expect(page.locator("[data-said]")).to_be_visible()
    found = []
    for path in PAGES:
        page.goto(path)
        for summary in page.locator("summary").all()[:1]:
            summary.click()
        found += violations(page)
        for width in (390, 320):  # 320 CSS px is a screen of 1280 at 400 %
            page.set_viewport_size({"width": width, "height": 800})
            found += [f"{path} is wider than {width}"] if scrolls(page) else []
        page.set_viewport_size({"width": WIDE[0] if scheme == "light" else 390, "height": 800})
    page.goto("/people")
    page.get_by_role("button", name="Compare").click()
    found += violations(page)
    page.get_by_role("button", name="Sign out").click()
    page.goto("/sign-in")
    found += violations(page)
    assert found == []


def test_the_keyboard_reaches_everything_in_order_and_shows_where_it_is(open_page: Open, shop: StandInShop) -> None:
    page = open_page(who="shopper")
    focused = "(() => { const e = document.activeElement; return [e.textContent.trim() || e.name, getComputedStyle(e).outlineStyle]; })()"
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(page.evaluate(focused))
    names = [name for name, _ in reached]
    assert names[:4] == ["Skip to the content", "Tidemark", "q", "Search"]
    assert all(outline != "none" for _, outline in reached)
    page.keyboard.press("Home")
    page.goto("/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    first = page.locator(".card").first
    assert page.evaluate("document.activeElement.closest('.card')?.dataset.item") == first.get_attribute("data-item")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("[data-said]")).to_have_text("Bought. What you see next takes it into account.")
    assert len(shop.interactions.sent) == 1


def test_not_for_me_takes_the_card_away_and_leaves_the_focus_beside_it(open_page: Open) -> None:
    page = open_page(who="shopper")
    cards = page.locator(".card")
    first, second = (cards.nth(number).get_attribute("data-item") for number in (0, 1))
    cards.first.get_by_role("button", name="Not for me").click()
    expect(page.locator(f'.card[data-item="{first}"]')).to_have_count(0)
    expect(page.locator("[data-said]")).to_have_text("You will not be shown that again.")
    assert page.evaluate("document.activeElement.closest('.card').dataset.item") == second
    page.reload()
    expect(page.locator(f'.card[data-item="{first}"]')).to_have_count(0)


def test_how_a_shelf_was_made_brings_kafkas_word(open_page: Open) -> None:
    page = open_page(who="shopper")
    page.locator("summary").first.click()
    expect(page.locator("[data-delivery]").first).to_contain_text("partition 1, offset 41,0")


def test_a_purchase_that_kafka_does_not_take_is_not_claimed(open_page: Open, shop: StandInShop) -> None:
    page = open_page(who="shopper", script=False)
    shop.interactions.away = True
    page.locator(".card").first.get_by_role("button", name="Buy").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The shop cannot do that just now")


def test_all_of_it_works_without_script(open_page: Open, shop: StandInShop) -> None:
    page = open_page(NARROW, who="shopper", script=False)
    first = page.locator(".card").first.get_attribute("data-item")
    page.locator(".card").first.get_by_role("button", name="Not for me").click()
    expect(page.locator("[data-said]")).to_have_text("You will not be shown that again.")
    expect(page.locator(f'.card[data-item="{first}"]')).to_have_count(0)
    page.locator(".card").first.get_by_role("button", name="Basket").click()
    page.get_by_role("link", name="Basket").click()
    page.get_by_role("button", name="Buy").click()
    expect(page.locator("[data-said]")).to_have_text("Bought. What you see next takes it into account.")
    page.locator("summary").first.click()
    page.locator("[data-delivery] a").first.click()
    expect(page.locator("[data-delivery]")).to_contain_text("partition 1")
    assert len(shop.interactions.sent) == 1


def test_two_people_see_two_shops(open_page: Open) -> None:
    shown = []
    for who in ("shopper", "new"):
        page = open_page(who=who)
        shown.append({card.get_attribute("data-item") for card in page.locator("[data-shelf=for_you] .card").all()})
    assert shown[0]
    assert shown[1]
    assert not shown[0] & shown[1]
