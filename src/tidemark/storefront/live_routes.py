"""The live page: what there is when it is asked for, which a script then keeps up with by the live stream."""

import logging
from typing import Any

from flask import Blueprint, request
from flask.templating import render_template

from tidemark.errors import UnreachableError
from tidemark.registry import champion
from tidemark.storage.patience import brief
from tidemark.storefront import live_steps
from tidemark.storefront.live_board import TOP, model_rows, retrain
from tidemark.storefront.live_sources import MODELS
from tidemark.storefront.login import login_required
from tidemark.storefront.protection import live_origin
from tidemark.storefront.shop import shop
from tidemark.stream import engagement_figures

log = logging.getLogger(__name__)

blueprint = Blueprint("live", __name__)


@blueprint.app_context_processor
def streams() -> dict[str, Any]:
    """`live_stream(path)` for templates: where this page's browser finds a stream."""
    return {"live_stream": lambda path: live_origin(shop().config, request.host, request.scheme) + path}


@blueprint.get("/live")
@login_required
def live() -> str:
    """The live page; complete without a script, as of now."""
    return render_template("shop/live.html", **snapshot())


def snapshot() -> dict[str, Any]:
    """The tide, the top ten, models with their click-through, where the next one is and the steps of the newest retrain; what
    is away is left out."""
    held = shop()
    state, mark = held.serving.state(), held.config.retrain_mark
    rows, newest, steps = [], None, None
    try:
        with brief():
            fields = {"engine": 1, "status": 1, "created_at": 1}
            models = list(held.db["models"].find({}, fields).sort("_id", -1).limit(MODELS))
            live_model = champion.model_id(held.db)
            rows = model_rows(models, engagement_figures.by_model(held.db), live_model)
            newest = models[0] if models else None
            steps = live_steps.of_newest(held.db, held.config.artifacts_root)
    except OSError as error:
        log.warning("the live page is without the steps of the retrain: %s", type(error).__name__)
    except UnreachableError as error:
        log.warning("the live page is without its models: %s", error)
    return {
        "tide": {"lag": state.tail_lag, "mark": mark},
        "top": held.serving.popular(TOP).items,
        "models": rows,
        "retrain": retrain(state.tail_lag, mark, newest, state.model_id),
        "champion": state.model_id,
        "steps": steps,
    }
