"""The storefront over stand-ins, and a client of it."""

import pytest
from flask.testing import FlaskClient

from tests.support.shop_api import stand_in_app, stand_in_shop
from tidemark.storefront.shop import Shop


@pytest.fixture
def shop() -> Shop:
    return stand_in_shop()


@pytest.fixture
def client(shop: Shop) -> FlaskClient:
    return stand_in_app(shop).test_client()
