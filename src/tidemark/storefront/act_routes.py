"""What shoppers do: buy, wish, put in the basket, "Not for me". Each is a form's POST; with script it is one without a new page."""

from collections.abc import Callable

from flask import Blueprint, abort, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from tidemark.contracts import conformance
from tidemark.storefront import acts, cards, showing
from tidemark.storefront.login import local_path, login_required
from tidemark.storefront.rendering import SAID
from tidemark.storefront.shop import shop
from tidemark.storefront.shoppers import change, shopper

blueprint = Blueprint("acts", __name__)


@blueprint.post("/acts")
@login_required
def act() -> ResponseReturnValue:
    """One act with one product, as the form's field `act` names it."""
    does = ACTS.get(request.form.get("act", ""))
    if does is None:
        abort(400)
    return done(does(item(), request.form.get("rid", "")))


@blueprint.get("/basket")
@login_required
def basket() -> str:
    """The basket: a list with one button."""
    catalogue = shop().serving.catalogue()
    inside = [cards.card(catalogue, item_id) for item_id in shopper().basket]
    return render_template("shop/basket.html", cards=inside, total=sum(card.price or 0.0 for card in inside))


@blueprint.post("/basket/buy")
@login_required
def buy_all() -> ResponseReturnValue:
    """Buy what is in the basket. It is emptied once Kafka has every purchase, and is as it was where not."""
    who = shopper()
    if who.basket:
        acts.send(shop(), who, {item_id: _origin(item_id) for item_id in who.basket}, acts.PURCHASE)
        change(lambda sessions, session: sessions.take_from_basket(session, who.basket))
    return redirect(url_for("shop.for_you", said="bought"), 303)


def item() -> str:
    """The product that the form names: one that the shop knows."""
    item_id = request.form.get("item", "")
    if conformance.reasons("interaction_message", {"user_id": shopper().user_id, "item_id": item_id}):
        abort(400)
    if shop().serving.catalogue().number(item_id) is None and shop().serving.product(item_id) is None:
        abort(404)
    return item_id


def _origin(item_id: str, recommendation_id: str = "") -> str:
    """The recommendation that a product comes from: the one that the form names, else that of the basket; empty: none."""
    who = shopper()
    asked = recommendation_id or who.origins.get(item_id, "")
    return showing.genuine(shop(), asked, who.user_id)


def _send(event_type: str, item_id: str, recommendation_id: str) -> None:
    acts.send(shop(), shopper(), {item_id: _origin(item_id, recommendation_id)}, event_type)


def buy(item_id: str, recommendation_id: str) -> str:
    """An event `purchase`."""
    _send(acts.PURCHASE, item_id, recommendation_id)
    if item_id in shopper().basket:
        take(item_id, "")
    return "bought"


def wish(item_id: str, recommendation_id: str) -> str:
    """An event `wish`."""
    _send(acts.WISH, item_id, recommendation_id)
    return "wished"


def hide(item_id: str, _recommendation_id: str) -> str:
    """Not to be shown again in this session; nobody else hears of it."""
    change(lambda sessions, session: sessions.exclude(session, item_id))
    return "hidden"


def show(item_id: str, _recommendation_id: str) -> str:
    """To be shown again."""
    change(lambda sessions, session: sessions.include(session, item_id))
    return "shown"


def put(item_id: str, recommendation_id: str) -> str:
    """Into the basket, which keeps what it came from."""
    origin = showing.genuine(shop(), recommendation_id, shopper().user_id)
    change(lambda sessions, session: sessions.put_in_basket(session, item_id, origin))
    return "put"


def take(item_id: str, _recommendation_id: str) -> str:
    """Out of the basket."""
    change(lambda sessions, session: sessions.take_from_basket(session, [item_id]))
    return "taken"


ACTS: dict[str, Callable[[str, str], str]] = {
    "buy": buy,
    "wish": wish,
    "hide": hide,
    "show": show,
    "put": put,
    "take": take,
}
"""What a form's field `act` may be; each gives the word that tells what was done."""


def done(said: str) -> ResponseReturnValue:
    """Back to the page that the form was on, which says what was done; to a script that alone, as JSON."""
    if request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json":
        return jsonify(said=said, message=SAID[said], basket=len(shopper().basket))
    back = local_path(request.form.get("back"))
    return redirect(f"{back}{'&' if '?' in back else '?'}said={said}", 303)
