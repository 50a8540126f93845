"""Sessions in MongoDB: seen by every worker, ended in every worker, and good through an outage for who is known."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.database import Database
from pymongo.errors import WriteError

from tests.support.signed_in import EMAIL, Away
from tidemark.errors import BadInputError, SignedOutError, UnreachableError
from tidemark.settings import Settings
from tidemark.storage import mongo, patience
from tidemark.storefront import session_changes
from tidemark.storefront import sessions as module
from tidemark.storefront.sessions import Session, Sessions


class Clock:
    """Goes when it is told to."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def db(mongo_db: Settings) -> Database[dict[str, Any]]:
    return mongo.connect(mongo_db)


@pytest.fixture
def away() -> Any:
    return Away()


def begin(sessions: Sessions, **more: str) -> str:
    return sessions.begin(EMAIL, "presenter", "u1", **more)[0]


def known(sessions: Sessions, cookie: str) -> Session:
    session = sessions.find(cookie)
    assert session is not None
    return session


def test_a_cookie_is_known_in_every_worker_and_nobody_can_make_one_from_what_is_stored(db):
    cookie, session = Sessions(db).begin(EMAIL, "shopper", "u1", "x" * 10_000)
    found = Sessions(db).find(cookie)
    assert found == session
    (document,) = db["sessions"].find()
    assert cookie.partition(".")[0] not in str(document)
    assert len(document["user_agent"]) == 200
    for forged in (
        session.key,
        f"{session.key}.0",
        "",
        ".0",
        "x" * 100_000,
        cookie[:-1],
        cookie + "0000000000",
        "a" * 43 + ".0",
    ):
        assert Sessions(db).find(forged) is None


def test_what_does_not_satisfy_the_contract_is_not_stored_and_the_server_removes_what_is_over(db):
    begin(Sessions(db))
    with pytest.raises(WriteError):
        db["sessions"].update_one({}, {"$set": {"role": "owner"}})
    indexes = db["sessions"].index_information().values()
    assert [i["expireAfterSeconds"] for i in indexes if i["key"] == [("expires_at", 1)]] == [0]


def test_a_worker_holds_it_five_seconds_and_sees_then_that_it_was_ended_elsewhere(db):
    clock = Clock()
    here, there = Sessions(db, clock=clock), Sessions(db)
    cookie = begin(there)
    assert here.find(cookie)
    there.end(cookie)
    assert there.find(cookie) is None, "at once, where it was ended"
    clock.now += 4.9
    assert here.find(cookie), "held, without asking"
    clock.now += 0.2
    assert here.find(cookie) is None


def test_all_sessions_of_an_account_can_be_ended_and_one_of_them(db):
    clock = Clock()
    here, there = Sessions(db, clock=clock), Sessions(db)
    cookies = [begin(here, user_agent=name) for name in ("one", "two", "three")]
    other, _ = here.begin("bea@tidemark.example", "shopper", "u2")
    assert {s.user_agent for s in there.of_account(EMAIL)} == {"one", "two", "three"}
    (two,) = [s for s in there.of_account(EMAIL) if s.user_agent == "two"]
    assert there.revoke(two.key)
    assert not there.revoke(two.key)
    clock.now += 6
    assert [bool(here.find(cookie)) for cookie in cookies] == [True, False, True]
    assert there.revoke_all(EMAIL) == 2
    clock.now += 6
    assert [bool(here.find(cookie)) for cookie in [*cookies, other]] == [False, False, False, True]


def test_signing_in_again_ends_the_session_before_and_makes_a_new_id(db):
    sessions = Sessions(db)
    before = begin(sessions)
    after = begin(sessions, instead_of=before)
    assert before.partition(".")[0] != after.partition(".")[0]
    assert sessions.find(before) is None
    assert sessions.find(after)
    assert db["sessions"].count_documents({}) == 1


