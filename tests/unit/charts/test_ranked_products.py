"""The chart of the most and least reviewed products: what is known of prices, what is not, and nothing cut off."""

from itertools import pairwise
from typing import Any

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from tidemark.charts import ranked_products
from tidemark.exploration.extremes import PROXY


def row(n: int, price: float | None) -> dict[str, Any]:
    known = {"item_id": f"B{n}", "title": f"Product {n}", "reviews": 60, "mean_rating": 4.5, "scored": 50}
    return known | {"sentiment": 0.4, "price": price, "price_x_reviews": None if price is None else price * 60}


def explored(prices: list[float | None], reviewed: int = 410, without: int = 300) -> dict[str, Any]:
    rows = [row(n, price) for n, price in enumerate(prices)]
    return {
        "totals": {"n": 157_260_920, "first": "1996-05-20", "last": "2018-10-05"},
        "tails": {"items": [{"reviews": 1, "owners": 4_123_456, "sampled": 80}]},
        "products": {"most": rows, "least": rows},
        "prices": {"products": reviewed, "without_price": without},
    }


def texts(figure: Figure) -> list[str]:
    shown = [t.get_text() for t in figure.findobj(lambda a: hasattr(a, "get_text") and a.get_visible())]  # type: ignore[attr-defined]
    return [" ".join(text.split()) for text in shown]


def bars(figure: Figure) -> list[float]:
    return [patch.get_width() for patch in figure.axes[3].patches if isinstance(patch, Rectangle)]


def test_bars_are_price_times_reviews_and_what_is_not_known_is_said() -> None:
    drawn = ranked_products.products(explored([20.0, None, 0.0, None]), "most")
    assert bars(drawn) == [1_200, 0]  # a bar for each price, none for the others
    shown = texts(drawn)
    assert shown.count("no price known") == 2
    assert {"$1,200", "$0.00"} <= set(shown)
    assert "USD; without a price: 2 of these 4, 300 of all 410 reviewed (73%)" in shown
    assert any(text.endswith(PROXY) for text in shown)
    assert {"reviews", "stars", "VADER compound, -1 to 1"} <= {axes.get_xlabel() for axes in drawn.axes}


def test_without_any_price_the_panel_says_so() -> None:
    drawn = ranked_products.products(explored([None, None], 410, 409), "least")
    assert bars(drawn) == []
    shown = texts(drawn)
    assert (
        "No price is known of any of these 2 products. Without a price: 409 of all 410 reviewed (more than 99%)."
        in shown
    )
    assert "no price known" not in shown
    assert "The 2 least reviewed products: the first by id of 4,123,456 that have 1 review" in shown


def test_bars_differ_from_those_beside_them_in_grey_too() -> None:
    drawn = ranked_products.products(explored([20.0]), "most")
    reviews, price = drawn.axes[0].patches[0], drawn.axes[3].patches[0]
    assert reviews.get_hatch() != price.get_hatch()


@pytest.mark.parametrize(
    "prices",
    [[None] * 10, [0.0] * 10, [999_999_999.0, None, 0.01, 0.0, *[None] * 6], [19.99 * n for n in range(10)]],
)
def test_no_text_is_cut_off_however_large_the_figures(prices: list[float | None]) -> None:
    drawn = ranked_products.products(explored(prices, 15_500_000, 15_123_456), "most")
    canvas = FigureCanvasAgg(drawn)
    canvas.draw()
    panel, page = drawn.axes[3], drawn.bbox
    for text in (panel.xaxis.label, panel.title, *panel.texts):
        box = text.get_window_extent(canvas.get_renderer())
        assert page.x0 <= box.x0 <= box.x1 <= page.x1, text.get_text()
    ticks = [tick.get_window_extent(canvas.get_renderer()) for tick in panel.get_xticklabels() if tick.get_text()]
    assert not any(left.overlaps(right) for left, right in pairwise(ticks))


def test_the_share_without_a_price_as_a_table() -> None:
    assert ranked_products.price_rows(explored([1.0, None, None, None])) == [
        {"products": "most reviewed", "count": 4, "without_price": 3, "share": 0.75},
        {"products": "least reviewed", "count": 4, "without_price": 3, "share": 0.75},
        {"products": "all reviewed", "count": 410, "without_price": 300, "share": pytest.approx(300 / 410)},
    ]


@pytest.mark.parametrize(
    ("part", "whole", "told"),
    [(0, 5, "0%"), (5, 5, "100%"), (1, 1_000, "less than 1%"), (999, 1_000, "more than 99%"), (1_185, 1_547, "77%")],
)
def test_none_and_all_are_said_only_where_they_are(part: int, whole: int, told: str) -> None:
    assert ranked_products.share(part, whole) == told


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (0.0, "$0.00"), (24.99, "$24.99"), (999.99, "$999.99"), (12_345.6, "$12,346"), (1_234_567.0, "$1.235 m"),
        (2_999_999_997.0, "$3 bn"), (1.57e14, "$157 tn"),
    ],
)  # fmt: skip
def test_dollars_are_short(value: float, told: str) -> None:
    assert ranked_products.dollars(value) == told
