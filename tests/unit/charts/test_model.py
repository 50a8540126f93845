"""Charts of a model, drawn from figures as the registry has them, whole and with parts missing."""

import re
import xml.etree.ElementTree as ET

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from tidemark.charts import history, model, style
from tidemark.evaluation.disparity import SHARES
from tidemark.registry.names import SPLIT_RULES


def figure(value):
    return {"value": value, "low": value * 0.9, "high": value * 1.1}


def ranked(value):
    return {key: figure(value) for key in ("ndcg_at_10", "recall_at_10", "recall_at_20", "coverage", "novelty")}


def document(number=1, **fields):
    """A model as the registry has it."""
    metrics = {
        name: ranked(0.1 + 0.01 * number) for name in ("candidate", "popularity", "popularity_recent", "item_knn")
    }
    return {
        "_id": f"202601{number:02}T000000-{number:08x}",
        "engine": "implicit",
        "status": "champion",
        "published_at": "2026-01-01",
        "metrics": metrics,
        "decision": {"contender": "candidate"},
        "data": {"measured_users": 100},
        "why": {"settings": "all settings were given (search=auto)"},
        **fields,
    }


def words(tmp_path, drawn):
    style.save(drawn, str(tmp_path), "chart")
    tree = ET.parse(tmp_path / "charts" / "chart.svg")  # noqa: S314
    return " | ".join("".join(t.itertext()).strip() for t in tree.iter("{http://www.w3.org/2000/svg}text"))


def test_metrics_stand_beside_every_baseline_and_the_champion(tmp_path):
    one = document()
    assert "champion before" not in words(tmp_path, model.metrics(one))
    one["metrics"]["champion"] = ranked(0.2)
    shown = words(tmp_path, model.metrics(one))
    for word in (
        "this model",
        "champion before",
        "popularity, recent",
        "item-kNN",
        "NDCG@10",
        "coverage",
        one["_id"],
        "0.200",
    ):
        assert word in shown


def test_stars_stand_beside_the_constant_mean_or_say_that_there_are_none(tmp_path):
    one = document()
    assert "no ratings to learn stars from" in words(tmp_path, model.stars(one))
    one["metrics"]["ratings"] = {n: {"rmse": figure(1.2), "mae": figure(0.9)} for n in ("als", "bias", "global_mean")}
    shown = words(tmp_path, model.stars(one))
    assert "global mean" in shown
    assert "RMSE" in shown


def groups(*users):
    """Rows of `disparity.by_activity`."""
    return [
        {"least": 1 + 2 * i, "most": 2 + 2 * i, "users": n, "ndcg_at_10": {"candidate": figure(0.1)}}
        for i, n in enumerate(users)
    ]


def test_activity_shows_each_group_with_its_users(tmp_path):
    shown = words(tmp_path, model.activity(document(), groups(500, 20)))
    for word in ("groups of 20 users or more", "500 users", "1-2", "3-4", "| 20 users"):
        assert word in shown


def test_activity_of_an_earlier_release_leaves_out_groups_of_few(tmp_path):
    shown = words(tmp_path, model.activity(document(), groups(500, 3)))
    assert "500 users" in shown
    assert "3 users" not in shown
    assert "no group has 20 users" in words(tmp_path, model.activity(document(), groups(3)))


SPREAD = {"shares": list(SHARES), "items": 50, "models": {"candidate": {"gini": 0.25, "curve": list(SHARES)}}}


def drawings(one):
    one["metrics"] = one["metrics"] | {
        "ratings": {n: {"rmse": figure(1.2), "mae": figure(0.9)} for n in ("als", "bias")}
    }
    return {
        "metrics": model.metrics(one),
        "activity": model.activity(one, groups(one["data"]["measured_users"])),
        "spread": model.spread(one, SPREAD),
        "stars": model.stars(one),
    }


@pytest.mark.parametrize("users", [0, 3, 29])
def test_of_few_users_a_sentence_is_drawn_and_no_figure(tmp_path, users):
    data = {"measured_users": users, "measured_ratings": users, "split_rule": "last_of_each_user"}
    for name, drawn in drawings(document(data=data, metrics={} if users == 0 else document()["metrics"])).items():
        shown = words(tmp_path, drawn)
        assert "nothing can be concluded (30 are needed)" in shown, name
        assert "measured on the last interaction of each user" in shown, name
        assert not re.search(r"\d\.\d", shown), name


def test_of_many_users_the_foot_says_how_many_and_on_what(tmp_path):
    data = {"measured_users": 5_000, "measured_ratings": 700, "split_rule": "newer_than_champion"}
    for name, drawn in drawings(document(data=data)).items():
        rests_on = "700 held-out ratings" if name == "stars" else "5,000 users"
        shown = words(tmp_path, drawn)
        assert f"{rests_on} measured on what is newer than the champion" in shown, name
        assert "concluded" not in shown, name


