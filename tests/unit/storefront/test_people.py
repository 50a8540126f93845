"""The people to shop as are chosen from the data, whatever there is of it."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

from tests.support.shop_stand_in import histories, stand_in_database
from tidemark.storefront import people
from tidemark.storefront.people import Chosen, People, choose, favourite, takers

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def chosen(done: list[tuple[str, str, datetime]]) -> list[Chosen]:
    return choose(takers(done, lambda item: item.partition("-")[0]))


def roles(done: list[tuple[str, str, datetime]]) -> list[str]:
    return [one.role for one in chosen(done)]


def test_without_data_there_is_somebody_without_a_history() -> None:
    assert chosen([]) == [Chosen("newcomer", "no history", "has never taken anything", 0)]


def test_one_person_is_one_person() -> None:
    assert roles([("a", "tea-1", NOW)]) == ["heaviest", "no history"]


def test_few_people_are_each_chosen_once() -> None:
    done = [(user, f"tea-{number}", NOW) for user in "abc" for number in range(2)]
    assert roles(done) == ["heaviest", "median", "newest", "no history"]
    assert len({one.user_id for one in chosen(done)}) == 4


def test_of_much_data_there_are_six_who_differ() -> None:
    draw = random.Random(7)
    done = [
        (f"user{user}", f"{draw.choice(['tea', 'bread', 'sweets'])}-{number}", NOW + timedelta(minutes=number))
        for number in range(4_000)
        for user in [int(300 * draw.random() ** 2)]
    ]
    done += [("baker", f"bread-{number}", NOW) for number in range(9)]
    done += [("brewer", f"tea-{number}", NOW) for number in range(8)]
    done += [("late", "tea-1", NOW + timedelta(days=9)), ("newcomer", "tea-2", NOW)]
    made = {one.role: one for one in chosen(done)}
    people_chosen = chosen(done)
    assert len({one.user_id for one in people_chosen}) == len(people_chosen) == 6
    heaviest, _ = Counter(user for user, _, _ in done).most_common(1)[0]
    assert made["heaviest"].user_id == heaviest
    assert {one.user_id for one in people_chosen if one.role == "taste"} == {"baker", "brewer"}
    assert made["newest"].user_id == "late"
    assert made["no history"].user_id == "newcomer1"  # newcomer has one
    counts = sorted(Counter(user for user, _, _ in done).values())
    assert abs(made["median"].events - counts[len(counts) // 2]) <= 1
    draw.shuffle(done)
    assert chosen(done) == people_chosen


def test_two_tastes_are_unlike_where_there_are_two() -> None:
    done = [("a", f"tea-{number}", NOW) for number in range(5)]
    done += [("b", f"tea-{number}", NOW) for number in range(4)]
    done += [("c", f"bread-{number}", NOW) for number in range(3)] + [
        ("z", f"oil-{number}", NOW) for number in range(9)
    ]
    done += [("c", "tea-1", NOW)]
    tastes = [one for one in chosen(done) if one.role == "taste"]
    assert [one.user_id for one in tastes] == ["a", "c"]
    assert [one.says for one in tastes] == ["loves tea", "loves bread"]


def test_unknown_items_are_no_taste() -> None:
    (taker,) = takers([("a", "x", NOW)], lambda _: "")
    assert favourite(taker) == ""


def test_a_choice_holds_for_a_while_then_is_made_again() -> None:
    now = [0.0]
    db = stand_in_database(histories())
    six = People(db, "secret", lambda: now[0])  # type: ignore[arg-type]
    first = six.chosen(lambda _: "")
    db["interactions"].documents = []
    assert six.chosen(lambda _: "") == first
    now[0] = people.HELD_FOR
    assert [one.role for one in six.chosen(lambda _: "")] == ["no history"]


def test_an_offer_is_good_for_whom_it_was_made_to_alone() -> None:
    six, other = People(None, "secret"), People(None, "another")  # type: ignore[arg-type]
    offer = six.offer("p@shop.example", "anna")
    assert six.taken("p@shop.example", offer) == "anna"
    assert People(None, "secret").taken("p@shop.example", offer) == "anna"  # type: ignore[arg-type]  # another worker
    assert six.taken("q@shop.example", offer) is None
    assert other.taken("p@shop.example", offer) is None
    for forged in ("", "x", offer[:-1], offer + "x", "\x00", "é"):
        assert six.taken("p@shop.example", forged) is None
