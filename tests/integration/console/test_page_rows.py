"""What is read of the registry, from a real MongoDB, holds the figures of what went live, whatever that was."""

import pytest

from tests.support import registry_data
from tidemark.console import history_drawing, page_rows
from tidemark.registry import entries, figures
from tidemark.registry.names import NAMES
from tidemark.serving.kept_models import KeptModels
from tidemark.storage import mongo

pytestmark = pytest.mark.usefixtures("mongo_db")

CONTENDERS = [name for name in NAMES if name not in ("champion", "als", "bias", "global_mean")]


def test_whatever_went_live_has_its_figure_wherever_models_are_shown():
    db = mongo.connect()
    mongo.ensure(db, "models")
    for number, name in enumerate(CONTENDERS):
        model = registry_data.model(number)
        model["decision"]["contender"] = name
        model["metrics"][name] = model["metrics"]["candidate"] | {
            "ndcg_at_10": registry_data.interval(0.5 + number / 100)
        }
        db["models"].insert_one(model)
        db[mongo.recommendations(model["_id"])].insert_one({"_id": "u1", "items": []})

    def ndcg(models):
        return [figures.of_contender(model)["ndcg_at_10"]["value"] for model in models]

    expected = [0.5 + number / 100 for number in range(len(CONTENDERS))]
    assert ndcg(entries.history(db)) == expected
    assert ndcg(KeptModels(db, lambda _: {}).newest_first()) == expected[::-1]
    rows = page_rows.newest(db, 50)
    assert [row.ndcg.value for row in rows if row.ndcg] == expected
    drawn = history_drawing.draw(rows, len(rows), None)
    assert drawn is not None
    assert drawn.left_out == ""
    one = page_rows.find(db, registry_data.model_id(3))
    assert one is not None
    assert one.ndcg is not None
    assert one.ndcg.value == expected[3]