def test_it_lasts_as_long_as_it_is_used_but_not_for_ever(db, monkeypatch):
    cookie = begin(Sessions(db, hours=2))
    began = db["sessions"].find_one()

    def used(minutes: float) -> bool:
        """Whether it is known so long after it began."""

        class Later(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> Any:
                return began["created_at"] + timedelta(minutes=minutes)

        monkeypatch.setattr(module, "datetime", Later)
        return Sessions(db, hours=2).find(cookie) is not None

    assert used(0.5)
    assert db["sessions"].find_one() == began, "not a write for every page"
    assert used(90)
    assert db["sessions"].find_one()["expires_at"] == began["created_at"] + timedelta(minutes=90 + 120)
    assert used(200), "over the first two hours, within those after its last use"
    assert not used(200 + 121), "though the server has not removed it yet"
    db["sessions"].update_one({}, {"$set": {"expires_at": began["created_at"] + module.LONGEST}})
    assert used(module.LONGEST.total_seconds() / 60 - 1)
    assert db["sessions"].find_one()["expires_at"] == began["created_at"] + module.LONGEST
    assert not used(module.LONGEST.total_seconds() / 60 + 1)


def test_the_next_request_sees_a_change_in_whichever_worker_it_comes(db):
    here, there = Sessions(db), Sessions(db)
    cookie = begin(here)
    assert there.find(cookie).basket == ()
    changed = here.put_in_basket(known(here, cookie), "item-1")
    assert there.find(cookie).basket == (), "who comes with the old cookie may get what is held"
    assert there.find(module.later(cookie, changed)).basket == ("item-1",)


def test_changes_from_two_workers_at_once_are_both_there(db):
    here, there = Sessions(db), Sessions(db)
    cookie = begin(here)
    one, two = known(here, cookie), known(there, cookie)
    here.put_in_basket(one, "item-1")
    both = there.put_in_basket(two, "$item.2")
    assert both.basket == ("item-1", "$item.2")
    assert both.revision == 2
    assert here.put_in_basket(both, "item-1").basket == ("$item.2", "item-1"), "once, the latest last"
    assert here.take_from_basket(both, ["$item.2", "$$ROOT"]).basket == ("item-1",)
    assert here.exclude(both, "item-1").basket == ()
    assert here.exclude(both, "$not").not_for_me == ("item-1", "$not")
    assert here.include(both, "item-1").not_for_me == ("$not",)


def test_a_basket_remembers_what_each_item_came_from(db):
    sessions = Sessions(db)
    session = sessions.put_in_basket(known(sessions, begin(sessions)), "$item.1", "$rid-1")
    session = sessions.put_in_basket(session, "item-2", "rid-2")
    assert sessions.put_in_basket(session, "item-3").origins == (("$item.1", "$rid-1"), ("item-2", "rid-2"))
    assert sessions.put_in_basket(session, "item-2").origins == (("$item.1", "$rid-1"),), "from nothing this time"
    session = sessions.put_in_basket(session, "item-2", "rid-4")
    assert sessions.take_from_basket(session, ["$item.1"]).origins == (("item-2", "rid-4"),)
    assert sessions.exclude(session, "item-2").origins == ()
    assert sessions.act_as(sessions.put_in_basket(session, "item-2", "rid-5"), "u2").origins == ()


def test_a_session_of_before_has_a_basket_that_came_from_nothing(db):
    sessions = Sessions(db)
    cookie = begin(sessions)
    db["sessions"].update_one({}, {"$unset": {"origins": ""}, "$set": {"basket": ["item-1"]}})
    session = known(Sessions(db), cookie)
    assert (session.basket, session.origins) == (("item-1",), ())
    assert sessions.put_in_basket(session, "item-2", "rid-2").origins == (("item-2", "rid-2"),)


def test_what_a_session_holds_is_bounded(db):
    sessions = Sessions(db)
    session = known(sessions, begin(sessions))
    full = [f"item-{n}" for n in range(session_changes.BASKET)]
    db["sessions"].update_one({}, {"$set": {"basket": full}})
    came = [{"item_id": item, "recommendation_id": "rid"} for item in full]
    db["sessions"].update_one({}, {"$set": {"origins": came}})
    session = sessions.put_in_basket(session, "more", "rid")
    assert session.basket == (*full[1:], "more")
    assert session.origins == tuple((item, "rid") for item in session.basket)
    db["sessions"].update_one({}, {"$set": {"not_for_me": full * 4}})
    assert len(sessions.exclude(session, "more").not_for_me) == session_changes.NOT_FOR_ME
    for none in ("", "x" * 129, "\ud800"):
        for change in (sessions.put_in_basket, sessions.exclude):
            with pytest.raises(BadInputError):
                change(session, none)


def test_a_presenter_has_a_basket_for_each_as_whom_they_shop(db):
    sessions = Sessions(db)
    session = sessions.put_in_basket(known(sessions, begin(sessions)), "item-1")
    acting = sessions.act_as(session, "$u2")
    assert (acting.acting, acting.basket, acting.user_id) == ("$u2", (), "u1")
    assert sessions.act_as(acting, None).acting is None


def test_a_session_that_has_ended_cannot_be_changed_back_to_life(db):
    sessions = Sessions(db)
    cookie = begin(sessions)
    session = known(sessions, cookie)
    Sessions(db).end(cookie)
    with pytest.raises(SignedOutError):
        sessions.put_in_basket(session, "item-1")
    assert sessions.find(cookie) is None
    assert db["sessions"].count_documents({}) == 0


def test_while_mongodb_is_away_who_is_known_stays_for_ten_minutes_and_who_is_not_must_wait(db, away):
    clock = Clock()
    sessions = Sessions(db, clock=clock)
    cookie, unknown = begin(sessions), begin(Sessions(db))
    sessions._db = away
    clock.now += 60
    assert known(sessions, cookie).account == EMAIL
    with pytest.raises(UnreachableError, match="MongoDB"):
        sessions.find(unknown)
    with pytest.raises(UnreachableError):
        sessions.begin(EMAIL, "shopper", "u1")
    with pytest.raises(UnreachableError):
        sessions.put_in_basket(known(sessions, cookie), "item-1")
    clock.now += 539
    assert known(sessions, cookie)
    clock.now += 2
    with pytest.raises(UnreachableError):
        known(sessions, cookie)
    sessions._db = db
    clock.now += module.PAUSE
    assert known(sessions, cookie)
    assert sessions.find(unknown)


def test_a_mongodb_that_is_away_is_not_asked_by_every_request(db, away, monkeypatch):
    clock = Clock()
    sessions = Sessions(db, clock=clock)
    cookie, asked = begin(sessions), []
    sessions._db = away

    def brief(*given: float, **more: bool) -> Any:
        asked.append(given)
        return of_patience(*given, **more)

    of_patience = patience.brief
    monkeypatch.setattr(patience, "brief", brief)
    clock.now += 6
    for _ in range(100):
        assert sessions.find(cookie)
    assert len(asked) == 1
    clock.now += module.PAUSE + 0.1
    assert sessions.find(cookie)
    assert len(asked) == 2


def test_a_session_that_is_over_does_not_hold_through_an_outage(db, away):
    sessions = Sessions(db, hours=1e-9)
    cookie, session = sessions.begin(EMAIL, "shopper", "u1")
    assert session.expires_at <= datetime.now(UTC)
    sessions._db = away
    with pytest.raises(UnreachableError):
        sessions.find(cookie)


def test_a_worker_holds_so_many_and_no_more(db, monkeypatch):
    monkeypatch.setattr(module, "HELD", 3)
    sessions = Sessions(db)
    cookies = [begin(sessions) for _ in range(5)]
    assert len(sessions._held) == 3
    assert all(sessions.find(cookie) for cookie in cookies)


@pytest.mark.parametrize("hours", [-1, 1])
def test_workers_whose_clocks_differ_by_an_hour_know_the_same_sessions(db, monkeypatch, hours):
    class Wrong(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(hours=hours)

    here, there = Sessions(db), Sessions(db)
    of_here = begin(here)
    monkeypatch.setattr(module, "datetime", Wrong)
    of_there = begin(there)
    assert there.find(of_here)
    there.put_in_basket(known(there, of_there), "a")
    monkeypatch.undo()
    assert known(here, of_there).basket == ("a",)
    here.end(of_there)
    monkeypatch.setattr(module, "datetime", Wrong)
    assert Sessions(db).find(of_there) is None
