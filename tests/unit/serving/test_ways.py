"""Which way an answer comes, and that it is the one that comparing everything with everything would give."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.serving_worlds import ALS, MADE_AT, POPULARITY, KnownCatalogue, Product, events, pack
from tidemark.errors import UnreachableError
from tidemark.models.fold_in import FoldIn
from tidemark.serving import ways
from tidemark.serving.answers import Answer, Ask
from tidemark.serving.events import Event
from tidemark.serving.filters import Filter
from tidemark.serving.folding import Model

ITEMS = [f"i{n:02}" for n in range(20)]
EVEN, ODD = ITEMS[::2], ITEMS[1::2]
FACTORS = np.array([[1.0 - n / 100, 0.0] if n % 2 == 0 else [0.0, 1.0 - n / 100] for n in range(20)], np.float32)
"""Two tastes: of even items and of odd ones."""

LISTS = {"even": list(range(4, 20, 2)), "odd": list(range(5, 20, 2))}
HAD = {"even": events("even", ["i00", "i02"]), "odd": events("odd", ["i01", "i03"])}


class Asked:
    """A history that counts how often it was asked for."""

    def __init__(self, given: Sequence[Event] | None) -> None:
        self.given, self.times = given, 0

    def __call__(self) -> Sequence[Event]:
        self.times += 1
        if self.given is None:
            raise UnreachableError("MongoDB is away")
        return self.given


def boards(**products: Product) -> tuple[Model, KnownCatalogue]:
    """The two tastes, with lists of six."""
    made = pack(ITEMS, {user: numbers[:6] for user, numbers in LISTS.items()}, item_factors=FACTORS, n=6)
    return Model.of(made), KnownCatalogue(ITEMS, products=products)


def ids(answer: Answer) -> list[str]:
    return [item.item_id for item in answer.items]


def methods(answer: Answer) -> list[str]:
    return [item.method for item in answer.items]


def test_a_stored_list_is_read_and_nothing_else():
    model, catalogue = boards(i04=Product(price=5.0))
    history = Asked(None)
    answer = ways.answer(Ask("even", 3), model, catalogue, (), history, tail_version=0)
    assert ids(answer) == ["i04", "i06", "i08"]
    assert methods(answer) == ["stored"] * 3
    assert [item.position for item in answer.items] == [1, 2, 3]
    assert answer.items[0].score == 1.0
    assert answer.items[0].price == 5.0
    assert answer.items[0].title == "title of i04"
    assert (answer.method, answer.stale, answer.short, answer.fresh) == ("stored", False, False, True)
    assert (answer.model_id, answer.made_at) == (model.model_id, MADE_AT)
    assert answer.version == f"{model.model_id}.0.0" == ways.version(model.model_id, 0, 0)
    assert history.times == 0


def test_checkerboard():
    """Whoever has a few even items is given the other even ones, without having been there when the model was made."""
    model, catalogue = boards()
    newer = events("new", ["i00", "i04", "i08"])
    answer = ways.answer(Ask("new", 7), model, catalogue, newer, lambda: newer, tail_version=3)
    assert ids(answer) == ["i02", "i06", "i10", "i12", "i14", "i16", "i18"]
    assert set(methods(answer)) == {"fold_in"}
    assert answer.version == f"{model.model_id}.3.0"


def test_what_is_newer_is_counted_with_all_that_is_older():
    model, catalogue = boards()
    newer = events("even", ["i04", "i01"], start=10)
    answer = ways.answer(Ask("even", 4), model, catalogue, newer, Asked([*HAD["even"], *newer]), tail_version=2)
    items, scores = FoldIn(FACTORS, 0.1, 10.0).recommend(np.array([0, 1, 2, 4]), np.ones(4, np.float32), 4)
    assert ids(answer) == [ITEMS[n] for n in items]
    assert [item.score for item in answer.items] == pytest.approx(scores.tolist())


def test_of_several_events_of_an_item_the_newest_counts():
    model, catalogue = boards()
    old, new = events("new", ["i00"], weight=5.0), events("new", ["i00"], weight=2.0, start=1)
    tie = [Event("a", "new", "i01", 9.0, None, MADE_AT, None, "stream")]
    tie += [Event("b", "new", "i01", 3.0, None, MADE_AT, None, "stream")]
    for order in ([*old, *new, *tie], [*tie[::-1], *new, *old]):
        answer = ways.answer(Ask("new", 1), model, catalogue, order, lambda order=order: order)
        _, scores = FoldIn(FACTORS, 0.1, 10.0).recommend(np.array([0, 1]), np.array([2.0, 3.0], np.float32), 1)
        assert answer.items[0].score == pytest.approx(scores[0])


@pytest.mark.parametrize(
    "ask",
    [
        Ask("even", 3, Filter(price_min=1.0)),
        Ask("even", 3, Filter(category="c")),
        Ask("even", 3, include_seen=True),
        Ask("even", 7),
        Ask("even", 3, session=("i18",)),
    ],
)
def test_what_the_stored_list_cannot_answer_is_scored_anew(ask):
    model, catalogue = boards(**{item: Product(3.0, ("c",)) for item in ITEMS})
    history = Asked(HAD["even"])
    answer = ways.answer(ask, model, catalogue, (), history)
    assert answer.method == "fold_in"
    assert history.times == 1
    assert len(answer.items) == ask.n


def test_a_filter_reaches_beyond_the_list():
    model, catalogue = boards(i18=Product(2.0), i16=Product(2.5), i17=Product(9.0))
    answer = ways.answer(Ask("even", 2, Filter(price_max=2.5)), model, catalogue, (), Asked(HAD["even"]))
    assert ids(answer) == ["i16", "i18"]


def test_what_is_excluded_or_not_to_be_had_leaves_the_rest_of_the_list():
    model, catalogue = boards(i06=Product(available=False))
    history = Asked(None)
    answer = ways.answer(Ask("even", 3, Filter(exclude=frozenset(["i04", "nonsense"]))), model, catalogue, (), history)
    assert ids(answer) == ["i08", "i10", "i12"]
    assert (answer.method, answer.stale, history.times) == ("stored", False, 0)
    answer = ways.answer(Ask("even", 6, Filter(exclude=frozenset(["i04"]))), model, catalogue, (), Asked(HAD["even"]))
    assert ids(answer) == ["i08", "i10", "i12", "i14", "i16", "i18"]
    assert answer.method == "fold_in"


def test_too_few_are_filled_from_popular_then_from_what_nobody_has_and_then_short():
    """A model without fold-in, whose lists are all that it has."""
    made = pack(ITEMS, {"u": [3, 1]}, recipe=POPULARITY, popular=range(19, -1, -1), n=2)
    products = {item: Product(1.0, ("c",)) for item in ("i00", "i01", "i02", "i03", "x1", "x2")}
    model, catalogue = Model.of(made), KnownCatalogue(ITEMS, ["x1", "x2", "x3"], products)
    history = Asked(events("u", ["i02"]))
    answer = ways.answer(Ask("u", 6, Filter(category="c")), model, catalogue, (), history)
    assert ids(answer) == ["i03", "i01", "i00", "x2", "x1"]
    assert methods(answer) == ["stored", "stored", "popular", "content", "content"]
    assert [item.position for item in answer.items] == [1, 2, 3, 4, 5]
    assert (answer.method, answer.short) == ("stored", True)


def test_nothing_known_is_popular_and_unknown_items_are_nothing_known():
    model, catalogue = boards()
    for had in ([], events("new", ["unheard-of"])):
        answer = ways.answer(Ask("new", 2), model, catalogue, had, Asked(had))
        assert ids(answer) == ["i00", "i01"]
        assert methods(answer) == ["popular"] * 2
        assert not answer.stale
    assert ids(ways.answer(Ask(None, 2), model, catalogue, (), Asked(None))) == ["i00", "i01"]


def test_the_session_of_somebody_unknown():
    model, catalogue = boards()
    answer = ways.answer(Ask(None, 2, session=("i01", "i03", "i03")), model, catalogue, (), Asked(None))
    fold = FoldIn(FACTORS, 0.1, 10.0)
    assert ids(answer) == ["i05", "i07"]
    assert answer.items[0].score == pytest.approx(fold.recommend(np.array([1, 3]), np.ones(2, np.float32), 1)[1][0])
    heavy = ways.answer(Ask(None, 1, session=("i01", "i03")), model, catalogue, (), Asked(None), session_weight=5.0)
    assert heavy.items[0].score > answer.items[0].score


def test_while_the_history_is_away():
    """The stored list less what the tail knows; and for whom nothing is stored, what is popular, less the same."""
    model, catalogue = boards()
    newer = events("even", ["i04", "i08"], start=10)
    answer = ways.answer(Ask("even", 6), model, catalogue, newer, Asked(None), tail_version=2)
    assert ids(answer) == ["i06", "i10", "i12", "i14", "i00", "i01"]
    assert methods(answer) == ["stored"] * 4 + ["popular"] * 2
    assert (answer.method, answer.stale) == ("stored", True)
    assert answer.version == f"{model.model_id}.2.0.stale"  # not what is asked for next time
    answer = ways.answer(Ask("new", 2), model, catalogue, events("new", ["i00"]), Asked(None))
    assert ids(answer) == ["i01", "i02"]
    assert (answer.method, answer.stale) == ("popular", True)


def test_a_model_without_fold_in_gives_its_list_less_what_was_taken_since():
    made = pack(ITEMS, {"u": [3, 1, 5, 7]}, recipe=POPULARITY, n=4)
    model, catalogue, history = Model.of(made), KnownCatalogue(ITEMS), Asked(None)
    answer = ways.answer(Ask("u", 3), model, catalogue, events("u", ["i01"]), history)
    assert ids(answer) == ["i03", "i05", "i07"]
    assert (answer.method, answer.stale, history.times) == ("stored", False, 0)


def test_what_was_just_taken_is_no_longer_what_nobody_has():
    made = pack(ITEMS, {"u": [3, 1]}, recipe=POPULARITY, n=4)  # the user has all other items
    catalogue = KnownCatalogue(ITEMS, ["x1", "x2"])
    answer = ways.answer(Ask("u", 4), Model.of(made), catalogue, events("u", ["x2", "i03"]), Asked(None))
    assert ids(answer) == ["i01", "x1"]
    assert answer.short


def test_popular_where_it_is_asked_for_whoever_asks():
    """Less what the user has, newer and older, and under the same filters; their stored list counts for nothing."""
    model, catalogue = boards(i05=Product(available=False))
    newer = events("even", ["i04", "i01"], start=10)
    had = Asked([*HAD["even"], *newer])
    answer = ways.answer(Ask("even", 4, Filter(exclude=frozenset({"i06"})), popular=True), model, catalogue, newer, had)
    assert (ids(answer), set(methods(answer))) == (["i03", "i07", "i08", "i09"], {"popular"})
    assert ids(ways.answer(Ask("even", 2, popular=True, include_seen=True), model, catalogue, (), had)) == [
        "i00",
        "i01",
    ]
    away = ways.answer(Ask("even", 2, popular=True), model, catalogue, newer, Asked(None))
    assert (ids(away), away.stale) == (["i00", "i02"], True)


def test_an_erased_user_is_nobody():
    model, catalogue = boards()
    history = Asked(HAD["even"])
    answer = ways.answer(Ask("even", 2), model, catalogue, events("even", ["i00"]), history, erased={"even"})
    assert ids(answer) == ["i00", "i01"]
    assert (answer.method, answer.stale, history.times) == ("popular", False, 0)
    assert answer.version == ways.version(model.model_id, 0, 0, erased=True) != ways.version(model.model_id, 0, 0)


def test_a_user_with_everything_and_one_with_nearly_everything():
    model, catalogue = boards()
    answer = ways.answer(Ask("all", 3), model, catalogue, (), Asked(events("all", ITEMS)))
    assert (answer.items, answer.short, answer.method) == ((), True, "popular")
    assert ids(ways.answer(Ask("all", 3, include_seen=True), model, catalogue, (), Asked(events("all", ITEMS)))) != []
    nearly = Model.of(pack(ITEMS, {"nearly": [7, 9]}, item_factors=FACTORS, n=4))
    catalogue, history = KnownCatalogue(ITEMS, ["x1"]), Asked(None)
    answer = ways.answer(Ask("nearly", 4), nearly, catalogue, (), history)
    assert ids(answer) == ["i07", "i09", "x1"]
    assert methods(answer) == ["stored", "stored", "content"]
    assert (answer.short, answer.stale, history.times) == (True, False, 0)


def test_one_item_and_no_item_and_no_product():
    one = Model.of(pack(["i"], {}, item_factors=np.ones((1, 2), np.float32)))
    answer = ways.answer(Ask("u", 100), one, KnownCatalogue(["i"]), (), list)
    assert ids(answer) == ["i"]
    assert answer.short
    none = Model.of(pack([], {}, item_factors=np.ones((0, 2), np.float32)))
    had = events("u", ["i"])
    answer = ways.answer(Ask("u", 100), none, KnownCatalogue([]), had, lambda: had)
    assert (answer.items, answer.method, answer.short) == ((), "popular", True)
    assert ids(ways.answer(Ask("u", 5), none, KnownCatalogue([], ["x"]), (), list)) == ["x"]


@pytest.mark.parametrize("way", ["stored", "fold_in"])
def test_each_item_says_why(way):
    model, catalogue = boards()
    newer = events("even", ["i01"], start=9) if way == "fold_in" else []
    answer = ways.answer(Ask("even", 2, explain=True), model, catalogue, newer, Asked([*HAD["even"], *newer]))
    assert answer.method == way
    for item in answer.items:
        assert [share.item_id for share in item.because] == ["i00", "i02"]
        assert sum(share.share for share in item.because) == pytest.approx(1)
    without = ways.answer(Ask("even", 2, explain=True), model, catalogue, newer, Asked(None))
    assert without.stale
    assert [item.because for item in without.items] == [(), ()]


def test_a_model_that_cannot_solve_falls_back():
    """Factors in a line and no regularisation: there is no one answer."""
    recipe = {"name": "als_implicit", "settings": {"factors": 2, "regularization": 0.0, "alpha": 1.0}}
    flat = np.zeros((20, 2), np.float32)
    model = Model.of(pack(ITEMS, {"u": [3]}, item_factors=flat, recipe=recipe, n=1))
    had = events("u", ["i00"])
    assert ids(ways.answer(Ask("u", 2), model, KnownCatalogue(ITEMS), had, lambda: had)) == ["i03", "i01"]


@st.composite
def worlds(draw):
    """A world of ten items, two extras, one user with a list and one without, and a question."""
    items, extras = [f"i{n}" for n in range(8)], ["x0", "x1"]
    products = {
        item_id: Product(
            draw(st.sampled_from([None, 1.0, 2.0, 3.0])),
            draw(st.sampled_from([(), ("a",), ("a", "b"), ("b",)])),
            draw(st.integers(0, 5)) > 0,
        )
        for item_id in [*items, *extras]
    }
    values = draw(st.lists(st.integers(-3, 3), min_size=16, max_size=16))
    factors = np.array(values, np.float32).reshape(8, 2)
    stored_had = draw(st.sets(st.integers(0, 7), min_size=1, max_size=8))
    recipe = draw(st.sampled_from([ALS, POPULARITY]))
    fold = FoldIn(factors, 0.1, 10.0)
    order, _ = fold.recommend(np.array(sorted(stored_had)), np.ones(len(stored_had), np.float32), 8)
    n = draw(st.integers(1, 8))
    popular = draw(st.permutations(range(8)))
    made = pack(items, {"u": order[:n].tolist()}, item_factors=factors, popular=popular, recipe=recipe, n=n)
    had = events("u", [items[number] for number in sorted(stored_had)])
    everything = [*items, *extras, "unheard-of"]
    newer = events("u", draw(st.lists(st.sampled_from(everything), max_size=3)), start=100)
    exclude = frozenset(draw(st.sets(st.sampled_from(everything), max_size=4)))
    price = st.sampled_from([None, None, 1.0, 2.0, 3.0])
    wanted = Filter(draw(st.sampled_from([None, None, "a", "b", "zz"])), draw(price), draw(price), exclude)
    ask = Ask(draw(st.sampled_from(["u", "other"])), draw(st.sampled_from([1, 2, 5, 100])), wanted, draw(st.booleans()))
    return made, KnownCatalogue(items, extras, products), ask, had if ask.user_id == "u" else [], newer


def order_by_hand(made, catalogue, ask, had, newer) -> list[tuple[str, str]]:
    """(item_id, method) of all that may be shown, by looking at each item: the oracle."""
    history = [*had, *newer]
    seen = set() if ask.include_seen else {event.item_id for event in history}
    ids_of_all = [catalogue.item_id(n) for n in range(len(catalogue))]
    allowed = [
        n for n, item_id in enumerate(ids_of_all) if catalogue.allows(ask.filter, item_id) and item_id not in seen
    ]
    known = sorted({catalogue.number(event.item_id) for event in history} & set(range(8)))
    row = made.users.number(ask.user_id)
    stored = [] if row is None else [n for n in made.lists[row].tolist() if n >= 0]
    ordered: list[tuple[int, str]] = []
    if made.about.recipe is ALS and known:
        factors = made.learned["item_factors"]
        scores = factors @ FoldIn(factors, 0.1, 10.0).user_factor(np.array(known), np.ones(len(known), np.float32))
        ordered = [(n, "fold_in") for n in sorted(range(8), key=lambda n: (-scores[n], n))]
    else:
        ordered = [(n, "stored") for n in stored]
    if newer and not any(n in allowed for n, _ in ordered):  # first of the category of what was taken last
        number = catalogue.number(max(newer, key=lambda event: (event.timestamp, event.id)).item_id)
        liked = catalogue.category(number) if number is not None else ""
        of_it = [n for n in made.popular.tolist() if liked and catalogue.allows(Filter(liked), ids_of_all[n])]
        ordered += [(n, "popular") for n in of_it if n in allowed]
    ordered += [(n, "popular") for n in made.popular.tolist()] + [(n, "content") for n in (9, 8)]
    first = dict(reversed(ordered))
    places = sorted(first, key=[n for n, _ in ordered].index)
    return [(catalogue.item_id(n), first[n]) for n in places if n in allowed]


@given(worlds())
def test_equals_the_order_by_hand(world):
    made, catalogue, ask, had, newer = world
    answer = ways.answer(ask, Model.of(made), catalogue, newer, lambda: [*had, *newer])
    wanted = order_by_hand(made, catalogue, ask, had, newer)
    assert ids(answer) == [item_id for item_id, _ in wanted[: ask.n]]
    assert answer.short == (len(wanted) < ask.n)
    assert not answer.stale
    # A list whose beginning was stored is the same order under its other name.
    named = [(item.item_id, item.method.replace("stored", "fold_in")) for item in answer.items]
    assert named == [(item_id, method.replace("stored", "fold_in")) for item_id, method in wanted[: ask.n]]
    again = ways.answer(ask, Model.of(made), catalogue, newer, lambda: [*had, *newer][::-1])
    assert again == answer


@given(worlds())
def test_whatever_is_away_nothing_comes_that_must_not(world):
    made, catalogue, ask, _, newer = world
    answer = ways.answer(ask, Model.of(made), catalogue, newer, Asked(None))
    assert len(set(ids(answer))) == len(answer.items) <= ask.n
    assert [item.position for item in answer.items] == list(range(1, len(answer.items) + 1))
    for item in answer.items:
        assert catalogue.allows(ask.filter, item.item_id)
        assert ask.include_seen or item.item_id not in {event.item_id for event in newer}


def test_the_time_of_a_session_is_after_all_others():
    later = [Event("z", "u", "i01", 0.5, None, MADE_AT + timedelta(days=400), None, "stream")]
    model, catalogue = boards()
    ask = Ask("u", 1, session=("i01",))
    answer = ways.answer(ask, model, catalogue, later, lambda: later, session_weight=4.0)
    _, scores = FoldIn(FACTORS, 0.1, 10.0).recommend(np.array([1]), np.array([4.0], np.float32), 1)
    assert answer.items[0].score == pytest.approx(scores[0])


def test_who_has_deleted_something_is_answered_from_what_is_left():
    model, catalogue = boards()
    left = events("even", ["i02"])
    answer = ways.answer(Ask("even", 4), model, catalogue, (), lambda: left, tail_version=7, fewer=True)
    items, _ = FoldIn(FACTORS, 0.1, 10.0).recommend(np.array([2]), np.ones(1, np.float32), 4)
    assert (ids(answer), set(methods(answer))) == ([ITEMS[n] for n in items], {"fold_in"})
    assert "i00" in ids(answer), "what was deleted is no longer theirs"
    assert answer.version == ways.version(model.model_id, 7, 0)


def test_who_has_deleted_everything_is_new_and_while_mongodb_is_away_their_list_is_stale():
    model, catalogue = boards()
    answer = ways.answer(Ask("even", 2), model, catalogue, (), tuple, fewer=True)
    assert (ids(answer), answer.method, answer.stale) == (["i00", "i01"], "popular", False)
    away = ways.answer(Ask("even", 2), model, catalogue, (), Asked(None), fewer=True)
    assert (ids(away), away.method, away.stale) == (["i04", "i06"], "stored", True)


def test_a_history_is_listed_as_diversely_as_the_models_lists_are():
    plain, catalogue = boards()
    about = replace(plain.pack.about, diversity=0.9)
    diverse = Model.of(replace(plain.pack, about=about))
    newer = events("new", ["i00", "i04", "i01"])
    ask = Ask("new", 6)
    by_score = ways.answer(ask, plain, catalogue, newer, lambda: newer)
    answer = ways.answer(ask, diverse, catalogue, newer, lambda: newer)
    assert ids(answer)[0] == ids(by_score)[0]
    assert ids(answer) != ids(by_score)
    assert ids(answer)[1] in ODD  # the other taste: unlike what is listed already
    values = [item.score for item in answer.items]
    assert values == sorted(values, reverse=True)
    assert ids(ways.answer(Ask("new", 3), diverse, catalogue, newer, lambda: newer)) == ids(answer)[:3]
    assert not {"i00", "i04", "i01"} & set(ids(answer))
