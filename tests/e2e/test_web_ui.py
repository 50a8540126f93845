"""What a person does in the web UI, done by a browser: log in, train, look at what came of it, download, roll back."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, FrameLocator, Page, expect
from pymongo.database import Database

from tests.e2e.conftest import Platform
from tests.support import browser as chromium
from tests.support.runs import ended
from tests.support.waiting import eventually
from tidemark.deployment import lineage
from tidemark.local import airflow
from tidemark.local.airflow_client import AirflowApi
from tidemark.storage import manifests, mongo, run_folder
from tidemark.stream.sending import Sender

pytestmark = pytest.mark.timeout(900)

RETRAIN, ROLL_BACK, EXPLORE = "retrain_recommender", "roll_back_model", "explore_reviews"
TAB = "plugin/tidemark-run"


@pytest.fixture(scope="module")
def context(platform: Platform) -> Iterator[BrowserContext]:
    with chromium.browser() as started:
        yield chromium.context(started, airflow.url(platform.config))


@pytest.fixture(scope="module")
def page(context: BrowserContext, platform: Platform) -> Page:
    """Logged in, by the form."""
    page = context.new_page()
    page.goto("/")
    page.locator("input[name=username]").fill(platform.config.airflow_user)
    page.locator("input[name=password]").fill(platform.passwords["airflow_password"])
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Dags").first.wait_for()
    return page


@pytest.fixture(scope="module")
def db(platform: Platform) -> Database[dict[str, Any]]:
    return mongo.connect(platform.config)


def champion(db: Database[dict[str, Any]]) -> str:
    found = db["pointers"].find_one({"_id": "champion"})
    assert found is not None
    return str(found["model_id"])


def trigger(page: Page, api: AirflowApi, dag_id: str, change: Any) -> str:
    """Trigger a run by Airflow's form, with what `change` does to it; gives its id."""
    known = {run["dag_run_id"] for run in api.runs(dag_id)}
    page.goto(f"/dags/{dag_id}")
    page.get_by_test_id("trigger-dag-button").first.click()
    form = page.get_by_role("dialog")
    change(form)
    form.get_by_test_id("trigger-dag-submit").click()
    eventually(lambda: {run["dag_run_id"] for run in api.runs(dag_id)} != known, 90, f"no run of {dag_id}")
    return str(next(run["dag_run_id"] for run in api.runs(dag_id) if run["dag_run_id"] not in known))


def tab(page: Page, dag_id: str, run_id: str) -> FrameLocator:
    """The tab of a run, as Airflow shows it."""
    page.goto(f"/dags/{dag_id}/runs/{run_id}/{TAB}")
    frame = page.frame_locator("iframe[title=Artifacts]")
    frame.locator("h1").wait_for()
    return frame


def every_picture_is_there(frame: FrameLocator, least: int) -> None:
    pictures = frame.locator("img")
    assert pictures.count() >= least
    for picture in pictures.all():
        picture.scroll_into_view_if_needed()
        name = picture.get_attribute("src")
        loaded = "p => p.decode().then(() => p.naturalWidth * p.naturalHeight, () => 0)"
        assert picture.evaluate(loaded) > 0, name
        assert picture.get_attribute("alt"), name


def tables_are_downloaded_whole(page: Page, platform: Platform, dag_id: str, run_id: str, least: int) -> None:
    run = run_folder.of(platform.config.artifacts_root, dag_id, run_id)
    listed = {e["path"]: e for e in manifests.read(run)["files"] if e["path"].endswith(".csv")}
    assert len(listed) >= least
    for number, (path, entry) in enumerate(listed.items()):
        if number % 8 == 0:  # Chromium asks a person before it takes more than ten files from one page
            frame = tab(page, dag_id, run_id)
        with page.expect_download() as download:
            frame.locator(f"a[download][href$='/{path}']").first.click()
        got = Path(download.value.path()).read_bytes()
        assert got == Path(run, path).read_bytes()
        assert len(got) == entry["bytes"]
        assert not [line for line in got.decode().splitlines() if line.startswith(("=", "+", "@"))], path


@pytest.fixture(scope="module")
def before(db: Database[dict[str, Any]]) -> str:
    """The champion before this module's retrain."""
    return champion(db)


