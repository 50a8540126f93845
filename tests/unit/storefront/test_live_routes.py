import pytest

from tests.support.html_page import HtmlPage
from tests.support.shop_stand_in import PASSWORD, stand_in_app, stand_in_shop
from tidemark.storefront import live_routes

OWN = {"Sec-Fetch-Site": "same-origin"}


@pytest.mark.parametrize(
    ("live_url", "stream", "connects"),
    [
        ("", "http://shop.example:8091/live/me", "'self' http://shop.example:8091;"),
        ("/", "/live/me", "'self';"),
        ("https://shop.example:9443/", "https://shop.example:9443/live/me", "'self' https://shop.example:9443;"),
    ],
)
def test_for_you_finds_its_stream_on_its_own_port_or_behind_one_proxy(live_url, stream, connects):
    shop = stand_in_shop()
    shop.config = shop.config.model_copy(update={"shop_url": "http://shop.example:8090", "shop_live_url": live_url})
    app = stand_in_app(shop)
    app.register_blueprint(live_routes.blueprint)
    browser = app.test_client()
    base = "http://shop.example:8090"
    token = HtmlPage(browser.get("/sign-in", base_url=base).text).all("input", name="csrf_token")[0]["value"]
    form = {"email": "shopper@shop.example", "password": PASSWORD, "csrf_token": token}
    assert browser.post("/sign-in", data=form, base_url=base, headers=OWN).status_code == 303
    answer = browser.get("/", base_url=base)
    assert HtmlPage(answer.text).one("div", data_live="me")["data-stream"] == stream
    assert f"connect-src {connects}" in answer.headers["Content-Security-Policy"]
