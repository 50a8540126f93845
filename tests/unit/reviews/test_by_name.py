"""Categories by name: spelled as people spell them; a wrong one lists them all, the nearest first."""

import pytest

from tidemark.errors import BadInputError
from tidemark.local.first_run import Source
from tidemark.reviews import by_name


@pytest.mark.parametrize("asked", ["All_Beauty", "all_beauty", "All Beauty", " all-beauty "])
def test_a_category_is_found_as_it_is_spelled(asked):
    assert by_name.category(f"amazon-2023:{asked}") == "All_Beauty"


def test_there_are_34():
    assert len(set(by_name.CATEGORIES)) == 34


@pytest.mark.parametrize("asked", ["Beauty", "Musik_Instruments", "", "../../etc/passwd", "All_Beauty.jsonl", "\x00"])
def test_a_wrong_name_lists_all_the_nearest_first(asked):
    with pytest.raises(BadInputError, match="has no category") as raised:
        by_name.category(f"amazon-2023:{asked}")
    listed = str(raised.value).partition("first: ")[2].split(", ")
    assert sorted(listed) == sorted(by_name.CATEGORIES)
    if asked == "Musik_Instruments":
        assert listed[0] == "Musical_Instruments"


def test_addresses_are_the_publishers():
    assert by_name.addresses("https://host/data/", "Books") == {
        "Books.jsonl.gz": "https://host/data/raw/review_categories/Books.jsonl.gz",
        "meta_Books.jsonl.gz": "https://host/data/raw/meta_categories/meta_Books.jsonl.gz",
    }


def test_the_command_hands_a_name_on_as_it_is():
    assert Source.of("amazon-2023:Books", "", "auto", {}).conf["source"] == "amazon-2023:Books"
