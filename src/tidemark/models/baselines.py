"""Baselines: what every candidate is measured beside, by the names under which their figures are stored."""

from tidemark.models.interface import Recommender
from tidemark.models.item_knn import ItemKnn
from tidemark.models.popularity import RECENT_SHARE, Popularity

BASELINES: dict[str, Recommender] = {
    "popularity": Popularity(),
    "popularity_recent": Popularity(RECENT_SHARE),
    "item_knn": ItemKnn(),
}
"""Where nothing beats one of the popularities, that one is the model."""
