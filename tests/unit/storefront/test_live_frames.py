"""The text of frames, what is kept of them, and what others may see of an id."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemark.storefront.live_frames import REMEMBERED_SECONDS, Ring, encode, shortened

EPOCH = "0a1b2c3d"


def ring(frames: int, every: float = 0.5, most: int = 1_000) -> Ring:
    made = Ring(EPOCH, most)
    for number in range(frames):
        made.add("news", {"n": number}, None, number * every)
    return made


def numbers(made: Ring, last_id: str, at: float) -> list[int] | None:
    frames = made.after(last_id, at)
    return None if frames is None else [frame.number for frame in frames]


def test_who_comes_back_gets_what_was_missed() -> None:
    made = ring(10)
    assert numbers(made, f"{EPOCH}-7", 5) == [8, 9, 10]
    assert numbers(made, f"{EPOCH}-10", 5) == []
    assert numbers(made, f"{EPOCH}-0", 5) == list(range(1, 11))
    assert made.last_id == f"{EPOCH}-10"
    assert Ring(EPOCH).last_id == f"{EPOCH}-0"
    assert numbers(Ring(EPOCH), f"{EPOCH}-0", 0) == []


@pytest.mark.parametrize(
    "last_id", ["", "7", f"{EPOCH}-11", "ffffffff-7", f"{EPOCH}-", f"{EPOCH}--1", f"{EPOCH}-7\n", "é-٣", "9" * 5_000]
)
def test_an_id_of_nowhere_begins_anew(last_id: str) -> None:
    assert numbers(ring(10), last_id, 5) is None


def test_five_minutes_are_kept() -> None:
    made = ring(2_000, most=10_000)  # 1,000 s
    last = 999.5
    assert numbers(made, f"{EPOCH}-{2_000 - 600}", last) == list(range(1_401, 2_001))
    assert numbers(made, f"{EPOCH}-{2_000 - 700}", last) is None  # 350 s ago
    assert (
        numbers(made, f"{EPOCH}-1990", last + REMEMBERED_SECONDS) is None
    )  # kept, for nothing came since, but too old


def test_no_more_than_so_many_are_kept() -> None:
    made = ring(50, every=0, most=20)
    assert numbers(made, f"{EPOCH}-30", 0) == list(range(31, 51))
    assert numbers(made, f"{EPOCH}-29", 0) is None


@given(st.dictionaries(st.text(), st.text() | st.integers(-(2**53), 2**53) | st.none(), max_size=3))
def test_a_frame_is_one_event_whatever_is_in_it(data: dict[str, object]) -> None:
    head, name, text, *rest = encode("news", data, "id").split(b"\n")
    assert (head, name, rest) == (b"id: id", b"event: news", [b"", b""])
    assert b"\r" not in text
    assert json.loads(text.removeprefix(b"data: ")) == data


def test_admins_and_others() -> None:
    frame = Ring(EPOCH).add("news", {"who": "whole"}, {"who": "w…e"}, 0)
    assert b"whole" in frame.text(admin=True)
    assert b"whole" not in frame.text(admin=False)


@pytest.mark.parametrize(("text", "short"), [("A3R5OBKS7OM2IR", "A3…R"), ("user1", "us…1"), ("u123", "…"), ("", "…")])
def test_shortened(text: str, short: str) -> None:
    assert shortened(text) == short
