"""Built-in data: reviews and product metadata as Amazon's 2018 release has them, generated from a seed.

People have tastes (a point in a latent space, drifting with time), products have qualities (a point in the same space,
near the centre of their category) and a long-tailed popularity. Whoever reviews looks at some products, in proportion to
their popularity, and takes the one that they like best; so a model that learns tastes must beat popularity. Stars come
of how a person's opinions and a product's character agree, over the strictness of the one and the quality of the other;
the text agrees with the stars. New people and products arrive all the time. The quirks of the real files are there: see `builtin_words`.
"""

import gzip
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import fsspec
import numpy as np
from numpy.typing import NDArray

from tidemark.errors import BadInputError
from tidemark.reviews import builtin_words as words
from tidemark.storage import artifacts

log = logging.getLogger(__name__)

GENERATOR = 1
"""Raised when the same seed gives other data, so that none of it is mixed with what was made before."""

START, DAYS = 1_483_228_800, 1_095
"""2017-01-01 UTC, and how many days of reviews follow: to the end of 2019, whatever day it is today."""

N_FACTORS, N_OPINIONS = 12, 2
LOOKED_AT = 40
LINES_A_PART = 250_000
STEPS = 40
LARGEST_STEP = 20_000

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Size:
    """How much to generate."""

    reviews: int = 100_000
    users: int = 5_000
    items: int = 2_000


@dataclass(frozen=True)
class World:
    """Who and what there is.

    Attributes:
        taste, later_taste: (n_users, N_FACTORS), at the start and the end of time.
        opinion: (n_users, N_OPINIONS) what a person thinks of what they have, however they came to choose it.
        strictness: (n_users,) stars that a person gives more or less than others.
        activity: (n_users,) how much of all reviewing a person does.
        arrival: (n_users,) in 0..1 of all time.
        nature: (n_items, N_FACTORS).
        character: (n_items, N_OPINIONS) what a product turns out to be.
        category: (n_items,) row of `builtin_words.CATEGORIES`.
        quality: (n_items,) stars that a product gets more or less than others.
        popularity: (n_items,) how often it is looked at.
        launch: (n_items,) in 0..1 of all time.
    """

    taste: Floats
    later_taste: Floats
    opinion: Floats
    strictness: Floats
    activity: Floats
    arrival: Floats
    nature: Floats
    character: Floats
    category: Ints
    quality: Floats
    popularity: Floats
    launch: Floats


def _unit(rows: Any) -> Floats:
    scaled: Floats = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return scaled


def world(size: Size, rng: np.random.Generator) -> World:
    """People and products of `size`."""
    n_categories = len(words.CATEGORIES)
    centres = _unit(rng.normal(size=(n_categories, N_FACTORS)))
    category = rng.integers(n_categories, size=size.items)
    likes = rng.dirichlet(np.full(n_categories, 0.12), size=size.users) @ centres
    taste = _unit(likes + 0.12 * rng.normal(size=(size.users, N_FACTORS)))
    return World(
        taste=taste,
        later_taste=_unit(taste + 0.2 * rng.normal(size=taste.shape)),
        opinion=rng.normal(size=(size.users, N_OPINIONS)).astype(np.float32),
        strictness=rng.normal(0, 0.3, size.users).astype(np.float32),
        activity=rng.lognormal(0, 0.9, size.users).astype(np.float32),
        arrival=np.where(rng.random(size.users) < 0.6, 0, rng.random(size.users)).astype(np.float32),
        nature=_unit(centres[category] + 0.22 * rng.normal(size=(size.items, N_FACTORS))),
        character=rng.normal(size=(size.items, N_OPINIONS)).astype(np.float32),
        category=category,
        quality=rng.normal(0, 0.3, size.items).astype(np.float32),
        popularity=rng.permutation(1 / (np.arange(size.items) + 6.0) ** 0.95).astype(np.float32),
        launch=np.where(rng.random(size.items) < 0.75, 0, rng.random(size.items)).astype(np.float32),
    )


def _drawn(weights: Floats, n: tuple[int, ...], rng: np.random.Generator) -> Ints:
    """Rows drawn in proportion to `weights`."""
    steps = np.cumsum(weights, dtype=np.float64)
    rows: Ints = np.minimum(np.searchsorted(steps, rng.random(n) * steps[-1]), len(weights) - 1)
    return rows


def _events(known: World, now: float, n: int, rng: np.random.Generator) -> tuple[Ints, Ints, Ints]:
    """Users, items and stars of about `n` reviews at the time `now` (0..1)."""
    user = _drawn(known.activity * (known.arrival <= now), (n,), rng)
    # What is new draws looks for a while.
    fresh = 1 + 2 * np.exp(-(now - known.launch) / 0.08)
    seen = _drawn(known.popularity * fresh * (known.launch <= now), (n, LOOKED_AT), rng)
    taste = (1 - now) * known.taste[user] + now * known.later_taste[user]
    liking = np.einsum("nf,nlf->nl", taste, known.nature[seen], optimize=True)
    choice = np.argmax(liking * 9 + rng.gumbel(size=liking.shape).astype(np.float32), axis=1)
    rows = np.arange(n)
    item = seen[rows, choice]
    agreement = np.einsum("nf,nf->n", known.opinion[user], known.character[item]) / np.sqrt(N_OPINIONS)
    stars = 4.4 + known.strictness[user] + known.quality[item] + 0.9 * agreement + rng.normal(0, 0.5, n)
    return user, item, np.clip(np.rint(stars), 1, 5).astype(np.int64)


