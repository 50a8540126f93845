"""One real storefront for all tests of this folder that ask for it; whoever stops one of its servers starts it again."""

from collections.abc import Iterator

import pytest

from tests.support.own_shop import OwnShop, own_shop


@pytest.fixture(scope="session")
def real_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnShop]:
    """The shop. That its log holds no secret is asked at the end of the session (`tests/conftest.py`)."""
    with own_shop(tmp_path_factory.mktemp("shop")) as shop:
        yield shop
    assert shop.storefront.log.stat().st_size > 100, "a log that holds nothing proves nothing"
