"""The entry of a WSGI server: `app`, whose parts are started with the worker and closed with it."""

import atexit
import logging
import sys
import threading

from tidemark.storefront.app import create_app
from tidemark.storefront.shop import EXTENSION, Shop
from tidemark.storefront.shop_metrics import ShopMetrics

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")

# Seconds that a thread may keep the others waiting who want Python: ten times less than by default, so that a stored answer
# does not wait for a page that is being drawn.
SWITCH_INTERVAL = 0.0005

sys.setswitchinterval(SWITCH_INTERVAL)
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
