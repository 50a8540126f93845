"""Shop as ...: who presents the shop looks at it as six people who differ, two of them side by side. Each act is audited."""

from typing import cast

from flask import Blueprint, abort, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from tidemark.serving.answers import Ask
from tidemark.storefront import login, shelf_rows, shelves
from tidemark.storefront.people import Chosen, People
from tidemark.storefront.shop import shop
from tidemark.storefront.shop_routes import airflow, timed
from tidemark.storefront.shoppers import PRESENTER, Shopper, act_as, shopper

EXTENSION = "shop.people"
SIDE = 9
"""Products on each side."""

blueprint = Blueprint("presenter", __name__)


def people() -> People:
    """The choice of this worker."""
    made = current_app.extensions.get(EXTENSION)
    if made is None:
        secret = shop().config.shop_secret.get_secret_value()
        made = current_app.extensions[EXTENSION] = People(shop().db, secret)
    return cast(People, made)


def chosen() -> list[Chosen]:
    """The people to choose from, as the catalogue knows what they take."""
    catalogue = shop().serving.catalogue()

    def category(item_id: str) -> str:
        number = catalogue.number(item_id)
        return "" if number is None else catalogue.category(number)

    return people().chosen(category)


@blueprint.get("/people")
@login.require_role(PRESENTER)
def choice() -> str:
    """The six, to choose from, and two of them to see beside one another."""
    offers = [(one, people().offer(shopper().account, one.user_id)) for one in chosen()]
    return render_template("shop/people.html", offers=offers)


@blueprint.get("/people/side-by-side")
@login.require_role(PRESENTER)
def side_by_side() -> str:
    """What two of them are recommended. Nobody was shown anything by that: it is counted nowhere."""
    sides = [side(request.args.get(name, "")) for name in ("left", "right")]
    return render_template("shop/side_by_side.html", sides=sides)


def side(offer: str) -> tuple[str, list[shelf_rows.Row]]:
    """One side: who, and the shelf."""
    user_id = people().taken(shopper().account, offer) or abort(404)
    answer, milliseconds = timed(lambda: shop().serving.recommend(Ask(user_id, SIDE, explain=True)))
    made = shelf_rows.single(shelves.FOR_YOU, "For", "Ranked by the model that is live.", answer, milliseconds)
    return user_id, shelf_rows.rows(shop(), Shopper(user_id, shopper().account), made, airflow(), told=False)


@blueprint.post("/people/act")
@login.require_role(PRESENTER)
def act() -> ResponseReturnValue:
    """Shop as one of those who were offered, from now on."""
    act_as(people().taken(shopper().account, request.form.get("offer", "")) or abort(404))
    return redirect(url_for("shop.for_you"), 303)


@blueprint.post("/people/stop")
@login.require_role(PRESENTER)
def stop() -> ResponseReturnValue:
    """Shop as oneself again."""
    act_as(None)
    return redirect(url_for("presenter.choice"), 303)
