"""What figures rest on, in words, and from when on something is concluded from them."""

import pytest

from tidemark.evaluation import evidence
from tidemark.evaluation.evidence import Evidence
from tidemark.registry.names import SPLIT_RULES


@pytest.mark.parametrize(
    ("count", "text", "doubt"),
    [
        (5_000, "5,000 users measured on the newest third", ""),
        (30, "30 users measured on the newest third", ""),
        (
            29,
            "29 users measured on the newest third",
            "29 users were measured: nothing can be concluded (30 are needed)",
        ),
        (1, "1 user measured on the newest third", "1 user was measured: nothing can be concluded (30 are needed)"),
        (
            0,
            "no user measured on the newest third",
            "no user was measured, as none took two items: nothing can be concluded (30 are needed)",
        ),
        (None, "", ""),
    ],
)
def test_evidence_in_words(count, text, doubt):
    rests_on = Evidence(count, "newest_third")
    assert (rests_on.text(), rests_on.doubt()) == (text, doubt)
    assert rests_on.conclusive == (not doubt)


def test_of_a_model_document():
    model = {"data": {"measured_users": 3, "measured_ratings": 31, "split_rule": "last_of_each_user"}}
    assert evidence.of(model).text() == "3 users measured on the last interaction of each user"
    assert not evidence.of(model).conclusive
    assert evidence.of_stars(model).text() == "31 held-out ratings measured on the last interaction of each user"
    assert evidence.of_stars(model).conclusive


@pytest.mark.parametrize("model", [{}, {"data": None}, {"data": {"pairs": 4}}], ids=["nothing", "no data", "no count"])
def test_of_a_model_of_an_earlier_release_nothing_is_doubted(model):
    assert evidence.of(model).conclusive
    assert evidence.of_stars(model).conclusive
    assert evidence.of(model).text() == evidence.of_stars(model).doubt() == ""


def test_a_rule_that_was_not_stored_is_not_made_up():
    assert evidence.of({"data": {"measured_users": 100}}).text() == "100 users measured"
    assert Evidence(100, "of a later release").text() == "100 users measured"


def test_every_rule_has_words():
    for rule, words in SPLIT_RULES.items():
        assert Evidence(50, rule).text() == f"50 users measured on {words}"
