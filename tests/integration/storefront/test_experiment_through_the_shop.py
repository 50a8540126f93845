"""An experiment from end to end: the real shop gives 300 users their lists, some click and buy by the API, the service counts,
and the API says of each arm exactly what was done."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from scipy.stats import binomtest

from tests.support.own_shop import OwnShop
from tests.support.published import ITEMS as PRODUCTS
from tests.support.published import Published, listed, model_id
from tests.support.waiting import eventually
from tidemark.storage import mongo
from tidemark.storefront import experiments
from tidemark.storefront.experiments import Arm, Experiment

USERS = [f"v{number:03}" for number in range(300)]
"""Of this test alone: whom others ask for must take nothing."""
OLD, LIVE, NEXT = 300, 301, 302
"""Models: the one of an arm, the champion, and the champion once the first is gone."""
N = 5
NAME = "spring"
ARMS = [Arm("live", "champion", 0.4), Arm("old", model_id(OLD), 0.3), Arm("most", "popularity", 0.3)]


@dataclass
class Running:
    """An experiment that every worker knows of, and how many answers of it came from another model than its arm's."""

    shop: OwnShop
    models: Published
    experiment: Experiment
    fell_back: int = 0

    def arm(self, user: str) -> str:
        found = self.experiment.arm_of(user)
        assert found is not None
        return found.name

    def ask(self, user: str) -> dict[str, Any]:
        answer = self.shop.ask(f"/api/v1/users/{user}/recommendations", params={"n": N, "placement": NAME})
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        self.fell_back += told["arm"] == f"{NAME}/old" and told["model_id"] != model_id(OLD)
        return told

    def everywhere(self, user: str, model: int, arm: str) -> bool:
        """Whether a dozen connections, any worker behind each, answer a user so. They are in the figures as one user."""
        told = [self.ask(user) for _ in range(12)]
        return {(one["model_id"], one["arm"]) for one in told} == {(model_id(model), arm)}

    def figures(self) -> dict[str, Any]:
        answer = self.shop.ask(f"/api/v1/experiments/{NAME}")
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told


@pytest.fixture
def running(real_shop: OwnShop) -> Iterator[Running]:
    shop, now = real_shop, datetime.now(UTC)
    # With the shop's other users too: the newest pack is what a worker serves that starts while nobody says which is live.
    models = Published(shop.db, shop.config.state / "runs", [*shop.models.users, *USERS])
    models.publish(OLD, live=False, **shop.here())
    models.publish(LIVE, **shop.here())
    planned = experiments.planned(NAME, ARMS, now, now + timedelta(days=1), 1_000, salt="a salt of the tests")
    experiments.add(shop.db, planned)
    running = Running(shop, models, planned)
    shop.engagement.start()
    try:
        eventually(
            lambda: running.everywhere(USERS[0], _model_of(running.arm(USERS[0])), f"{NAME}/{running.arm(USERS[0])}"),
            60,
            shop.storefront.log.read_text,
            every=0.5,
        )
        yield running
    finally:
        shop.engagement.stop()
        experiments.stop(shop.db, NAME)
        shop.models.move_to(1)
        eventually(lambda: running.everywhere("u99", 1, "champion"), 60, shop.storefront.log.read_text, every=0.5)


def _model_of(arm: str) -> int:
    return OLD if arm == "old" else LIVE


def send(shop: OwnShop, *sent: dict[str, str]) -> None:
    answer = shop.ask("/api/v1/interactions", "write", method="POST", json={"interactions": list(sent)})
    assert (answer.status_code, answer.json()["accepted"]) == (202, len(sent))


def fallbacks(shop: OwnShop) -> float:
    found = re.search(r"^tidemark_shop_arm_fallbacks_total (\S+)$", shop.ask("/metrics").text, re.MULTILINE)
    assert found
    return float(found[1])


def shares(told: dict[str, Any], users: int) -> None:
    """The share of an arm's users is what it says, its interval Wilson's as SciPy has it."""
    interval = binomtest(told["users"], users).proportion_ci(0.95, method="wilson")
    assert told["share"] == pytest.approx(told["users"] / users)
    assert (told["low"], told["high"]) == (pytest.approx(interval.low), pytest.approx(interval.high))