@pytest.fixture(scope="module")
def retrained(page: Page, platform: Platform, before: str) -> str:
    """A retrain that was started by the form, with params changed, and succeeded."""

    def change(form: Any) -> None:
        form.locator("xpath=.//input[@name='element_force']/..").click()  # the switch around it
        promote = form.locator("xpath=.//input[@name='element_promote']/..").get_by_role("combobox")
        promote.fill("always")
        promote.press("Enter")

    with AirflowApi(platform.config) as api:
        run_id = trigger(page, api, RETRAIN, change)
        page.goto(f"/dags/{RETRAIN}/runs/{run_id}")
        assert ended(api, RETRAIN, run_id) == "success"
        conf = api.run(RETRAIN, run_id)["conf"]
    assert (conf["force"], conf["promote"]) == (True, "always")
    return run_id


def test_a_retrain_is_started_by_the_form_and_watched(
    page: Page, retrained: str, shots: chromium.Shots, db: Any
) -> None:
    expect(page.get_by_text("Success", exact=True).first).to_be_visible()
    page.screenshot(path=shots.path("retrain"))
    live = db["models"].find_one({"_id": champion(db)})
    assert run_folder.key(retrained) in live["artifacts"]


def test_a_task_s_log_is_read_and_leads_to_the_artifacts(page: Page, retrained: str) -> None:
    page.goto(f"/dags/{RETRAIN}/runs/{retrained}/tasks/snapshot")
    expect(page.get_by_text("that no model has learned from are in the snapshot").first).to_be_visible()
    page.goto(f"/dags/{RETRAIN}/runs/{retrained}/tasks/train/details")
    link = page.get_by_role("link", name="Artifacts of this run")
    link.click()
    expect(page.frame_locator("iframe[title=Artifacts]").locator("h1")).to_be_visible()


def test_the_run_s_tab_shows_its_charts_graph_and_tables(
    page: Page, retrained: str, platform: Platform, shots: chromium.Shots
) -> None:
    frame = tab(page, RETRAIN, retrained)
    every_picture_is_there(frame, 6)
    frame.locator("h1").scroll_into_view_if_needed()
    page.screenshot(path=shots.path("run"))
    frame.locator("#charts").evaluate("e => e.scrollIntoView()")
    page.screenshot(path=shots.path("charts"))
    graph = frame.locator("[data-zoom] img")
    graph.scroll_into_view_if_needed()
    still = graph.bounding_box()
    frame.get_by_role("button", name="Zoom in").click()
    page.wait_for_timeout(500)
    near = graph.bounding_box()
    assert still is not None
    assert near is not None
    assert near["width"] > still["width"] * 1.2
    frame.locator("[data-zoom]").focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_timeout(500)
    moved = graph.bounding_box()
    assert moved is not None
    assert moved["x"] > near["x"] + 20
    frame.get_by_role("button", name="Whole graph").click()
    page.wait_for_timeout(500)
    frame.locator("#graph").evaluate("e => e.scrollIntoView()")
    page.screenshot(path=shots.path("graph"))
    tables_are_downloaded_whole(page, platform, RETRAIN, retrained, 3)


def test_the_data_docs_of_the_run_are_shown_without_scripts(page: Page, retrained: str, shots: chromium.Shots) -> None:
    frame = tab(page, RETRAIN, retrained)
    frame.get_by_role("link", name="training interactions").click()
    docs = frame.frame_locator("iframe")
    expect(docs.locator("body")).to_contain_text("training_interactions")
    assert docs.locator("html").evaluate("() => document.styleSheets.length") >= 1
    page.screenshot(path=shots.path("data-docs"))
    frame.get_by_role("link", name="Back to the run").click()
    expect(frame.locator("#charts")).to_be_visible()


def test_the_explored_reviews_are_shown(page: Page, platform: Platform, api: AirflowApi, shots: chromium.Shots) -> None:
    runs = api.runs(EXPLORE)
    run_id = runs[0]["dag_run_id"] if runs else api.trigger(EXPLORE, {})
    assert ended(api, EXPLORE, run_id) == "success"
    frame = tab(page, EXPLORE, run_id)
    every_picture_is_there(frame, 5)
    frame.locator("#charts").evaluate("e => e.scrollIntoView()")
    page.screenshot(path=shots.path("explore"))
    tables_are_downloaded_whole(page, platform, EXPLORE, run_id, 1)


