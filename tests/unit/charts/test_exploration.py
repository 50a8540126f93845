"""The charts and tables of an exploration: all there, readable XML, and no title taken for more than a text."""

import csv
import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from matplotlib.figure import Figure

from tidemark.charts import exploration, reviews, sample
from tidemark.exploration import proof
from tidemark.exploration.extremes import PROXY
from tidemark.storage import manifests

HOSTILE = [
    "$\\frac{1}{0$",
    "<script>alert('x')</script>",
    "=HYPERLINK(1)",
    "a\x00b\x1b[31m",
    "W" * 5_000,
    "商品 مرحبا 🎸",
]


def explored(**changes: Any) -> dict[str, Any]:
    """What a job leaves: 1,000 reviews, 200 of them sampled."""
    share = (0.1, 0.1, 0.1, 0.2, 0.5)
    stars = [
        {"stars": s, "reviews": int(1_000 * p), "sampled": int(200 * p), "mean_rating": float(s)}
        for s, p in enumerate(share, 1)
    ]
    whole, part = (proof.Moments.of_counts([row[k] for row in stars]) for k in ("reviews", "sampled"))
    findings = [
        proof.ratings([row["reviews"] for row in stars], [row["sampled"] for row in stars]),
        proof.mean(whole, part),
        proof.spread(whole, part),
        proof.activity("user activity", [400, 600], [80, 120]),
        proof.activity("item activity", [400, 600], [80, 120]),
    ]
    tail = [{"reviews": 1, "owners": 400, "sampled": 80}, {"reviews": 60, "owners": 10, "sampled": 120}]
    quartiles = {"low": -0.5, "quarter": 0.0, "median": 0.3, "three_quarters": 0.6, "high": 0.9}
    sentiment = [
        {"stars": s, "reviews": 40, "scored": 39, "mean": 0.2, "sd": 0.3, "negative": 9, "neutral": 10, "positive": 20}
        | quartiles
        for s in range(1, 6)
    ]
    shown = [
        {"item_id": f"B{n}", "title": title, "reviews": 60, "mean_rating": 4.5, "scored": 50, "sentiment": 0.4}
        | {"price": 19.99, "price_x_reviews": 1_199.4}
        for n, title in enumerate(HOSTILE)
    ]
    bare = {"item_id": "B99", "title": "", "reviews": 1, "mean_rating": 1.0, "scored": 0, "sentiment": None}
    bare |= {"price": None, "price_x_reviews": None}
    return {
        "asked": {"rows": 200, "fraction": None, "seed": 42},
        "sample": "0" * 16,
        "proof": proof.judge(1_000, 200, findings).document(),
        "totals": {
            "n": 1_000, "sampled": 200, "median_length": 90, "mean_length": 120.5, "first": "2018-11-02",
            "last": "2019-02-03", "missing": {"images": 990, "title": 5, "verified": 0},
        },
        "facets": {
            "stars": stars,
            "month": [
                {"month": m, "reviews": 500, "sampled": 100, "mean_rating": 3.9} for m in ("2018-11", "2019-02")
            ],
            "length_class": [
                {"length_class": n, "reviews": 250, "sampled": 50, "mean_rating": 3.9} for n in (0, 1, 9, 25)
            ],
            "stars_by_purchase": [row | {"purchase": kind} for kind in ("verified", "unknown") for row in stars],
        },
        "tails": {"users": tail, "items": tail},
        "sentiment": sentiment,
        "products": {"most": shown, "least": [bare, *shown]},
        "prices": {"products": 410, "without_price": 300},
    } | changes  # fmt: skip


def _texts(figure: Figure) -> Iterator[str]:
    for text in figure.findobj(lambda artist: hasattr(artist, "get_text")):
        yield text.get_text()  # type: ignore[attr-defined]


