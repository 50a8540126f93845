"""Texts in arrays give back what they were made of, and ids are looked up in the order of NumPy, MongoDB and UTF-8."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemark.serving.texts import FENCE, SortedTexts, Texts

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(st.lists(TEXTS))
def test_texts_come_back(texts):
    made = Texts.of(texts)
    assert list(made) == [made[number] for number in range(len(made))] == texts
    assert len(made) == len(texts)


def test_what_is_odd_comes_back_too():
    odd = ["", "\0", "a\0", "\U0001f600", "é" * 100_000, "", "\ud7ff\ue000"]
    assert list(Texts.of(odd)) == odd
    assert list(Texts.of([])) == []


@given(st.sets(TEXTS), TEXTS)
def test_an_id_is_found_where_it_stands_and_nowhere_else(ids, other):
    ordered = sorted(ids)
    made = SortedTexts.of(ordered)
    assert [made.number(one) for one in ordered] == list(range(len(ordered)))
    assert made.number(other) == (ordered.index(other) if other in ids else None)


@given(st.sets(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)))
def test_the_order_is_that_of_numpy_and_of_utf8(ids):
    assert np.sort(np.array(list(ids), str)).tolist() == sorted(ids) == sorted(ids, key=str.encode)


@pytest.mark.parametrize("wanted", ["\ud800", "a\udfff", "b", "", "aa"])
def test_what_is_not_there_is_not_found(wanted):
    assert SortedTexts.of(["a", "c"]).number(wanted) is None
    assert SortedTexts.of([]).number(wanted) is None


def test_a_look_up_over_many_fences() -> None:
    """One before the first, one after the last, and each between two that are there."""
    there = [f"u{number:04}" for number in range(10 * FENCE + 7)]
    made = SortedTexts.of(there)
    assert [made.number(one) for one in there] == list(range(len(there)))
    assert {made.number(one) for one in ["", "t", *(f"{one}x" for one in there)]} == {None}
