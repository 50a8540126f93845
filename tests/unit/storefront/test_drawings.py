"""Pictures are drawn of three texts, whatever is in them."""

from xml.etree import ElementTree

import pytest

from tidemark.storefront.drawings import HUES, drawing, hue, initials


@pytest.mark.parametrize(
    ("title", "letters"),
    [
        ("Assam of the House", "AO"),
        ("(new) 7-grain", "N7"),
        ("straße", "S"),
        ("--- !!", ""),
        ("", ""),
        ("\N{OLD ITALIC LETTER A}x y", "\N{OLD ITALIC LETTER A}Y"),
        ("שלום עולם", "שע"),
    ],
)
def test_initials_are_of_the_first_two_words_that_have_a_letter(title: str, letters: str) -> None:
    assert initials(title) == letters


def test_a_category_has_one_hue_and_names_differ() -> None:
    names = [f"category {number}" for number in range(100)]
    assert {hue(name) for name in names} == set(range(HUES))
    assert hue("Tea") == hue("Tea")


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "&amp;", "\ud800", "x" * 500]
)
def test_it_is_well_formed_and_without_style_or_script(text: str) -> None:
    root = ElementTree.fromstring(str(drawing(text, text, text)))  # noqa: S314 -- our own
    assert {element.tag for element in root.iter()} == {"svg", "rect", "circle", "path", "text"}
    for element in root.iter():
        assert not {name for name in element.attrib if name in ("style", "fill", "href") or name.startswith("on")}
    assert root.attrib["aria-hidden"] == "true"


def test_the_tide_is_the_products_own_and_covers_the_picture() -> None:
    drawings = {str(drawing(f"item{number}", "Tea", "Tea")) for number in range(50)}
    assert len(drawings) == 50
    for number in range(720 * 3):
        far = str(drawing(f"item{number}", "Tea", "Tea")).partition('class="far" d="M')[2]
        start = int(far.partition(" ")[0])
        assert -40 <= start <= 0