def test_a_run_is_drawn_whole_and_hostile_titles_stay_texts(tmp_path: Path) -> None:
    run = str(tmp_path / "explore_reviews" / "r1")
    Path(run).mkdir(parents=True)
    Path(run, "explore.json").write_text(json.dumps(explored()))
    told = exploration.draw(run, "explore_reviews", "r1")
    assert (told["verdict"], told["reviews"], told["sampled"], told["users"]) == ("passes", 1_000, 200, 410)
    manifest = manifests.read(run)
    charts = {f["path"] for f in manifest["files"] if f["kind"] == "chart"}
    assert charts == {f"charts/{name}.{kind}" for name in exploration.CHARTS for kind in ("png", "svg")}
    assert all(f["title"] != f["path"] for f in manifest["files"])
    assert manifest["verdicts"]["sample"] == "passes"
    for path in Path(run, "charts").glob("*.svg"):
        root = ElementTree.fromstring(path.read_bytes())  # noqa: S314 -- written just now
        assert not [e for e in root.iter() if e.tag.endswith("script")], path
    most = Path(run, "charts", "most_reviewed.svg").read_text(encoding="utf-8")
    assert "&lt;script&gt;" in most
    assert "$\\frac{1}{0$" in most
    with Path(run, "tables", "most_reviewed.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert rows[2]["title"] == "'=HYPERLINK(1)"
    assert list(rows[0])[2:] == ["reviews", "mean_rating", "scored", "sentiment", "price", "price_x_reviews"]
    assert (rows[0]["price"], rows[0]["price_x_reviews"]) == ("19.99", "1199.4")
    with Path(run, "tables", "least_reviewed.csv").open(newline="", encoding="utf-8") as stream:
        assert next((row["price"], row["price_x_reviews"]) for row in csv.DictReader(stream)) == ("", "")
    titles = {f["path"]: f["title"] for f in manifest["files"]}
    assert titles["tables/most_reviewed.csv"].endswith(PROXY)
    assert (manifest["counts"]["items"], manifest["counts"]["items_without_price"]) == (410, 300)


def test_the_verdict_is_on_the_chart() -> None:
    passing = sample.sample_and_population(explored())
    assert "The sample passes its proof: 200 of 1,000 reviews" in set(_texts(passing))
    skewed = explored()
    stars = skewed["facets"]["stars"]
    for row, n in zip(stars, (0, 0, 0, 0, 200), strict=True):
        row["sampled"] = n
    findings = [proof.ratings([row["reviews"] for row in stars], [row["sampled"] for row in stars])]
    findings += [proof.Finding(**f) for f in skewed["proof"]["findings"][1:]]
    skewed["proof"] = proof.judge(1_000, 200, findings).document()
    texts = set(_texts(sample.sample_and_population(skewed)))
    assert "The sample FAILS its proof: 200 of 1,000 reviews" in texts
    assert any(text.startswith("ratings: FAILS, chi-square = ") for text in texts)


def test_a_sample_of_everything_says_so() -> None:
    whole = explored()
    whole["proof"] |= {"rows": 1_000}
    assert "The sample is all 1,000 reviews: there is nothing to prove" in set(
        _texts(sample.sample_and_population(whole))
    )
    assert "Sentiment by rating, of all 1,000 reviews" in set(_texts(sample.sentiment_by_rating(whole)))


def test_one_review_without_a_text_is_drawn(tmp_path: Path) -> None:
    one = deepcopy(explored())
    one["sentiment"] = [{"stars": 5, "reviews": 1, "scored": 0, "mean": None, "sd": None}]
    one["facets"]["length_class"] = [{"length_class": 0, "reviews": 1, "sampled": 1, "mean_rating": 5.0}]
    one["facets"]["month"] = one["facets"]["month"][:1]
    one["tails"] = {name: [{"reviews": 1, "owners": 1, "sampled": 1}] for name in ("users", "items")}
    one["products"] = dict.fromkeys(("most", "least"), one["products"]["least"][:1])
    one["totals"] |= {"n": 1, "median_length": 0, "mean_length": 0.0, "missing": {"title": 0}}
    Path(tmp_path, "explore.json").write_text(json.dumps(one))
    assert exploration.draw(str(tmp_path), "explore_reviews", "r1")["files"] > 20


def test_the_share_of_the_busiest_by_hand() -> None:
    """Of 410 owners 1 % are 4: 4 of the 10 who have 60 each, of 1,000 reviews."""
    tail = explored()["tails"]["users"]
    assert reviews.top_share(tail) == pytest.approx(0.24)
    assert [row["owners_at_least"] for row in reviews.at_least(tail)] == [410, 10]