def events(known: World, size: Size, rng: np.random.Generator) -> Iterator[tuple[Ints, Ints, Ints, Ints]]:
    """All reviews in order of time, a step at a time: users, items, stars, epoch seconds (midnight UTC).

    Nobody reviews the same product twice. The memory of who reviewed what is 8 bytes a review.
    """
    reviewed: Ints = np.empty(0, dtype=np.int64)
    step, done = max(1, min(LARGEST_STEP, size.reviews // STEPS)), 0
    while done < size.reviews:
        n = min(step, size.reviews - done)
        now = ((done + n / 2) / size.reviews) ** 0.8  # reviewing grows
        user, item, stars = _events(known, now, n, rng)
        pair = user * size.items + item
        _, first = np.unique(pair, return_index=True)
        at = np.minimum(np.searchsorted(reviewed, pair[first]), max(len(reviewed) - 1, 0))
        new = np.sort(first if not len(reviewed) else first[reviewed[at] != pair[first]])
        reviewed = np.sort(np.concatenate([reviewed, pair[new]]), kind="stable")
        spread = np.sort(rng.random(len(new))) - 0.5
        when = ((done + n / 2 + spread * n) / size.reviews) ** 0.8
        day = np.minimum((when * DAYS).astype(np.int64), DAYS - 1)
        done += len(new)
        yield user[new], item[new], stars[new], START + day * 86_400


def reviews(known: World, size: Size, rng: np.random.Generator) -> Iterator[str]:
    """`size.reviews` lines of JSON in the schema of the 2018 release; one in a hundred is there twice."""
    left = size.reviews
    for user, item, stars, seconds in events(known, size, rng):
        columns = (user, item, known.category[item], stars, seconds, rng.integers(2**63, size=len(user)))
        for row in zip(*(column.tolist() for column in columns), strict=True):
            line = json.dumps(words.review(*row))
            for _ in range(2 if row[5] % 100 == 7 else 1):
                if not left:
                    return
                left -= 1
                yield line


def products(known: World, rng: np.random.Generator) -> Iterator[str]:
    """A line of JSON in the schema of the 2018 release for each product."""
    draws = rng.integers(2**63, size=len(known.category)).tolist()
    for item, (category, draw) in enumerate(zip(known.category.tolist(), draws, strict=True)):
        yield json.dumps(words.product(item, category, draw))


def _write_parts(lines: Iterator[str], folder: str) -> None:
    """Write `lines` as gzip files of at most `LINES_A_PART` lines below `folder`."""
    filesystem, path = fsspec.core.url_to_fs(folder)
    filesystem.makedirs(path, exist_ok=True)
    part, line = 0, next(lines, None)
    while line is not None:
        with (
            filesystem.open(f"{path}/part-{part:05}.json.gz", "wb") as raw,
            gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=2, mtime=0, filename="") as packed,
        ):
            for _ in range(LINES_A_PART):
                packed.write(f"{line}\n".encode())
                line = next(lines, None)
                if line is None:
                    break
        part += 1


def write(size: Size, seed: int, root: str) -> tuple[str, str]:
    """Generate below `root`, or find there what the same parameters gave before.

    Args:
        size: how much.
        seed: the same one gives the same bytes.
        root: a path or fsspec URL.

    Returns:
        The folders of the reviews and of the products.

    Raises:
        BadInputError: so many reviews cannot come of so few people and products.
    """
    if size.reviews > size.users * size.items // 5:
        raise BadInputError(
            f"{size.reviews:,} reviews of {size.items:,} items by {size.users:,} users: at most a fifth of all pairs "
            "is reviewed. Give more builtin_users or builtin_items, or fewer builtin_reviews"
        )
    folder = f"{root.rstrip('/')}/v{GENERATOR}-{size.reviews}-{size.users}-{size.items}-{seed}"
    done = f"{folder}/complete.json"
    if artifacts.exists(done):
        log.info("built-in data is there already: %s", folder)
    else:
        rng = np.random.default_rng(seed)
        known = world(size, rng)
        _write_parts(products(known, rng), f"{folder}/products")
        _write_parts(reviews(known, size, rng), f"{folder}/reviews")
        artifacts.write_json(done, {"reviews": size.reviews, "users": size.users, "items": size.items, "seed": seed})
        log.info("built-in data generated: %s reviews below %s", f"{size.reviews:,}", folder)
    return f"{folder}/reviews", f"{folder}/products"