@pytest.mark.parametrize("engine", ["popularity_recent", "implicit"])
@pytest.mark.parametrize("rule", SPLIT_RULES)
def test_the_foot_does_not_run_into_the_time(engine, rule):
    data = {"measured_users": 1_234_567, "measured_ratings": 1_234_567, "split_rule": rule}
    for name, drawn in drawings(document(data=data, engine=engine)).items():
        renderer = FigureCanvasAgg(drawn).get_renderer()
        foot, time = (text.get_window_extent(renderer) for text in drawn.texts[-2:])
        assert foot.x1 < time.x0, name


def test_the_history_leaves_out_what_nothing_can_be_concluded_from_and_says_so(tmp_path):
    few = [document(n, data={"measured_users": 3}) for n in (1, 2)] + [
        document(3, data={"measured_users": 0}, metrics={})
    ]
    shown = words(tmp_path, history.history([*few, document(4)], few[0]["_id"]))
    assert "4 models; 3 measured on fewer than 30 users left out" in shown
    assert "2026-01-04" in shown
    assert "2026-01-01" not in shown
    assert "live now" not in shown
    shown = words(tmp_path, history.history(few, few[0]["_id"]))
    assert "no model was measured on the 30 users" in shown
    assert "1 model;" in words(tmp_path, history.history(few[:1], None))


def test_spread_names_each_gini(tmp_path):
    even = {"gini": 0.25, "curve": list(SHARES)}
    found = {"shares": list(SHARES), "items": 50, "models": {"candidate": even, "taken": even | {"gini": None}}}
    shown = words(tmp_path, model.spread(document(), found))
    assert "this model: Gini 0.25" in shown
    assert "what users took" in shown


def test_the_search_is_shown_with_whose_it_is_or_why_there_is_none(tmp_path):
    assert "no search ran: all settings were given" in words(tmp_path, model.search(document(), None))
    trials = [{"factors": n, "regularization": 1.0, "alpha": 2.0, "ndcg_at_10": 0.01 * n} for n in (8, 16)]
    earlier = document(1, search={"trials": trials, "popularity_ndcg_at_10": 0.05})
    shown = words(tmp_path, model.search(document(2), earlier))
    assert f"settings from the search of {earlier['_id']}" in shown
    assert "16 factors, reg. 1, alpha 2" in shown


@pytest.mark.parametrize("n", [0, 1, 5, 2_000])
def test_the_history_marks_decisions_however_many_models_there_are(tmp_path, n):
    models = [
        document(1 + i % 28)
        | {"status": "rejected" if i % 2 else "retired", "published_at": None if i % 2 else "2026-01-01"}
        for i in range(n)
    ]
    live = models[-1]["_id"] if models else None
    shown = words(tmp_path, history.history(models, live))
    assert ("no model yet" in shown) == (n == 0)
    assert ("published" in shown) == (n > 0)
    assert ("rejected" in shown) == (n > 1)
    assert ("live now" in shown) == (n > 0)
    assert ("the newest 60 of 2,000" in shown) == (n == 2_000)


def test_the_history_shows_the_figure_of_what_was_decided_about(tmp_path):
    popularity = document(1, decision={"contender": "popularity"})
    popularity["metrics"]["candidate"]["ndcg_at_10"] = figure(0.9)
    drawn = history.history([popularity], None)
    assert drawn.axes[0].get_ylim()[1] < 0.5


@pytest.mark.parametrize("own", ["item_knn", "member_decayed"])
def test_what_took_the_candidates_place_is_this_model_in_every_chart(tmp_path, own):
    one = document(decision={"contender": own})
    one["metrics"] = {"candidate": ranked(0.1), "popularity": ranked(0.05), own: ranked(0.3)}
    rows = [
        {"least": 1, "most": None, "users": 90, "ndcg_at_10": {n: m["ndcg_at_10"] for n, m in one["metrics"].items()}}
    ]
    curve = {"gini": 0.5, "curve": [0.5] * len(SHARES)}
    spread = {"items": 10, "shares": SHARES, "models": dict.fromkeys(one["metrics"], curve)}
    for drawn in (model.metrics(one), model.activity(one, rows), model.spread(one, spread)):
        shown = words(tmp_path, drawn)
        assert f"this model: {'item-kNN' if own == 'item_knn' else 'member ALS'}" in shown
        assert "what was to be published" in shown
        assert "this model |" not in shown
    first = model.metrics(one).axes[0].get_yticklabels()[0].get_text()
    assert first.startswith("this model: ")
