"""Erase me: what it means, on a page of its own; doing it; and the page after it, for whoever has no account any more."""

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from tidemark.errors import UnreachableError
from tidemark.storefront import audit, login
from tidemark.storefront.erasing import KEPT
from tidemark.storefront.login import login_required
from tidemark.storefront.shop import shop
from tidemark.storefront.shoppers import shopper

blueprint = Blueprint("erase", __name__)

CONFIRMED = "yes"
"""What the box of the form says."""


@blueprint.get("/erase")
@login_required
def ask() -> str:
    """What will happen, and a form that asks for it."""
    _only_oneself()
    return render_template("shop/erase.html", kept=KEPT, missing=False)


@blueprint.post("/erase")
@login_required
def erase() -> Response | tuple[str, int]:
    """Erase who is signed in, and sign them out. Their other sessions end within seconds."""
    _only_oneself()
    if request.form.get("confirmed") != CONFIRMED:
        return render_template("shop/erase.html", kept=KEPT, missing=True), 422
    erasure = shop().erasures.ask(shopper().user_id)
    audit.note("erase", account=shopper().account, address=request.remote_addr, erasure=erasure.erasure_id)
    login.sign_out()
    return redirect(url_for("erase.erased", erasure=erasure.erasure_id), 303)


@blueprint.get("/erased")
def erased() -> str:
    """How far it is, for whoever has the address that the form led to; it names nobody."""
    try:
        erasure = shop().erasures.get(request.args.get("erasure", ""))
    except UnreachableError:
        erasure = None
    return render_template("shop/erased.html", erasure=erasure, kept=KEPT)


def _only_oneself() -> None:
    """Nobody is erased by who acts in their name."""
    if shopper().acting:
        abort(403)