def test_each_arm_is_told_exactly_what_was_done_in_it(running: Running) -> None:
    shop = running.shop
    done: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))

    def shops(number: int, user: str) -> dict[str, Any]:
        """A user gets a list and does with it what their number says: nothing, a click, a purchase, or what proves nothing."""
        told, arm = running.ask(user), running.arm(user)
        done[arm]["users"].add(user)
        assert told["arm"] == f"{NAME}/{arm}"
        act = {"user_id": user, "item_id": told["items"][0]["item_id"], "event_type": "click"}
        rid = told["recommendation_id"]
        match number % 5:
            case 1:
                send(shop, act | {"recommendation_id": rid}, act | {"recommendation_id": rid})
                done[arm]["clicked"].add(user)
            case 2:
                send(shop, act | {"recommendation_id": rid, "event_type": "purchase"})
                done[arm]["clicked"].add(user)
                done[arm]["purchased"].add(user)
            case 3:
                send(shop, act, act | {"recommendation_id": rid[:-1] + ("A" if rid[-1] != "A" else "E")})
        return told

    def is_told() -> bool:
        """Whether the API says what was done, and of nobody else."""
        by_arm = {arm["name"]: arm for arm in running.figures()["arms"]}
        return all(
            (told["users"], told["clicked"]["users"], told["purchased"]["users"])
            == tuple(len(done[name][what]) for what in ("users", "clicked", "purchased"))
            for name, told in by_arm.items()
        )

    # While every arm can be had, each gives its own.
    for number, user in enumerate(USERS[:200]):
        told, arm = shops(number, user), running.arm(user)
        assert told["model_id"] == model_id(_model_of(arm))
        if arm != "most":
            assert [item["item_id"] for item in told["items"]] == [
                PRODUCTS[i] for i in listed(_model_of(arm), user)[:N]
            ]
        else:
            assert told["method"] == "popular"
    assert (running.fell_back, fallbacks(shop)) == (0, 0)

    # The model of an arm is gone: its users get the champion, it is counted, and they stay in their arm.
    shop.db.drop_collection(mongo.recommendations(model_id(OLD)))
    running.models.publish(NEXT, **shop.here())
    witness = next(user for user in USERS[200:] if running.arm(user) == "old")
    done["old"]["users"].add(witness)
    eventually(lambda: running.everywhere(witness, NEXT, f"{NAME}/old"), 30, shop.storefront.log.read_text, every=0.25)
    for number, user in enumerate(USERS[200:]):
        assert shops(number, user)["model_id"] == model_id(NEXT)
    assert running.fell_back > 20
    # Each worker writes its own figure down now and then, and when it is asked.
    eventually(lambda: fallbacks(shop) == running.fell_back, 60, lambda: f"{fallbacks(shop)}, {running.fell_back}", 0.5)

    # A presenter who shops as somebody is in no arm, whatever they click.
    presented = presents(shop)
    eventually(is_told, 60, lambda: f"{running.figures()} and not {dict(done)}", every=0.5)
    eventually(
        lambda: shop.db["engagement"].count_documents({"arm": "presenter", "clicked": {"$gt": 0}}), 60, "no click"
    )
    assert is_told()
    assert presented not in USERS
    assert shop.db["experiment_users"].count_documents({"user_id": presented}) == 0

    figures = running.figures()
    for arm in figures["arms"]:
        for what in ("clicked", "purchased"):
            shares(arm[what], arm["users"])
    assert sum(arm["users"] for arm in figures["arms"]) == len(USERS)
    assert figures["split"]["as_planned"]
    assert {arm["verdict"] for arm in figures["arms"]} == {"no decision yet"}


def presents(shop: OwnShop) -> str:
    """Be shown the shelves of somebody, and buy from one, as a presenter does; gives whose they were."""
    browser = shop.browser("presenter")
    offer = re.search(r'name="offer"[^>]* value="([^"]+)"', browser.get("/people").text)
    assert offer
    assert browser.submit("/people/act", {"offer": offer[1]}).status_code == 303
    page = browser.get("/").text
    form = re.search(r'name="item" value="([^"]+)".*?name="rid" value="([^"]+)"', page, re.DOTALL)
    assert form, page[:3_000]
    assert browser.submit("/acts", {"act": "buy", "item": form[1], "rid": form[2]}).status_code == 303
    acting = shop.db["sessions"].find_one({"acting": {"$ne": None}})
    assert acting
    assert browser.submit("/people/stop").status_code == 303
    return str(acting["acting"])
