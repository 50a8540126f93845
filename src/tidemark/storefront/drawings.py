"""Pictures of products, drawn: the colour of the category, a tide of the product's own, and its initials.

They are SVG to be put into a page, with classes and numbers alone: the style sheet has the colours, of the light and of the dark
scheme, and the content security policy needs to allow nothing for them. Nothing is asked of another host.
"""

from functools import lru_cache
from zlib import crc32

from markupsafe import Markup, escape

HUES = 12
"""How many colours the style sheet has for categories: `.hue-0` and so on."""

LETTERS = 2


def hue(category: str) -> int:
    """Which of the `HUES` a category has: the same in each process, whatever categories there are besides."""
    return crc32(category.encode("utf-8", "replace")) % HUES


def initials(title: str) -> str:
    """The first letters of the first two words that have any, as capitals; empty where no word has one."""
    first = (next((letter for letter in word if letter.isalnum()), "") for word in title[:200].split())
    return "".join([letter.upper()[:1] for letter in first if letter][:LETTERS])


@lru_cache(maxsize=8_192)
def drawing(item_id: str, category: str, title: str) -> Markup:
    """The picture of a product, hidden from screen readers: its title is beside it.

    Args:
        item_id: what the tide's height and phase are drawn from.
        category: gives the colour.
        title: gives the initials; whatever it holds, it stays text.
    """
    seed = crc32(item_id.encode("utf-8", "replace"))
    phase, height, moon = seed % 40, 74 + seed // 40 % 18, 22 + seed // 720 % 116
    return Markup(
        '<svg class="drawing hue-{hue}" viewBox="0 0 160 120" preserveAspectRatio="xMidYMid slice" aria-hidden="true" '
        'focusable="false"><rect class="sky" width="160" height="120"/>'
        '<circle class="moon" cx="{moon}" cy="26" r="{radius}"/>'
        '<path class="far" d="{far}"/><path class="near" d="{near}"/>'
        '<text x="80" y="70" text-anchor="middle">{initials}</text></svg>'
    ).format(
        hue=hue(category),
        moon=moon,
        radius=9 + seed // 97 % 8,
        far=_wave(-phase, height, 6),
        near=_wave(phase - 40, height + 15, 5),
        initials=escape(initials(title)),
    )


def _wave(start: int, level: int, rise: int) -> str:
    """A path: a wave of length 40 from `start` (0 or less) on, at `level`, filled down to the picture's end."""
    return f"M{start} {level}q10-{rise} 20 0" + "t20 0" * 11 + "V120H" + f"{start}z"
