"""What Spark samples and counts, on frames whose answers are worked by hand."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.review_frames import reviews
from tidemark.errors import NotEnoughDataError
from tidemark.exploration import aggregates, proof, sampling, sentiment
from tidemark.exploration.sampling import Asked, Cut

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

EVERYTHING = Asked(rows=1_000, fraction=None, seed=0)


def _ids(narrow: "DataFrame", at: Cut) -> set[str]:
    return {row["_id"] for row in narrow.where(sampling.chosen(at)).collect()}


def test_a_place_never_changes(spark: "SparkSession") -> None:
    """Values of Spark 4.1: a release that gave others would draw other samples for the same seed."""
    frame = spark.createDataFrame([("A1:B1:1393545600",), ("A2:B1:1393545601",)], "_id string")
    places = [[row[0] for row in frame.select(sampling.place(seed)).collect()] for seed in (0, 1)]
    assert places == [[5437409447326940754, -6357506505193593725], [-2715970409720347296, -273218552062628893]]


def test_the_same_seed_draws_the_same_reviews_however_they_lie(spark: "SparkSession") -> None:
    rows = [{"_id": f"A{n}:B{n % 7}:{n}"} for n in range(3_000)]
    asked = Asked(rows=500, fraction=None, seed=42)
    drawn = []
    for order, partitions in ((rows, 1), (rows[::-1], 5)):
        narrow = aggregates.rows(reviews(spark, order, partitions), asked, 3_000)
        drawn.append(_ids(narrow, sampling.cut(narrow, asked, 3_000)))
    assert drawn[0] == drawn[1]
    assert len(drawn[0]) == 500
    other = Asked(rows=500, fraction=None, seed=43)
    narrow = aggregates.rows(reviews(spark, rows), other, 3_000)
    both = drawn[0] & _ids(narrow, sampling.cut(narrow, other, 3_000))
    assert 50 < len(both) < 120  # 500 * 500 / 3000 = 83
    larger = Asked(rows=1, fraction=0.5, seed=42)
    narrow = aggregates.rows(reviews(spark, rows), larger, 3_000)
    half = _ids(narrow, sampling.cut(narrow, larger, 3_000))
    assert drawn[0] < half
    assert 1_400 < len(half) < 1_600


def test_texts_are_kept_where_they_may_be_in_the_sample(spark: "SparkSession") -> None:
    rows = [{"_id": f"A{n}:B:{n}"} for n in range(3_000)]
    asked = Asked(rows=100, fraction=None, seed=1)
    narrow = aggregates.rows(reviews(spark, rows), asked, 3_000)
    at = sampling.cut(narrow, asked, 3_000)
    assert narrow.where(sampling.chosen(at)).where("text IS NULL").count() == 0
    assert narrow.where("text IS NOT NULL").count() < 300


def test_a_sample_of_all_and_a_sample_of_none(spark: "SparkSession") -> None:
    rows = [{"_id": f"A{n}:B:{n}"} for n in range(40)]
    for asked in (EVERYTHING, Asked(rows=40, fraction=None, seed=0), Asked(rows=30, fraction=1.0, seed=0)):
        narrow = aggregates.rows(reviews(spark, rows), asked, 40)
        assert len(_ids(narrow, sampling.cut(narrow, asked, 40))) == 40
    tiny = Asked(rows=30, fraction=1e-9, seed=0)
    with pytest.raises(NotEnoughDataError, match="larger fraction"):
        sampling.cut(aggregates.rows(reviews(spark, rows), tiny, 40), tiny, 40)


WORLD: list[dict[str, Any]] = [
    {"user_id": "a", "item_id": "p", "rating": 5.0, "verified": True, "text": "good", "no_images": True},
    {"user_id": "a", "item_id": "q", "rating": 5.0, "verified": True, "text": ""},
    {"user_id": "a", "item_id": "r", "rating": 1.0, "verified": False, "text": "y" * 16},
    {"user_id": "b", "item_id": "p", "rating": 3.0, "timestamp": datetime(2019, 5, 31, 23, 59, tzinfo=UTC)},
    {"user_id": "c", "item_id": "p", "rating": 4.0, "timestamp": datetime(2018, 12, 1, tzinfo=UTC), "no_title": True},
]


@pytest.fixture(scope="module")
def marked(spark: "SparkSession") -> "DataFrame":
    """`WORLD` with the first and the fourth review in the sample."""
    from pyspark.sql import functions as f

    narrow = aggregates.rows(reviews(spark, WORLD), EVERYTHING, len(WORLD))
    return narrow.withColumn("sampled", f.col("_id").isin("r0", "r3"))


def test_totals_by_hand(marked: "DataFrame") -> None:
    """Deviations from 3: 2, 2, -2, 0, 1; of the sample 2, 0."""
    totals = aggregates.totals(marked)
    assert (totals["n"], totals["sampled"]) == (5, 2)
    assert totals["powers"] == [3, 13, 9, 49]
    assert totals["sampled_powers"] == [2, 4, 8, 16]
    assert (totals["median_length"], totals["mean_length"]) == (1, pytest.approx((4 + 0 + 16 + 1 + 1) / 5))
    assert (totals["first"], totals["last"]) == ("2018-12-01", "2019-05-31")
    assert {name: n for name, n in totals["missing"].items() if n} == {"images": 1, "title": 1}
    assert set(totals["missing"]) == {"title", "text", "clean_text", "user_name", "verified", "images", "style"}


def test_facets_by_hand(marked: "DataFrame") -> None:
    facets = aggregates.facets(marked)

    def counts(facet: str, *keys: str) -> list[tuple[Any, ...]]:
        return [tuple(row[key] for key in (*keys, "reviews", "sampled", "mean_rating")) for row in facets[facet]]

    assert counts("stars", "stars") == [(1, 1, 0, 1.0), (3, 1, 1, 3.0), (4, 1, 0, 4.0), (5, 2, 1, 5.0)]
    assert counts("month", "month") == [("2018-12", 1, 0, 4.0), ("2019-04", 3, 1, 11 / 3), ("2019-05", 1, 1, 3.0)]
    assert counts("stars_by_purchase", "purchase", "stars") == [
        ("not verified", 1, 1, 0, 1.0),
        ("unknown", 3, 1, 1, 3.0),
        ("unknown", 4, 1, 0, 4.0),
        ("verified", 5, 2, 1, 5.0),
    ]
    # Nothing; 1 character; 4 of 4-5; 16 of 16-24.
    assert aggregates.LENGTH_EDGES[:6] == [1, 2, 3, 4, 6, 10]
    assert counts("length_class", "length_class") == [(0, 1, 0, 5.0), (1, 2, 1, 3.5), (4, 1, 1, 5.0), (7, 1, 0, 1.0)]


def test_tails_by_hand(marked: "DataFrame") -> None:
    """a wrote 3, b and c 1; p got 3, q and r 1. Sampled: one of a's, one of b's; both p's."""
    users = aggregates.tail(aggregates.activity(marked, "user_id"))
    assert users == [{"reviews": 1, "owners": 2, "sampled": 1}, {"reviews": 3, "owners": 1, "sampled": 1}]
    items = aggregates.tail(aggregates.activity(marked, "item_id"))
    assert items == [{"reviews": 1, "owners": 2, "sampled": 0}, {"reviews": 3, "owners": 1, "sampled": 2}]


