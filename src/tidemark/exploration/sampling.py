"""Sampling: the same reviews for the same seed, however they are stored, partitioned or ordered.

Each review has a place in 0..1 of its own: a hash (xxHash64) of the seed and its `_id`. A sample of a fraction is every
review whose place lies below the fraction; a sample of n rows is the n lowest places. So a larger sample with the same
seed holds the smaller one, and reviews that come later move nothing but the cut. MongoDB's own `$sample` is neither
reproducible nor uniform.
"""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from math import sqrt
from typing import TYPE_CHECKING, Any

from tidemark.errors import BadInputError, NotEnoughDataError
from tidemark.exploration.proof import Proof
from tidemark.storage import artifacts, run_folder

if TYPE_CHECKING:
    from pymongo.database import Database
    from pyspark.sql import Column, DataFrame

FEWEST = 30
"""Rows below which a sample proves nothing."""

LOWEST, PLACES = -(2**63), 2**64
"""The lowest place, and how many there are: hashes are signed 64-bit numbers."""


@dataclass(frozen=True)
class Asked:
    """What sample is wanted: `rows` of the reviews, or a `fraction` of them (which goes before `rows`)."""

    rows: int
    fraction: float | None
    seed: int

    def __post_init__(self) -> None:
        """Check it.

        Raises:
            BadInputError: such a sample cannot be drawn.
        """
        if self.fraction is not None and not 0 < self.fraction <= 1:
            raise BadInputError(f"a fraction of {self.fraction} cannot be sampled: give more than 0 and at most 1")
        if self.fraction is None and self.rows < FEWEST:
            raise BadInputError(f"{self.rows} rows are no sample: give at least {FEWEST}")

    def share(self, population: int) -> float:
        """A share of the places that certainly (6 standard deviations) holds the sample: 0..1."""
        if self.fraction is not None:
            return self.fraction
        return min(1.0, (self.rows + 6 * sqrt(self.rows) + 10) / population)

    def document(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return asdict(self)


@dataclass(frozen=True)
class Cut:
    """Where a sample ends: at the place `hash`; of two reviews at the same place, `last_id` is the last one in it."""

    hash: int
    last_id: str


def place(seed: int) -> "Column":
    """The place of the review `_id`: a bigint."""
    from pyspark.sql import functions as f

    return f.xxhash64(f.lit(seed).cast("bigint"), f.col("_id"))


def below(share: float) -> "Column":
    """Whether `place` lies in the lowest `share` of all places."""
    from pyspark.sql import functions as f

    return f.lit(True) if share >= 1 else f.col("place") < f.lit(LOWEST + int(share * PLACES))


def cut(rows: "DataFrame", asked: Asked, population: int) -> Cut:
    """Where the sample that was asked for ends.

    Args:
        rows: `_id` and `place` of every review.
        asked: the sample wanted.
        population: how many reviews there are.

    Raises:
        NotEnoughDataError: it would hold too few reviews to prove anything.
    """
    from pyspark.sql import functions as f

    lowest = rows.where(below(asked.share(population))).select("place", "_id")
    if asked.fraction is None and asked.rows < population:
        last = lowest.orderBy("place", "_id").offset(asked.rows - 1).limit(1).collect()
    else:
        last = lowest.orderBy(f.desc("place"), f.desc("_id")).limit(1).collect()
    if not last:
        raise NotEnoughDataError(f"{asked.fraction} of {population:,} reviews is none: ask for a larger fraction")
    return Cut(last[0]["place"], last[0]["_id"])


def chosen(at: Cut) -> "Column":
    """Whether the review with `place` and `_id` is in the sample that ends at `at`."""
    from pyspark.sql import functions as f

    here, last = f.col("place"), f.lit(at.hash).cast("bigint")
    return (here < last) | ((here == last) & (f.col("_id") <= f.lit(at.last_id)))


def sample_id(run: str) -> str:
    """The `_id` of the sample of a run: the same however often the run is repeated."""
    return sha256("/".join(run.split("/")[-2:]).encode()).hexdigest()[:16]


def store(db: "Database[dict[str, Any]]", run: str, asked: Asked, proof: Proof, data: str) -> str:
    """Keep what the sample is and what was found about it in the collection `samples`; returns its `_id`.

    Args:
        db: the platform's database.
        run: the run folder.
        asked: the sample wanted.
        proof: what the tests say about it.
        data: the folder of its rows (Parquet), below the run folder.
    """
    from tidemark.storage import mongo as database

    database.ensure(db, "samples")
    document = {
        "seed": asked.seed,
        "asked": {"rows": asked.rows if asked.fraction is None else None, "fraction": asked.fraction},
        "rows": proof.rows,
        "population": proof.population,
        "proof": proof.document(),
        "verdict": proof.verdict,
        "run": run,
        "data": data,
    }
    key = sample_id(run)
    # A run repeated draws the same sample: the first time stands.
    db["samples"].update_one(
        {"_id": key}, {"$set": document, "$setOnInsert": {"created_at": datetime.now(UTC)}}, upsert=True
    )
    return key


def begin(db: "Database[dict[str, Any]]", params: dict[str, Any], run: str) -> str:
    """Fix what is asked for in `<run>/asked.json`; returns the run folder.

    Raises:
        NotEnoughDataError: no review is stored.
        BadInputError: such a sample cannot be drawn.
    """
    asked = Asked(params["rows"], params["fraction"], params["seed"])
    if not db["reviews"].find_one({}, {"_id": 1}):
        raise NotEnoughDataError("there are no reviews to explore: run load_reviews first")
    artifacts.write_json(f"{run}/{run_folder.ASKED}", asked.document())
    return run
