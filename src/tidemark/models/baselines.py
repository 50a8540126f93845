"""Baselines: what every candidate is measured beside, by the names under which their figures are stored."""

from tidemark.models.interface import Recommender
from tidemark.models.item_knn import ItemKnn
from tidemark.models.popularity import RECENT_SHARE, Popularity

BASELINES: dict[str, Recommender] = {
    "popularity": Popularity(),
    "popularity_recent": Popularity(RECENT_SHARE),
    "item_knn": ItemKnn(),
}
"""One that the gate prefers to a candidate (`evaluation.promotion`) is the model, under its name here as the engine."""