def test_the_tidemark_page_is_in_the_navigation_and_lives(
    page: Page, retrained: str, platform: Platform, shots: chromium.Shots, db: Any
) -> None:
    page.goto("/")
    page.get_by_role("link", name="Tidemark").click()
    frame = page.frame_locator("iframe[title=Tidemark]")
    expect(frame.locator("main")).to_contain_text(champion(db))
    expect(frame.get_by_role("button", name="Retrain now")).to_be_visible()
    first = int(frame.locator("[data-lag]").inner_text().replace(",", ""))
    known = [r["user_id"] for r in db["interactions"].find({}, {"user_id": 1}).limit(150)]
    item = db["interactions"].find_one({}, {"item_id": 1})["item_id"]
    sender = Sender(platform.config)
    for user in known:
        sender.send(user, json.dumps({"user_id": user, "item_id": item, "event_type": "view"}).encode())
    assert sender.flush()
    expect(frame.locator("[data-lag]")).not_to_have_text(str(first), timeout=20_000)  # without a reload
    shown = lambda: int(frame.locator("[data-lag]").inner_text().replace(",", ""))  # noqa: E731
    eventually(lambda: shown() == first + len(known), 90, lambda: f"{shown()} is shown")
    page.wait_for_timeout(1_500)
    page.screenshot(path=shots.path("tidemark"))


@pytest.mark.parametrize(
    ("name", "size", "theme"), [("dark", chromium.WIDE, "dark"), ("narrow", chromium.NARROW, "light")]
)
def test_it_is_readable_in_the_dark_and_on_a_narrow_screen(
    context: BrowserContext, page: Page, shots: chromium.Shots, name: str, size: tuple[int, int], theme: str
) -> None:
    assert context.browser is not None
    other = chromium.context(context.browser, page.url.split("/plugin")[0], size, theme)
    other.add_cookies([c for c in context.cookies() if c["name"] == "_token"])
    shown = other.new_page()
    shown.goto("/plugin/tidemark" if size == chromium.WIDE else "/tidemark/")
    frame = shown.frames[0] if size == chromium.NARROW else shown.frame_locator("iframe[title=Tidemark]")
    frame.locator("#tide").wait_for()
    shown.wait_for_timeout(1_000)
    shown.screenshot(path=shots.path(f"tidemark-{name}"), full_page=size == chromium.NARROW)
    light = frame.locator("html").evaluate("e => getComputedStyle(e).colorScheme")
    assert light == theme
    wide = frame.locator("html").evaluate("e => [e.scrollWidth, e.clientWidth]")
    assert wide[0] <= wide[1], "the page is wider than the screen"
    other.close()


def test_the_keyboard_reaches_every_button(page: Page, retrained: str) -> None:
    page.goto("/tidemark/")
    page.locator("main").wait_for()
    reached = set()
    for _ in range(30):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.name || document.activeElement.innerText || ''").strip())
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
        if "Roll back" in reached:
            break
    assert {"Retrain now", "force", "model", "Roll back"} <= reached


def test_a_model_is_rolled_back_by_the_page(
    page: Page, retrained: str, before: str, platform: Platform, api: AirflowApi, db: Any
) -> None:
    assert champion(db) != before
    page.goto("/plugin/tidemark")
    frame = page.frame_locator("iframe[title=Tidemark]")
    frame.locator("select[name=model]").select_option(before)
    begin = time.monotonic()
    frame.get_by_role("button", name="Roll back").click()
    expect(frame.get_by_role("status")).to_contain_text("Started: roll_back_model")
    eventually(lambda: champion(db) == before, 120, "it was not rolled back")
    print(f"rolled back {time.monotonic() - begin:.1f} s after the click")
    (run,) = api.runs(ROLL_BACK, 1)
    assert ended(api, ROLL_BACK, run["dag_run_id"]) == "success"
    assert run["triggering_user_name"] == platform.config.airflow_user
    page.goto("/plugin/tidemark")
    expect(frame.locator("tr.live th")).to_have_text(before)
    frame.get_by_role("link", name=before).first.click()
    expect(frame.locator("#model")).to_be_visible()


def test_links_to_airflow_leave_the_frame(page: Page, retrained: str) -> None:
    frame = tab(page, RETRAIN, retrained)
    frame.locator("a[data-airflow]").first.click()
    page.wait_for_url(f"**/dags/{RETRAIN}/runs/*")
    assert TAB not in page.url


def test_lineage_tells_of_each_dag_and_task(platform: Platform) -> None:
    told = lineage.file(platform.config).read_text()
    events = [json.loads(line) for line in told.splitlines()]
    jobs = {(event["job"]["name"], event["eventType"]) for event in events}
    for job in (RETRAIN, f"{RETRAIN}.train", f"{RETRAIN}.publish", "load_reviews", "load_reviews.load"):
        assert {(job, "START"), (job, "COMPLETE")} <= jobs, job
    assert {event["job"]["namespace"] for event in events} == {"tidemark"}
    for name, password in platform.passwords.items():
        assert password not in told, name
