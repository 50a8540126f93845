"""What people call the models that are measured: in reports, on pages, in charts."""

NAMES = {
    "candidate": "this model",
    "champion": "champion before",
    "popularity": "popularity, all time",
    "popularity_recent": "popularity, recent",
    "item_knn": "item-kNN (BM25)",
    "als": "ALS over bias",
    "bias": "user and item bias",
    "global_mean": "global mean",
}
