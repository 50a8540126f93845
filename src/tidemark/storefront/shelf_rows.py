"""A shelf as the pages draw it: its cards, its recommendation_id, and how it was made."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tidemark.dag_ids import RETRAIN_RECOMMENDER
from tidemark.serving.answers import CATEGORY, CONTENT, FOLD_IN, NEW, POPULAR, SIMILAR, STORED, Answer
from tidemark.storefront import cards, showing
from tidemark.storefront.cards import Card
from tidemark.storefront.shelves import BECAUSE, Shelf

if TYPE_CHECKING:
    from tidemark.serving.catalogue import Catalogue
    from tidemark.storefront.shop import Shop
    from tidemark.storefront.shoppers import Shopper

WAYS = {
    STORED: "the list that the model's run stored: nothing newer is known of you",
    FOLD_IN: "scored just now from your whole history, with what came after the model was made",
    POPULAR: "the most taken of the recent window",
    CONTENT: "nobody has taken them yet",
    SIMILAR: "the model places them close to it",
    CATEGORY: "the most taken of its narrowest category: the model does not know it well enough to place it",
    NEW: "the later anybody first took it, the newer",
}
"""What each way means, for people."""

MEMBERS = {
    "als_implicit": "what people of your taste take",
    "als_spark": "what people of your taste take",
    "decayed": "what people of your taste take, the newer the more",
    "item_knn": "what is taken together with yours",
    "item_knn_spark": "what is taken together with yours",
    "transitions": "what is taken after yours",
    "popularity": "what most take",
    "decayed_popularity": "what most take of late",
    "decayed_popularity_spark": "what most take of late",
}
"""What each recommender of a blend goes by, for people."""


@dataclass(frozen=True)
class Row:
    """One shelf, ready to be drawn.

    Args:
        key: unique on its page, for the ids of its elements.
        kind, heading, subject, reason: see `Shelf`.
        cards: what is on it.
        recommendation_id: what a click from it bears; empty: none.
        how: how it was made.
    """

    key: str
    kind: str
    heading: str
    subject: str
    reason: str
    cards: list[Card]
    recommendation_id: str
    how: "How"


@dataclass(frozen=True)
class How:
    """How a shelf was made; see `Answer` for what is not said here.

    Args:
        way: in words.
        shares: (title, share of the scores) by item of the history, the most first.
        members: (name for people, how many of the products it brought) by member of a blend, the most first.
        run_url: the Airflow run that made the model, or where its runs are; empty before there is a model.
    """

    model_id: str
    method: str
    way: str
    made_at: datetime | None
    fresh: bool
    stale: bool
    milliseconds: float
    shares: list[tuple[str, float]] = field(default_factory=list)
    members: list[tuple[str, int]] = field(default_factory=list)
    run_url: str = ""


def run_url(airflow: str, model_id: str | None, models: Sequence[Mapping[str, Any]]) -> str:
    """Where Airflow shows the run that made a model; the DAG's page where the run is not known.

    Args:
        airflow: Airflow's address.
        model_id: the model.
        models: those that are kept, with `dag` and `run_id` where these are known.
    """
    if model_id is None:
        return ""
    made = next((model for model in models if model.get("_id", model.get("model_id")) == model_id), {})
    dag, run = made.get("dag") or RETRAIN_RECOMMENDER, made.get("run_id")
    return f"{airflow}/dags/{quote(str(dag), safe='')}" + (f"/runs/{quote(str(run), safe='')}" if run else "")


def how(catalogue: "Catalogue", shelf: Shelf, run: str) -> How:
    """How `shelf` was made."""
    answer = shelf.answer
    shares = [(cards.title(catalogue, share.item_id), share.share) for share in shelf.because]
    return How(
        answer.model_id or "",
        answer.method,
        WAYS.get(answer.method, answer.method),
        answer.made_at,
        answer.fresh,
        answer.stale,
        shelf.milliseconds,
        shares,
        members(answer),
        run,
    )


def members(answer: Answer) -> list[tuple[str, int]]:
    """The members of a blend by how many products of an answer each brought, in words, the most first."""
    counted = Counter(listed.brought_by for listed in answer.items if listed.brought_by)
    return [(MEMBERS.get(name, name), n) for name, n in sorted(counted.items(), key=lambda one: (-one[1], one[0]))]


def rows(shop: "Shop", shopper: "Shopper", made: list[Shelf], airflow: str, *, told: bool = True) -> list[Row]:
    """The shelves of a page, ready to be drawn, and told to Kafka as shown.

    Args:
        shop: what the storefront holds.
        shopper: whom they are for.
        made: the shelves.
        airflow: Airflow's address.
        told: whether they are shown to the person they are for, and so are counted.
    """
    catalogue = shop.serving.catalogue()
    models = shop.serving.models()
    return [
        Row(
            f"{shelf.kind}-{number}",
            shelf.kind,
            shelf.heading,
            shelf.subject,
            shelf.reason,
            cards.cards(catalogue, shelf.answer, whys=shelf.kind != BECAUSE),
            showing.show(shop, shelf.answer, shelf.kind, shopper, shelf.arm) if told else "",
            how(catalogue, shelf, run_url(airflow, shelf.answer.model_id, models)),
        )
        for number, shelf in enumerate(made)
    ]


def single(kind: str, heading: str, reason: str, answer: Answer, milliseconds: float) -> list[Shelf]:
    """One answer as the only shelf of its page; none where it is empty."""
    return [Shelf(kind, heading, "", reason, answer, milliseconds)] if answer.items else []
