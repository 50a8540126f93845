"""The built-in data: the same from the same seed, in the right shape, and worth learning from."""

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tidemark.contracts import conformance
from tidemark.errors import BadInputError
from tidemark.reviews import builtin, releases

SIZE = builtin.Size(reviews=6_000, users=400, items=200)


def _read(folder: str) -> list[dict[str, Any]]:
    files = sorted(Path(folder).glob("*.json.gz"))
    return [json.loads(line) for file in files for line in gzip.decompress(file.read_bytes()).splitlines()]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The folders of reviews and products."""
    return builtin.write(SIZE, 7, str(tmp_path_factory.mktemp("builtin")))


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path, written: tuple[str, str]) -> None:
    again, _ = builtin.write(SIZE, 7, str(tmp_path))
    other, _ = builtin.write(SIZE, 8, str(tmp_path))
    first = releases.land(written[0], "reviews", "auto", str(tmp_path))
    assert releases.land(again, "reviews", "auto", str(tmp_path)).fingerprint == first.fingerprint
    assert releases.land(other, "reviews", "auto", str(tmp_path)).fingerprint != first.fingerprint


def test_what_is_complete_is_reused_and_what_is_not_is_made_again(tmp_path: Path) -> None:
    reviews, _ = builtin.write(SIZE, 7, str(tmp_path))
    part = Path(reviews) / "part-00000.json.gz"
    before = part.stat().st_mtime_ns
    builtin.write(SIZE, 7, str(tmp_path))
    assert part.stat().st_mtime_ns == before
    (Path(reviews).parent / "complete.json").unlink()
    part.write_bytes(b"half")
    builtin.write(SIZE, 7, str(tmp_path))
    assert len(_read(reviews)) == SIZE.reviews


def test_records_are_of_the_2018_release(written: tuple[str, str]) -> None:
    reviews, products = (_read(folder) for folder in written)
    assert len(reviews) == SIZE.reviews
    assert len(products) == SIZE.items
    for product in products:
        assert conformance.reasons("amazon_products_2018", product) == []
    wrong = [r for r in reviews if conformance.reasons("amazon_reviews_2018", r)]
    assert all(r["overall"] == 0 for r in wrong)
    assert len(wrong) < 10
    assert {r["asin"] for r in reviews} <= {p["asin"] for p in products}
    assert len({p["asin"] for p in products}) == SIZE.items


def test_it_has_the_quirks_of_real_files(written: tuple[str, str]) -> None:
    reviews, products = (_read(folder) for folder in written)
    texts = " ".join(r.get("reviewText", "") for r in reviews)
    for quirk in ("<br />", "&#34;", "http://", "[[VIDEOID", "\n", "\u00e9"):
        assert quirk in texts, quirk
    assert any("," in r.get("vote", "") for r in reviews)
    assert any("reviewText" not in r for r in reviews)
    assert any("style" in r for r in reviews)
    copies = Counter(json.dumps(r) for r in reviews)
    assert 0.003 < sum(n - 1 for n in copies.values()) / SIZE.reviews < 0.03
    prices = [p["price"] for p in products]
    assert "" in prices
    assert any((p.strip() and not p.startswith("$")) or " - " in p for p in prices)


def test_popularity_has_a_long_tail_and_stars_agree_with_the_text(written: tuple[str, str]) -> None:
    reviews = _read(written[0])
    counts = np.sort(np.array(list(Counter(r["asin"] for r in reviews).values())))[::-1]
    assert counts[: len(counts) // 10].sum() > 0.2 * counts.sum()
    loved = [r["overall"] for r in reviews if "I love this" in r.get("reviewText", "")]
    broken = [r["overall"] for r in reviews if "A waste of money" in r.get("reviewText", "")]
    assert set(loved) <= {5.0, 0.0}
    assert set(broken) <= {1.0, 0.0}
    assert 3.8 < np.mean([r["overall"] for r in reviews]) < 4.6


def test_new_people_and_products_keep_arriving(written: tuple[str, str]) -> None:
    reviews = sorted(_read(written[0]), key=lambda r: r["unixReviewTime"])
    old, new = reviews[: int(0.9 * SIZE.reviews)], reviews[int(0.9 * SIZE.reviews) :]
    assert {r["reviewerID"] for r in new} - {r["reviewerID"] for r in old}
    assert {r["asin"] for r in new} - {r["asin"] for r in old}


def test_who_learns_tastes_beats_popularity() -> None:
    """Neighbours by co-reviewing (no tuning, no training) against the most popular, on the newest tenth."""
    size = builtin.Size(reviews=30_000, users=1_500, items=600)
    rng = np.random.default_rng(1)
    known = builtin.world(size, rng)
    users, items = (np.concatenate(c) for c in list(zip(*builtin.events(known, size, rng), strict=True))[:2])
    cut = int(0.9 * len(users))
    seen = np.zeros((size.users, size.items), dtype=np.float32)
    seen[users[:cut], items[:cut]] = 1
    norm = np.sqrt(seen.sum(0)) + 1e-9
    scores = seen @ ((seen.T @ seen) / np.outer(norm, norm))
    popular = np.tile(seen.sum(0), (size.users, 1))

    def hits(table: Any) -> float:
        table = np.where(seen > 0, -1.0, table)
        top = np.argsort(-table, axis=1)[:, :10]
        return float(np.mean([item in top[user] for user, item in zip(users[cut:], items[cut:], strict=True)]))

    assert hits(scores) > 1.8 * hits(popular)


def test_too_many_reviews_for_so_few_people() -> None:
    with pytest.raises(BadInputError, match="builtin_users"):
        builtin.write(builtin.Size(reviews=1_000, users=20, items=20), 1, "unused")
