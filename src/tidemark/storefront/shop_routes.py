"""The pages of the shop: For you, a product, search, what is popular, what was told of a shelf."""

import logging
import re
import time
from collections.abc import Callable
from typing import Any, cast

from flask import Blueprint, Flask, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from tidemark.errors import UnreachableError
from tidemark.serving.answers import Answer, Ask
from tidemark.serving.filters import Filter
from tidemark.storefront import acts, arms, cards, rendering, shelf_rows, shelves, showing
from tidemark.storefront.login import login_required
from tidemark.storefront.shelves import kinds_by_weight
from tidemark.storefront.shop import shop
from tidemark.storefront.shoppers import shopper

log = logging.getLogger(__name__)

SIMILAR, BOUGHT_TOGETHER = "similar", 6
PAGE = 24
"""Products on a page of search, and of what is popular."""
PAGES = 50
"""Pages of a search, at most: whoever has not found it by then asks for something else."""
LONGEST = 200
"""Characters of a search that are looked at."""

_PORT = re.compile(r":[0-9]*$")

blueprint = Blueprint("shop", __name__)
blueprint.record_once(lambda state: rendering.prepare(cast(Flask, state.app)))


def airflow() -> str:
    """Where this browser finds Airflow: on the host that it asks the shop at."""
    return f"http://{_PORT.sub('', request.host)}:{shop().config.airflow_port}"


def timed(ask: Callable[[], Answer]) -> tuple[Answer, float]:
    """What `ask` answers, and the milliseconds that it took."""
    start = time.perf_counter()
    answer = ask()
    return answer, (time.perf_counter() - start) * 1_000


def for_you_told() -> dict[str, Any]:
    """The shelves of whoever looks, and as of when they are: what an open page tells newer ones from its own by."""
    here, who = shop(), shopper()
    kinds = kinds_by_weight(here.config.weight_of_event)
    # Before the shelves: these may be newer than they say, never older.
    version = here.serving.version(who.user_id)

    def recommend(ask: Ask) -> tuple[Answer, str]:
        return arms.recommend(here, ask, acting=who.presents)

    made = shelves.shelves(here.serving, who.user_id, frozenset(who.hidden), kinds, recommend)
    rows = shelf_rows.rows(here, who, made, airflow())
    return {"rows": rows, "state": here.serving.state(), "version": version}


@blueprint.get("/")
@login_required
def for_you() -> str:
    """For you: the shelves, each with its reason."""
    return render_template("shop/for_you.html", **for_you_told())


@blueprint.get("/for-you/shelves")
@login_required
def for_you_shelves() -> str:
    """The shelves alone, to be put in the place of those of an open page."""
    return render_template("shop/for_you_shelves.html", **for_you_told())


@blueprint.get("/product")
@login_required
def product() -> str:
    """A product: what is known of it, what is like it, what was bought with it. That it was opened is told to Kafka."""
    who, item_id = shopper(), request.args.get("item", "")
    serving = shop().serving
    document = serving.product(item_id) if item_id else None
    catalogue = serving.catalogue()
    if document is None and (not item_id or catalogue.number(item_id) is None):
        abort(404)
    recommendation_id = showing.genuine(shop(), request.args.get("rid", ""), who.user_id)
    if was_opened():
        acts.note(shop(), who, item_id, recommendation_id)
    out = Filter(exclude=frozenset(who.hidden) | {item_id})
    answer, milliseconds = timed(lambda: serving.similar(item_id, shelves.OTHER, out))
    similar = shelf_rows.single(SIMILAR, "Similar", shelves.why_alike(answer), answer, milliseconds)
    together = [other for other in (document or {}).get("also_buy") or () if catalogue.number(str(other)) is not None]
    return render_template(
        "shop/product.html",
        card=cards.card(catalogue, item_id),
        document=document or {},
        recommendation_id=recommendation_id,
        told=showing.read(shop(), recommendation_id, who.user_id),
        shares=spoke_for(who.user_id, item_id),
        rows=shelf_rows.rows(shop(), who, similar, airflow()),
        together=[cards.card(catalogue, str(other)) for other in together[:BOUGHT_TOGETHER]],
    )


def spoke_for(user_id: str, item_id: str, n: int = 5) -> list[tuple[str, float]]:
    """(title, share) of what the user took that speaks the most for a product; none while their history cannot be read."""
    serving = shop().serving
    try:
        shares = serving.because(user_id, item_id)[:n]
    except UnreachableError as error:
        log.warning("a product is without what speaks for it: %s", error)
        return []
    return [(cards.title(serving.catalogue(), share.item_id), share.share) for share in shares]


def was_opened() -> bool:
    """Whether a person opened this page here: not a browser ahead of them, and not by a link on another site."""
    headers = request.headers
    ahead = "prefetch" in headers.get("Sec-Purpose", "") or headers.get("Purpose") == "prefetch"
    own = headers.get("Sec-Fetch-Site", "none") in ("same-origin", "none")
    return request.method == "GET" and own and not ahead


@blueprint.get("/search")
@login_required
def search() -> str | Response:
    """Products by title and category, in pages."""
    text = " ".join(request.args.get("q", "")[:LONGEST].split())
    category = request.args.get("category", "")
    if not text and category:
        return redirect(url_for("shop.popular", category=category))
    page = page_number()
    catalogue = shop().serving.catalogue()
    numbers = catalogue.search(text, category or None, PAGE + 1, (page - 1) * PAGE) if text else []
    return render_template(
        "shop/search.html",
        text=text,
        category=category,
        categories=categories(),
        cards=[cards.card(catalogue, catalogue.item_id(number)) for number in numbers[:PAGE]],
        page=page,
        more=len(numbers) > PAGE and page < PAGES,
    )


@blueprint.get("/popular")
@login_required
def popular() -> str:
    """What most people take in these days: in one category, or in all."""
    who, category = shopper(), request.args.get("category", "")
    wanted = Filter(category=category or None, exclude=frozenset(who.hidden))
    answer, milliseconds = timed(lambda: shop().serving.popular(PAGE, wanted))
    made = shelf_rows.single(
        shelves.POPULAR_NOW, "Popular now", "What most people take in these days.", answer, milliseconds
    )
    return render_template(
        "shop/popular.html",
        rows=shelf_rows.rows(shop(), who, made, airflow()),
        category=category,
        categories=categories(),
    )


@blueprint.get("/shown")
@login_required
def shown() -> str:
    """What was told to Kafka of one shelf, and where Kafka has it. Nobody sees another's."""
    recommendation_id = request.args.get("rid", "")
    told = showing.read(shop(), recommendation_id, shopper().user_id)
    if told is None:
        abort(404)
    report = shop().exposures.report(recommendation_id)
    return render_template("shop/shown.html", told=told, report=report)


def page_number() -> int:
    """The page of a list that is asked for, from 1 on; the first where it is none."""
    asked = request.args.get("page", "1")
    return min(PAGES, max(1, int(asked))) if asked.isascii() and asked.isdigit() and len(asked) < 6 else 1


def categories(n: int = 40) -> list[tuple[str, int]]:
    """The `n` largest categories with how many products each has, by name."""
    counts: dict[str, Any] = dict(shop().serving.catalogue().counts())
    largest = sorted((name for name in counts if name), key=lambda name: (-counts[name], name))[:n]
    return [(name, int(counts[name])) for name in sorted(largest, key=str.casefold)]
