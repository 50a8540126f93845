"""The style sheet: every pair of colours that text, or what tells apart, is made of has WCAG 2.2's contrast, in both schemes."""

import re

import pytest

from tidemark.storefront.rendering import STATIC

CSS = (STATIC / "shop.css").read_text(encoding="utf-8")
COLOURS = dict(re.findall(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}, #[0-9a-f]{6})\)", CSS))
SCHEMES = ("light", "dark")

TEXT = [
    *((ink, on) for ink in ("ink", "faint", "link") for on in ("bg", "card", "soft")),
    ("on-act", "act"),
    ("on-act", "act-hover"),
    ("good", "good-soft"),
    ("warn", "warn-soft"),
    ("bad", "card"),
    ("bad", "bg"),
]
"""What is written in which colour on which."""
PARTS = [("edge", "bg"), ("edge", "card"), ("link", "bg"), ("water", "card"), ("water", "soft"), ("star", "card")]
"""What must be seen, and is no text: the edges of fields, the focus, bars, stars."""


def colour(name: str, scheme: str) -> str:
    return COLOURS[name].split(", ")[SCHEMES.index(scheme)]


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """The ratio of two colours, 1 to 21."""
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_wcags() -> None:
    assert contrast("#000000", "#ffffff") == 21
    assert round(contrast("#767676", "#ffffff"), 2) == 4.54


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("ink", "on"), TEXT)
def test_text_can_be_read(ink: str, on: str, scheme: str) -> None:
    assert contrast(colour(ink, scheme), colour(on, scheme)) >= 4.5


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("part", "on"), PARTS)
def test_parts_can_be_seen(part: str, on: str, scheme: str) -> None:
    assert contrast(colour(part, scheme), colour(on, scheme)) >= 3


def test_motion_is_for_those_who_did_not_ask_for_less() -> None:
    without = re.sub(r"@media \(prefers-reduced-motion: no-preference\) \{.*?\n\}", "", CSS, flags=re.DOTALL)
    assert "transition" in CSS
    assert not re.search(r"transition|animation", without)


def test_nothing_is_fetched_from_elsewhere() -> None:
    assert not re.search(r"url\(|@import|@font-face|https?:", CSS)


def test_each_hue_of_the_drawings_has_its_colour() -> None:
    from tidemark.storefront.drawings import HUES

    assert set(map(int, re.findall(r"\.hue-(\d+) \{", CSS))) == set(range(HUES))
