"""The entry of a WSGI server: `app`, whose parts are started with the worker and closed with it."""

import atexit
import logging
import threading

from tidemark.storefront.app import create_app
from tidemark.storefront.shop import EXTENSION, Shop
from tidemark.storefront.shop_metrics import ShopMetrics

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")

app = create_app()


def _start() -> None:
    """Start serving, and close all at the worker's end."""
    shop: Shop = app.extensions[EXTENSION]
    metrics: ShopMetrics = app.extensions[ShopMetrics.EXTENSION]
    ended = threading.Event()
    atexit.register(shop.close)
    atexit.register(ended.set)
    shop.serving.start()
    shop.erasures.start()
    shop.experiments.follow()
    threading.Thread(target=metrics.keep_fresh, args=(shop, ended), name="metrics", daemon=True).start()


_start()
