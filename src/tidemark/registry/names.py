"""What people call the models that are measured and the ways to hold out: in reports, on pages, in charts."""

CANDIDATE = "candidate"
"""The model that wants to be the champion, as it is measured."""

MEMBER = "member_"
"""Before the name of a recommender that is measured as a member of the blend."""

NAMES = {
    CANDIDATE: "this model",
    f"{MEMBER}als_implicit": "its member ALS",
    f"{MEMBER}als_spark": "its member ALS",
    f"{MEMBER}decayed": "its member ALS, newer counts more",
    f"{MEMBER}item_knn": "its member item-kNN",
    f"{MEMBER}item_knn_spark": "its member item-kNN",
    f"{MEMBER}transitions": "its member transitions",
    f"{MEMBER}popularity": "its member popularity",
    f"{MEMBER}decayed_popularity": "its member popularity, newer counts more",
    f"{MEMBER}decayed_popularity_spark": "its member popularity, newer counts more",
    "champion": "champion before",
    "popularity": "popularity, all time",
    "popularity_recent": "popularity, recent",
    "item_knn": "item-kNN (BM25)",
    "als": "ALS over bias",
    "bias": "user and item bias",
    "global_mean": "global mean",
}

SPLIT_RULES = {
    "newest_tenth": "the newest tenth",
    "newest_fifth": "the newest fifth",
    "newest_third": "the newest third",
    "last_of_each_user": "the last interaction of each user",
    "newer_than_champion": "what is newer than the champion",
}
"""Machine name of each rule by which interactions are held out (`splits`) -> what is held out, in words."""