def test_a_proof_of_what_was_counted(marked: "DataFrame") -> None:
    tails = [aggregates.tail(aggregates.activity(marked, key)) for key in ("user_id", "item_id")]
    judged = aggregates.prove(aggregates.totals(marked), aggregates.facets(marked)["stars"], *tails)
    findings = {finding.name: finding for finding in judged.findings}
    assert (judged.population, judged.rows) == (5, 2)
    assert (findings["mean"].population, findings["mean"].sample) == (pytest.approx(3.6), pytest.approx(4.0))
    # Users: 2 of 5 reviews are of activity 1, in the sample 1 of 2. Items: 2 of 5, and none of 2.
    assert findings["user activity"].statistic == pytest.approx(0.1)
    assert findings["item activity"].statistic == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("skew", "fails"),
    [
        ("reviews_of_user > 20", {"user activity"}),
        ("rating = 5", {"ratings", "mean", "spread"}),
        ("rating IN (2, 3, 4)", {"ratings", "spread"}),
        ("true", set()),
    ],
)
def test_a_skewed_sample_fails_and_an_honest_one_passes(spark: "SparkSession", skew: str, fails: set[str]) -> None:
    """20,000 reviews; user n of 800 wrote n / 16 of them, whatever the stars."""
    from pyspark.sql import functions as f

    users = [user for user in range(800) for _ in range(user // 16 + 1)][:20_000]
    rows = [
        {"_id": f"{n}:{n}", "user_id": f"u{user}", "item_id": f"i{n % 500}", "rating": float((n * 7919) % 9 % 5 + 1)}
        for n, user in enumerate(users)
    ]
    asked = Asked(rows=2_000, fraction=None, seed=7)
    narrow = aggregates.rows(reviews(spark, rows, 2), asked, len(rows))
    writers = narrow.groupBy("user_id").agg(f.count("*").alias("reviews_of_user"))
    known = narrow.join(writers, "user_id").persist()
    skewed = known.where(skew)
    at = sampling.cut(skewed, asked, skewed.count())
    marked = known.withColumn("sampled", f.expr(skew) & sampling.chosen(at))
    tails = [aggregates.tail(aggregates.activity(marked, key)) for key in ("user_id", "item_id")]
    judged = aggregates.prove(aggregates.totals(marked), aggregates.facets(marked)["stars"], *tails)
    assert judged.rows == 2_000
    assert fails <= {finding.name for finding in judged.findings if finding.verdict == proof.FAILS}
    assert judged.verdict == (proof.FAILS if fails else proof.PASSES)


def test_sentiment_by_rating_by_hand(spark: "SparkSession") -> None:
    rows = [(5, 0.8), (5, 0.4), (5, 0.0), (5, None), (1, -0.5), (1, -0.05), (1, 0.05), (3, None)]
    frame = spark.createDataFrame(rows, "stars int, sentiment double")
    one, three, five = (row.asDict() for row in sentiment.by(frame, "stars").collect())
    assert (five["stars"], five["reviews"], five["scored"], five["mean"]) == (5, 4, 3, pytest.approx(0.4))
    assert (five["sd"], five["median"], five["quarter"]) == (pytest.approx(0.4), 0.4, pytest.approx(0.2))
    assert (five["negative"], five["neutral"], five["positive"]) == (0, 1, 2)
    assert (one["negative"], one["neutral"], one["positive"], one["mean"]) == (2, 0, 1, pytest.approx(-0.5 / 3))
    assert (three["reviews"], three["scored"], three["mean"], three["median"]) == (1, 0, None, None)


def test_a_column_of_texts_is_scored_as_each_alone(spark: "SparkSession") -> None:
    texts = ["VADER is smart, handsome, and funny.", "Today SUX!", "", None, "<script>", "x\x00$y$"]
    frame = spark.createDataFrame([(n, text) for n, text in enumerate(texts)], "n int, text string")
    scores = [row[0] for row in frame.orderBy("n").select(sentiment.scored(frame["text"])).collect()]
    assert scores == [sentiment.score(text) for text in texts]
    assert scores[:4] == [0.8316, -0.5461, None, None]
