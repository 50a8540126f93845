"""The route by which an experiment's figures are had."""

from apiflask import APIBlueprint
from flask import Response

from tidemark.errors import BadInputError
from tidemark.storefront import experiments
from tidemark.storefront.api_models import ExperimentOut
from tidemark.storefront.api_operation import READ, answer_json, operation
from tidemark.storefront.experiment_figures import figures
from tidemark.storefront.problems import Problem
from tidemark.storefront.shop import shop
from tidemark.stream.engagement_figures import users_by_arm

blueprint = APIBlueprint("experiments", __name__, url_prefix="/api/v1", tag="Operation")

_CLICKED = {"users": 61, "share": 0.0504, "low": 0.0394, "high": 0.0643}
_PURCHASED = {"users": 12, "share": 0.0099, "low": 0.0057, "high": 0.0173}
EXAMPLE = {
    "name": "autumn",
    "start": "2026-11-24T10:15:00Z",
    "end": "2026-12-08T10:15:00Z",
    "planned_users_per_arm": 5_000,
    "split": {"p": 0.61, "as_planned": True},
    "arms": [
        {
            "name": "control",
            "model": "champion",
            "share": 1.0,
            "users": 1_210,
            "clicked": _CLICKED,
            "purchased": _PURCHASED,
            "beside_first": None,
            "verdict": "no decision yet",
        }
    ],
}


@operation(blueprint, "GET", "/experiments/<name>", scope=READ, answer=ExperimentOut, answered=EXAMPLE)
def experiment(name: str) -> Response:
    """What an experiment has shown: of each arm its users, and how many of them clicked and bought.

    Intervals are of 95 %. Until each arm has as many users as were planned, and where the split is not as planned, nothing
    is concluded.
    """
    db = shop().db
    try:
        known = experiments.get(db, name)
    except BadInputError as error:
        raise Problem("not-found", "no experiment has this name") from error
    return answer_json(figures(known, users_by_arm(db, known.name)).document())
