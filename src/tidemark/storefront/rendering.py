"""What the shop's templates find: how numbers are said, drawings, addresses of products and of static files."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from flask import Flask, request, url_for

from tidemark.storefront import wording
from tidemark.storefront.drawings import drawing
from tidemark.storefront.login import current_user
from tidemark.storefront.shop import shop
from tidemark.storefront.shoppers import shopper

STATIC = Path(__file__).parent / "static"

KEPT = 365 * 24 * 3600
"""Seconds that a browser may keep a static file: its address changes with it."""

SAID = {
    "bought": "Bought. What you see next takes it into account.",
    "wished": "On your list of wishes.",
    "hidden": "You will not be shown that again.",
    "shown": "You may be shown that again.",
    "put": "In your basket.",
    "taken": "No longer in your basket.",
    "deleted": "Deleted. What you see next is without it.",
}
"""What a page says of what was just done, by the word that the address has of it."""


@cache
def version(name: str) -> str:
    """What changes in the address of a static file whenever the file does."""
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]


def asset(name: str) -> str:
    """The address of a static file; a browser may keep what it gets there for ever."""
    return url_for("static", filename=name, v=version(name))


def product_url(item_id: str, recommendation_id: str = "") -> str:
    """The page of a product. Its id is no part of the path: it may hold slashes and dots, which servers mend."""
    return url_for("shop.product", item=item_id, rid=recommendation_id or None)


def here() -> str:
    """The path and query of this page without what it said, to come back to after a form."""
    kept = [(name, value) for name, value in request.args.items(multi=True) if name not in ("said", "rid")]
    return quote(request.path) + (f"?{urlencode(kept)}" if kept else "")


def prepare(app: Flask) -> None:
    """Give the templates of `app` what they need."""
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = KEPT
    env = app.jinja_env
    env.trim_blocks = env.lstrip_blocks = True
    env.filters |= {
        "price": wording.price,
        "number": wording.number,
        "stars": wording.stars,
        "percent": wording.percent,
        "moment": wording.moment,
        "ago": wording.ago,
    }
    env.globals |= {"asset": asset, "drawing": drawing, "product_url": product_url}

    @app.context_processor
    def shown_everywhere() -> dict[str, Any]:
        """Who looks, and what was just done."""
        return {
            "shopper": shopper() if current_user.is_authenticated else None,
            "said": SAID.get(request.args.get("said", "")),
            "here": here,
            "remote_pictures": shop().config.shop_images == "remote",
        }
