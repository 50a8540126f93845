"""The chart of a blend: every member with what it carries."""

from matplotlib.patches import Rectangle
from matplotlib.text import Text

from tidemark.charts import members

PORTFOLIO = {
    "members": [{"name": "als_implicit"}, {"name": "item_knn"}, {"name": "transitions"}],
    "trials": [
        {"name": "als_implicit", "ndcg_at_10": 0.11},
        {"name": "item_knn", "ndcg_at_10": 0.09},
        {"name": "item_knn", "ndcg_at_10": 0.10},
    ],
    "weights": [0.6, 0.4, 0.0],
    "lead": 0.0123,
    "bound": 0.0045,
    "users": 4_321,
}


def texts(drawn) -> list[str]:
    return [text.get_text() for text in drawn.findobj(Text)]


def test_each_member_has_its_weight_and_its_best_figure_alone():
    model = {"_id": "20260102T000000-0a0a0a0a", "search": {"portfolio": PORTFOLIO}}
    drawn = members.weights(model, model)
    bars = [bar.get_width() for bar in drawn.axes[0].patches if isinstance(bar, Rectangle)]
    assert bars == [0.6, 0.4, 0.0]
    said = texts(drawn)
    assert {"ALS", "item-kNN", "transitions"} <= set(said)
    assert {"0.6, alone 0.1100", "0.4, alone 0.1000", "0.0"} <= set(said)
    assert any("4,321 validation users" in text and "+0.0123" in text and "+0.0045" in text for text in said)


def test_weights_of_an_earlier_search_say_whose():
    searched = {"_id": "20260101T000000-0a0a0a0a", "search": {"portfolio": PORTFOLIO}}
    drawn = members.weights({"_id": "20260102T000000-0a0a0a0a", "search": None}, searched)
    assert any("weights from the search of 20260101T000000-0a0a0a0a" in text for text in texts(drawn))
