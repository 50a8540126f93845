"""The console: Tidemark's pages in the Airflow UI. Page models here, routes in `routes`, permissions in the plugin."""

ARTIFACT_DAGS = ("load_reviews", "explore_reviews", "retrain_recommender")
"""The DAGs whose runs leave artifacts."""
