"""The least that Flask can do: one route that answers a few bytes. What a storefront costs is said beside it."""

from flask import Flask

app = Flask(__name__)


@app.get("/")
def nothing() -> str:
    """Two bytes."""
    return "{}"
