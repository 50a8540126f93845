"""Which shelves "For you" has: each with its reason, no product on two of them."""

from datetime import timedelta

from tests.support.shop_stand_in import MODEL, NOW, StandInServing, event, histories, products
from tidemark.serving.answers import POPULAR, Answer, Listed, Share
from tidemark.serving.events import Event
from tidemark.storefront import shelves
from tidemark.storefront.shelves import did, favourites, kinds_by_weight, shares, strongest

KINDS = {1.0: "view", 2.0: "click", 3.0: "wish", 4.0: "cart", 5.0: "purchase"}


def of(user_id: str, hidden: frozenset[str] = frozenset(), **more: object) -> list[shelves.Shelf]:
    return shelves.shelves(StandInServing(products(), histories(), **more), user_id, hidden, KINDS)  # type: ignore[arg-type]


def items(made: list[shelves.Shelf]) -> list[str]:
    return [listed.item_id for shelf in made for listed in shelf.answer.items]


def test_somebody_known_gets_every_shelf_and_no_product_twice() -> None:
    made = of("anna")
    assert [(shelf.kind, len(shelf.answer.items)) for shelf in made] == [
        ("for_you", 12),
        ("because", 6),
        ("because", 6),
        ("category", 6),
        ("new", 6),
        ("popular", 6),
    ]
    assert len(set(items(made))) == len(items(made)) == 42
    assert not set(items(made)) & {one.item_id for one in histories()["anna"]}
    assert all(shelf.reason.endswith(".") and shelf.milliseconds >= 0 for shelf in made)


def test_shelves_say_what_they_are_because_of() -> None:
    first, because, other, category, *_ = of("anna")
    titles = {item.item_id: item.title for item in products()}
    assert (because.heading, because.subject) == ("Because you bought", titles["B00048"])  # of equals the newest
    assert because.because == (Share("B00048", 1.0),)
    assert other.subject == titles["B00042"]
    assert (category.heading, category.subject) == ("Popular in", "Tea & Coffee")
    assert {share.item_id for share in first.because} <= {one.item_id for one in histories()["anna"]}


def test_what_is_hidden_is_on_no_shelf() -> None:
    seen = items(of("anna"))
    hidden = frozenset(seen[::2])
    assert not hidden & set(items(of("anna", hidden)))


def test_who_is_new_gets_what_is_popular_first_and_a_sentence() -> None:
    made = of("nobody")
    assert [shelf.kind for shelf in made] == ["for_you", "new"]
    assert made[0].heading == "Popular now"
    assert "You are new here" in made[0].reason
    assert len(set(items(made))) == len(items(made))


def test_where_the_history_cannot_be_read_there_are_the_shelves_that_need_none() -> None:
    serving = StandInServing(products(), histories())
    serving.away = True
    assert [shelf.kind for shelf in shelves.shelves(serving, "anna")] == ["for_you", "new", "popular"]  # type: ignore[arg-type]


def test_a_history_of_items_that_nobody_knows_is_said_so() -> None:
    serving = StandInServing(products(), {"eve": [event("eve", "gone", 1)]})
    made = shelves.shelves(serving, "eve")  # type: ignore[arg-type]
    assert [shelf.kind for shelf in made] == ["for_you", "new"]
    assert "known to the model" in made[0].reason


def test_without_a_model_there_is_no_shelf() -> None:
    assert of("nobody", model=None) == []


def test_a_small_catalogue_leaves_shelves_out_rather_than_repeat() -> None:
    made = shelves.shelves(StandInServing(products()[:14], histories()), "anna")  # type: ignore[arg-type]
    assert len(set(items(made))) == len(items(made))
    assert all(shelf.answer.items for shelf in made)


def test_the_strongest_weigh_the_most_together_and_were_liked() -> None:
    done = [
        event("a", "twice", 1, "wish"),
        event("a", "twice", 2, "wish"),
        event("a", "once", 3, "purchase"),
        event("a", "disliked", 4, None, rating=1.0, weight=50.0),
        event("a", "late", 5, "purchase"),
    ]
    assert [one.item_id for one in strongest(done, 9)] == ["twice", "late", "once"]
    assert strongest([], 2) == []


def test_favourites_by_weight_then_name() -> None:
    done = [event("a", "x", 1, "view"), event("a", "y", 2, "purchase"), event("a", "z", 3, "view")]
    assert favourites(done, {"x": "B", "y": "C", "z": "A"}) == ["C", "A", "B"]
    assert favourites(done, {"x": ""}) == []


def test_an_event_is_named_by_its_type_or_by_what_it_alone_counts() -> None:
    def one(event_type: str | None, weight: float, rating: float | None = None) -> Event:
        return Event("1", "a", "x", weight, rating, NOW, event_type, "stream")

    kinds = kinds_by_weight({"view": 1, "purchase": 5, "subscribe": 7, "gift": 7})
    assert kinds == {1: "view", 5: "purchase"}
    assert did(one("purchase", 9), kinds) == did(one(None, 5), kinds) == "bought"
    assert did(one(None, 1, 4.0), kinds) == "rated"
    assert did(one(None, 7), kinds) == did(one("subscribe", 7), kinds) == did(one(None, 3.3)) == "took"


def test_shares_are_means_over_what_is_explained() -> None:
    listed = (
        Listed("a", 1, 1.0, "stored", because=(Share("x", 0.75), Share("y", 0.25))),
        Listed("b", 2, 0.5, "stored", because=(Share("y", 1.0),)),
        Listed("c", 3, 0.4, POPULAR),
    )
    answer = Answer("u", MODEL, "stored", NOW - timedelta(hours=1), True, False, False, listed, "1")
    assert shares(answer) == (Share("y", 0.625), Share("x", 0.375))
    assert shares(answer, 1) == (Share("y", 0.625),)
