"""The ids of the DAGs: said once, here; everything that names a DAG imports it."""

LOAD_REVIEWS = "load_reviews"
LOAD_INTERACTIONS = "load_interactions"
LOAD_PRODUCTS = "load_products"
REMOVE_SOURCE = "remove_source"
FEATURIZE_PRODUCTS = "featurize_products"
EXPLORE_REVIEWS = "explore_reviews"
RETRAIN_RECOMMENDER = "retrain_recommender"
BACKTEST_RECOMMENDER = "backtest_recommender"
WATCH_INTERACTIONS = "watch_interactions"
ROLL_BACK_MODEL = "roll_back_model"
REPLAY_DEAD_LETTERS = "replay_dead_letters"
TIDY_UP = "tidy_up"

ALL = (
    LOAD_REVIEWS, LOAD_INTERACTIONS, LOAD_PRODUCTS, REMOVE_SOURCE, FEATURIZE_PRODUCTS, EXPLORE_REVIEWS, RETRAIN_RECOMMENDER,
    BACKTEST_RECOMMENDER, WATCH_INTERACTIONS, ROLL_BACK_MODEL, REPLAY_DEAD_LETTERS, TIDY_UP,
)  # fmt: skip
"""Every DAG of `dags/`; a test holds the two together."""

LOADS = (LOAD_REVIEWS, LOAD_INTERACTIONS, LOAD_PRODUCTS)
"""Those that land files."""

WITH_ARTIFACTS = (*LOADS, EXPLORE_REVIEWS, RETRAIN_RECOMMENDER, BACKTEST_RECOMMENDER)
"""Those whose runs leave charts, tables or data docs for a person to look at."""
