"""Page models and the pages made of them: nothing there, half there, strange texts, and many."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support import registry_data
from tidemark.console import first_page, history_drawing, page_rows, pages, run_page
from tidemark.console.airflow_runs import AirflowRun
from tidemark.console.page_rows import ModelRow
from tidemark.errors import UnreachableError
from tidemark.operations.sources import Tide
from tidemark.storage import artifacts, run_folder
from tidemark.stream import engagement_figures
from tidemark.stream.engagement_figures import Rate

DAG = "retrain_recommender"
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Away:
    """Sources of which only the artifacts are there."""

    def __init__(self, root: str) -> None:
        self.config = SimpleNamespace(artifacts_root=root)

    def ask(self, question: Any) -> Any:
        raise UnreachableError("MongoDB does not answer")


def run(state: str = "success", tasks: list[dict[str, Any]] | None = None, of: str = "manual__1") -> AirflowRun:
    return AirflowRun.of({"dag_run_id": of, "state": state, "start_date": "2026-01-01T00:00:00Z"}, tasks)


def shown(root: str, of: AirflowRun | None, dag: str = DAG, key: str = "manual__1") -> str:
    page = run_page.page(Away(root), dag, key, of)  # type: ignore[arg-type]
    return pages.render("run.html", "/tidemark", page=page)


def test_a_row_shows_the_figures_of_what_went_live():
    row = ModelRow.of(registry_data.model(3))
    assert row.ndcg is not None
    assert row.popularity is not None
    assert row.lead == pytest.approx(row.ndcg.value - 0.04)
    assert row.run_key == run_folder.key(registry_data.run_id(3))
    assert row.decision == "published"
    assert row.good_stars
    document = registry_data.model(3)
    document["decision"]["contender"] = "popularity"
    taken = ModelRow.of(document)
    assert taken.ndcg is not None
    assert taken.ndcg.value == 0.04


def test_a_document_of_which_little_is_there_is_still_a_row():
    row = ModelRow.of({"_id": "20260101T000000-00000000", "status": "candidate"})
    assert (row.ndcg, row.rmse, row.lead, row.decision, row.reasons) == (None, None, None, "not decided", ())


def measured_on(number: int, users: int, ratings: int = 500) -> dict[str, Any]:
    """A model document whose figures rest on so many users and ratings."""
    document = registry_data.model(number, reasons=["a reason"])
    document["data"] |= {
        "measured_users": users,
        "measured_ratings": ratings,
        "split": "held out is the newest third",
        "split_rule": "newest_third",
    }
    return document


@pytest.mark.parametrize("users", [0, 3, 29])
def test_figures_of_few_users_are_not_shown_but_said_to_conclude_nothing(users: int):
    document = measured_on(3, users)
    if not users:
        document["metrics"] = {"ratings": document["metrics"]["ratings"]}
    row = ModelRow.of(document)
    assert (row.ndcg, row.recall, row.coverage, row.popularity, row.lead) == (None, None, None, None, None)
    assert row.baselines == {}
    assert "nothing can be concluded (30 are needed)" in row.doubt
    assert row.rmse is not None, "500 ratings are enough"
    assert row.stars_doubt == ""


def test_enough_users_are_said_with_what_they_were_measured_on():
    row = ModelRow.of(measured_on(3, 30, ratings=12))
    assert row.ndcg is not None
    assert (row.measured, row.doubt) == ("30 users measured on the newest third", "")
    assert (row.rmse, row.rmse_mean) == (None, None)
    assert row.stars_doubt == "12 held-out ratings were measured: nothing can be concluded (30 are needed)"


def test_a_model_of_an_earlier_release_is_shown_with_its_figures():
    row = ModelRow.of(registry_data.of_earlier_release(registry_data.model(3)))
    assert row.ndcg is not None
    assert (row.measured, row.doubt, row.stars_doubt) == ("4,863 users measured", "", "")


def test_the_history_leaves_out_models_of_few_users_and_says_so():
    rows = [ModelRow.of(measured_on(n, 3 if n < 2 else 300)) for n in range(5)]
    drawn = history_drawing.draw(rows, 5, rows[0].model_id)
    assert drawn is not None
    assert [point.row.model_id for point in drawn.points] == [row.model_id for row in rows[2:]]
    assert drawn.heading == "5 models"
    assert drawn.left_out == "Left out: 2 models measured on too few users to conclude anything."
    text = overview_page(registry=registry_of(rows, drawn))
    assert drawn.left_out in text
    all_drawn = history_drawing.draw(rows[2:], 2_000, None)
    assert all_drawn is not None
    assert (all_drawn.heading, all_drawn.left_out) == ("the newest 3 of 2,000 models", "")
    assert history_drawing.draw(rows[:2], 2, None) is None


def registry_of(rows: list[ModelRow], drawn: history_drawing.History | None = None) -> first_page.Registry:
    """The registry of the first page, with the first of `rows` live."""
    live = page_rows.Champion(rows[0], NOW, "run", None)
    page = page_rows.ModelPage(tuple(rows), 1, len(rows))
    return first_page.Registry(live, (), page, drawn, first_page.Letters(0, ()))


def test_the_first_page_says_that_nothing_can_be_concluded_in_place_of_figures():
    text = overview_page(registry=registry_of([ModelRow.of(measured_on(3, 3))]))
    assert text.count("3 users were measured: nothing can be concluded (30 are needed)") == 2  # champion and row
    assert "Held out is the newest third." in text
    assert "0.0400" not in text
    many = overview_page(registry=registry_of([ModelRow.of(measured_on(3, 3_000))]))
    assert "3,000 users measured on the newest third" in many
    assert "concluded" not in many


def test_the_page_of_a_run_says_on_how_many_users_its_model_was_measured(tmp_path: Path):
    registry_data.leave(str(tmp_path), DAG, "manual__1", model=registry_data.model_id(3))

    def page_of(users: int) -> str:
        found = run_page.page(Away(str(tmp_path)), DAG, "manual__1", run())  # type: ignore[arg-type]
        page = replace(found, model=ModelRow.of(measured_on(3, users)), troubles=())
        return pages.render("run.html", "/tidemark", page=page)

    assert "3 users were measured: nothing can be concluded" in page_of(3)
    assert "0.0400" not in page_of(3)
    assert "3,000 users measured on the newest third" in page_of(3_000)


def test_the_history_is_inside_its_drawing_and_marks_what_became_of_each():
    rows = [ModelRow.of(registry_data.model(n, published=n % 4 != 3)) for n in range(120)]
    drawn = history_drawing.draw(rows, 2_000, rows[-2].model_id)
    assert drawn is not None
    assert len(drawn.points) == 120
    assert {p.kind for p in drawn.points} == {"champion", "published", "rejected"}
    for point in drawn.points:
        assert history_drawing.LEFT <= point.x <= history_drawing.WIDTH - history_drawing.RIGHT
        assert (
            history_drawing.TOP <= point.high <= point.y <= point.low <= history_drawing.HEIGHT - history_drawing.BOTTOM
        )
    assert drawn.rows[0][1] == "0.00"
    assert history_drawing.draw([], 0, None) is None


def test_a_history_of_one_model_and_of_figures_that_are_zero():
    document = registry_data.model(0)
    for figures in document["metrics"].values():
        if "ndcg_at_10" in figures:
            figures["ndcg_at_10"] = {"value": 0.0, "low": 0.0, "high": 0.0}
    drawn = history_drawing.draw([ModelRow.of(document)], 1, None)
    assert drawn is not None
    assert drawn.points[0].y == drawn.rows[0][0]


@pytest.mark.parametrize(
    ("lag", "share", "words"),
    [(0, 0.0, "1,000 more"), (640, 0.64, "360 more"), (1_000, 1.0, "mark is reached"), (5_000, 5.0, "mark is reached")],
)
def test_the_tide_is_told_in_words_and_as_a_share(lag, share, words):
    tide = Tide(1_000, lag, 0, NOW)
    assert tide.share == share
    assert words in tide.text
    assert tide.document()["lag"] == lag


def overview_page(**given: Any) -> str:
    found = {"tide": Tide(1_000, None, None, NOW, "Kafka does not answer"), "registry": None, "runs": (), "trouble": ""}
    page = first_page.Overview(**(found | given))
    return pages.render("overview.html", "/tidemark", page=page, may_retrain=True, may_roll_back=True, notice=None)


def test_servers_that_are_away_are_said():
    text = overview_page(trouble="MongoDB does not answer at x")
    assert "MongoDB does not answer at x" in text
    assert "Kafka does not answer" in text
    assert "Unknown while MongoDB does not answer" in text


def test_an_empty_store_says_what_to_run():
    nothing = first_page.Registry(None, (), page_rows.ModelPage((), 1, 0), None, first_page.Letters(0, ()))
    text = overview_page(registry=nothing)
    assert "No model is live yet" in text
    assert "The registry is empty" in text
    assert "None waits" in text
    assert "Retrain now" in text
    assert "Roll back" not in text


def test_a_model_that_was_shown_has_its_click_through_with_the_interval():
    rows = [ModelRow.of(registry_data.model(n)) for n in (1, 2)]
    found = replace(registry_of(rows), clicks={rows[0].model_id: Rate(4_104, 300)})
    text = overview_page(registry=found)
    assert re.search(r'title="300 clicked of 4,104 shown[^"]*">7\.3 % <small>6\.6 to 8\.1</small>', text)
    assert text.count("clicked of") == 1, "the other was never shown"


def test_clicks_are_those_of_models_that_were_shown(monkeypatch: pytest.MonkeyPatch):
    rates = {"shown": Rate(10, 3), "never": Rate(0, 0)}
    database: Any = "the database"
    monkeypatch.setattr(engagement_figures, "by_model", {database: rates}.get)
    assert first_page.clicks(database) == {"shown": Rate(10, 3)}


def test_the_page_leads_to_the_storefront():
    assert 'href="https://shop.example"' in overview_page(shop="https://shop.example")
    assert "The storefront" not in overview_page(), "its address is not known"


def test_what_a_backtest_recommends_stands_beside_the_tide():
    rows = [ModelRow.of(measured_on(1, 300))]
    advice = first_page.Advice(NOW, 2_000, 50_000, ("no loss is shown <here>",), "manual__1")
    text = overview_page(registry=replace(registry_of(rows), advice=advice))
    assert "a mark of 2,000, a window of 50,000" in text
    assert "No loss is shown &lt;here&gt;." in text
    assert "/folders/backtest_recommender/manual__1" in text
    unclear = replace(advice, mark=None, window=None, why=("3 users were measured",))
    assert "A backtest could conclude nothing" in overview_page(registry=replace(registry_of(rows), advice=unclear))
    assert "backtest" not in overview_page(registry=registry_of(rows))


def test_whatever_is_in_a_text_is_text():
    evil = registry_data.EVIL
    row = ModelRow.of(registry_data.model(1, reasons=[evil]) | {"_id": evil, "status": evil, "engine": evil})
    live = page_rows.Champion(row, NOW, evil, evil)
    letters = first_page.Letters(1, (first_page.Letter(evil, NOW, evil),))
    one = first_page.RecentRun(DAG, run(of="x"), "x", evil, ((evil, evil),), (evil,), whole=True)
    found = first_page.Registry(
        live, (evil,), page_rows.ModelPage((row,), 1, 1), history_drawing.draw([row], 1, evil), letters
    )
    text = overview_page(registry=found, runs=(one,), trouble=evil)
    assert "<script>document" not in text
    assert text.count("&lt;script&gt;") >= 10


def test_a_whole_run_shows_everything_it_left(tmp_path: Path):
    registry_data.leave(str(tmp_path), DAG, "manual__1", title="Retrain, model published")
    text = shown(str(tmp_path), run())
    assert "Retrain, model published" in text
    assert text.count("<img ") == 3
    assert "/tidemark/files/retrain_recommender/manual__1/charts/neighbourhood.svg" in text
    assert "&lt;script&gt;" in text
    assert "<script>document" not in text
    assert "&#39;=cmd()" in text
    assert "/tidemark/checks/retrain_recommender/manual__1/training_interactions" in text
    for alt in ("Metrics beside the baselines", "A neighbourhood of the graph"):
        assert f'alt="{alt}"' in text
    assert "The first 8 rows" in text


def test_a_registry_that_is_away_hides_the_model_only(tmp_path: Path):
    registry_data.leave(str(tmp_path), DAG, "manual__1", model="20260101T000000-00000000")
    text = shown(str(tmp_path), run())
    assert "MongoDB does not answer" in text
    assert text.count("<img ") == 3


def test_a_run_that_failed_half_way_names_its_task_and_shows_what_was_checked(tmp_path: Path):
    folder = run_folder.of(str(tmp_path), DAG, "manual__1")
    artifacts.write_bytes(f"{folder}/docs/training_interactions/index.html", b"<html></html>")
    artifacts.write_json(f"{folder}/snapshot.json", {})
    tasks = [{"task_id": "train", "state": "failed", "duration": 3.0, "try_number": 1}]
    text = shown(str(tmp_path), run("failed", tasks))
    assert "This run failed before it was whole" in text
    assert "/dags/retrain_recommender/runs/manual__1/tasks/train" in text
    assert "training interactions" in text
    assert "snapshot.json" not in text


def test_how_a_load_reads_its_source_is_shown_before_anything_is_stored(tmp_path: Path):
    folder = run_folder.of(str(tmp_path), "load_interactions", "manual__1")
    said = ["columns: user = <b>'u'</b> (given)", "no times: the order is the time", "plain"]
    artifacts.write_json(f"{folder}/{run_folder.LAND}", {"said": said})
    text = shown(str(tmp_path), run("running"), dag="load_interactions")
    assert "How it is read" in text
    assert "user = &lt;b&gt;&#39;u&#39;&lt;/b&gt; (given)" in text
    assert "still at work" in text
    artifacts.write_json(f"{folder}/{run_folder.LAND}", ["of another version"])
    assert "How it is read" not in shown(str(tmp_path), run("running"), dag="load_interactions")


@pytest.mark.parametrize(
    ("of", "words"),
    [
        (run("success"), "This run has left no artifacts"),
        (run("running"), "still at work"),
        (None, "Airflow does not know it any more"),
    ],
)
def test_a_run_without_artifacts_says_so(tmp_path: Path, of: AirflowRun | None, words: str):
    assert words in shown(str(tmp_path), of)


def test_other_dags_have_a_plain_page(tmp_path: Path):
    assert "Runs of watch_interactions leave no artifacts" in shown(str(tmp_path), run(), dag="watch_interactions")


def test_a_damaged_manifest_is_said(tmp_path: Path):
    folder = run_folder.of(str(tmp_path), DAG, "manual__1")
    artifacts.write_bytes(f"{folder}/manifest.json", b"{")
    assert "manifest cannot be read" in shown(str(tmp_path), run())


def test_a_key_finds_its_run_again_only_if_it_is_its_own(tmp_path: Path):
    of = "manual__2026-01-01T00:00:00+00:00"
    registry_data.leave(str(tmp_path), DAG, of)
    key = run_folder.key(of)
    assert run_page.run_id_of(Away(str(tmp_path)), DAG, key) == of  # type: ignore[arg-type]
    (tmp_path / DAG / key).rename(tmp_path / DAG / "taken")
    assert run_page.run_id_of(Away(str(tmp_path)), DAG, "taken") is None  # type: ignore[arg-type]


def test_nothing_of_a_page_comes_from_elsewhere():
    for name, (data, _, _) in pages.static().items():
        text = data.decode()
        if name != "panzoom.min.js":
            assert "http://" not in text.replace("http://www.w3.org/2000/svg", ""), name
            assert "https://" not in text, name
    for template in (pages.HERE / "templates").iterdir():
        text = template.read_text(encoding="utf-8")
        assert "://" not in text, template.name
        assert " style=" not in text, "the policy of the pages lets no style attribute through"
        assert not re.search(r"\son[a-z]+=", text), template.name
    assert (pages.HERE / "static" / "panzoom.LICENSE.txt").exists()


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("0.08353816046854643", "0.083538"),
        ("-12345.678901", "-12346"),
        ("20260101", "20260101"),
        ("1.5", "1.5"),
        ("not 0.123456789", "not 0.123456789"),
        ("123456789012", "123456789012"),
        ("1.2345678901e-07", "1.2346e-07"),
    ],
)
def test_long_numbers_are_shown_short_and_nothing_else_is_touched(cell: str, told: str):
    assert pages.figures(cell) == told
