"""What a shopper does on a platform that `make run` has left: sign in with a demo account, look, buy, and see it change."""

import re
from collections.abc import Callable, Iterator
from urllib.parse import urlencode

import httpx
import pytest
from confluent_kafka import Producer
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Platform
from tests.support import browser as chromium
from tests.support.waiting import eventually
from tidemark.local import shop_services
from tidemark.storage import mongo
from tidemark.storefront.api_keys import ApiKeys
from tidemark.stream import topics

FOR_YOU = "[data-shelf=for_you] .card"
SOON = 15_000

Open = Callable[[str, str], Page]


@pytest.fixture(scope="module")
def open_page(platform: Platform) -> Iterator[Open]:
    """Opens a page as one of the demo accounts, with the password that `make run` names."""
    with chromium.browser() as started:

        def opened(who: str, path: str) -> Page:
            context = started.new_context(
                base_url=shop_services.url(platform.config),
                viewport={"width": 1280, "height": 900},
                reduced_motion="reduce",
            )
            page = context.new_page()
            page.goto(f"/sign-in?next={path}")
            page.get_by_label("Email").fill(f"{who}@tidemark.example")
            page.get_by_label("Password").fill(platform.passwords["shop_password"])
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_url(f"**{path}")
            return page

        yield opened


def items(page: Page) -> list[str]:
    """The item_ids of the shelf "For you", in its order."""
    return [card.get_attribute("data-item") or "" for card in page.locator(FOR_YOU).all()]


def test_make_run_says_where_the_shop_is_and_who_may_come_in(platform: Platform) -> None:
    said = platform.first_output
    for part in (shop_services.url(platform.config), "shopper@tidemark.example", "TIDEMARK_SHOP_PASSWORD", "key add"):
        assert part in said, said[-3_000:]
    assert platform.passwords["shop_password"] not in said


def test_a_purchase_changes_the_page_that_is_open_and_two_people_differ(open_page: Open, shots: chromium.Shots) -> None:
    live = open_page("admin", "/live")
    page, new = open_page("heavy", "/"), open_page("new", "/")
    page.wait_for_selector("[data-connected=true]", state="attached")
    page.screenshot(path=shots.path("shop"))
    before = items(page)
    assert before
    assert items(new) != before
    page.locator(FOR_YOU).first.get_by_role("button", name="Buy").click()
    expect(page.locator("[data-said]")).to_contain_text("Bought")
    expect(page.locator(f'{FOR_YOU}[data-item="{before[0]}"]')).to_have_count(0, timeout=SOON)
    expect(page.locator("[data-shelf=because] h2").first).to_contain_text("Because you bought")
    expect(live.locator("[data-shown] tr").first).not_to_contain_text("comes here", timeout=SOON)
    live.screenshot(path=shots.path("live"))


def test_the_reason_leads_to_the_airflow_run(open_page: Open, platform: Platform) -> None:
    page = open_page("shopper", "/")
    page.locator("[data-shelf=for_you] summary").first.click()
    run = page.locator("[data-shelf=for_you] .how a[href*=dags]").first
    assert f":{platform.config.airflow_port}/dags/retrain_recommender/runs/" in (run.get_attribute("href") or "")


def test_a_program_gets_the_same_list_as_the_page(open_page: Open, platform: Platform) -> None:
    keys = ApiKeys(mongo.connect(platform.config), platform.config.shop_rate)
    text, key = keys.add("e2e", ["read"], None, None)
    try:
        page = open_page("shopper", "/")
        model = re.search(r"\d{8}T\d{6}-[0-9a-f]{8}", page.locator("[data-shelf=for_you] .how").inner_text())
        served = mongo.connect(platform.config)["accounts"].find_one({"_id": "shopper@tidemark.example"})
        assert served is not None
        asked = httpx.get(
            f"{shop_services.url(platform.config)}/api/v1/users/{served['user_id']}/recommendations",
            params={"n": len(items(page))},
            headers={"Authorization": f"Bearer {text}"},
            trust_env=False,
        )
        assert asked.status_code == 200, asked.text
        assert [item["item_id"] for item in asked.json()["items"]] == items(page)
        assert model is None or asked.json()["model_id"] == model[0]
    finally:
        keys.revoke(key.id)
        keys.close()


def test_an_item_is_withdrawn_and_comes_back_by_the_stream(open_page: Open, platform: Platform) -> None:
    """What the topic `items` hides is soon in no list and no search, on pages and for programs; and back again."""
    topic = topics.name(topics.ITEMS, platform.config)
    producer = Producer(topics.producer_config(platform.config))
    page = open_page("shopper", "/")
    item_id = items(page)[0]
    title = page.locator(f'{FOR_YOU}[data-item="{item_id}"] .name').first.inner_text()
    found = page.context.new_page()

    def is_shown(path: str) -> bool:
        found.goto(path)
        return found.locator(f'[data-item="{item_id}"]').count() > 0

    search = f"/search?{urlencode({'q': title})}"
    assert is_shown("/")
    assert is_shown(search)
    for value, shown in ((None, False), (item_id.encode(), True)):
        producer.produce(topic, value, key=item_id)
        assert producer.flush(30) == 0
        for path in ("/", search):
            eventually(lambda path=path, shown=shown: is_shown(path) is shown, 60, f"{path}: shown is not {shown}")
