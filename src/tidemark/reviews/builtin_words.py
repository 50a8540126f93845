"""The words of the built-in data: what a review and a product of it look like, quirks of real files included.

Each record is a function of its rows and of one random number (`draw`, 63 bits), so that generating is fast and the same
everywhere. Quirks: texts with HTML tags and entities, web addresses, video widgets or none at all; votes with commas;
prices that are empty, ranges or junk; now and then a rating of 0, as the real corpus has nine.
"""

import time
from typing import Any

CATEGORIES = [
    ("Camping", ["lantern", "tent", "stove", "hammock"]),
    ("Kitchen", ["skillet", "kettle", "grater", "knife"]),
    ("Guitars", ["capo", "strap", "tuner", "string set"]),
    ("Keyboards", ["stand", "pedal", "bench", "dust cover"]),
    ("Recording", ["microphone", "pop filter", "cable", "shock mount"]),
    ("Skin Care", ["lotion", "cleanser", "serum", "balm"]),
    ("Hair Care", ["shampoo", "comb", "dryer", "conditioner"]),
    ("Fragrance", ["cologne", "candle", "diffuser", "soap"]),
    ("Gardening", ["trowel", "planter", "hose", "seed kit"]),
    ("Cycling", ["saddle", "bell", "pump", "light"]),
    ("Running", ["shoe", "belt", "bottle", "watch strap"]),
    ("Board Games", ["card game", "puzzle", "dice set", "strategy game"]),
    ("Stationery", ["notebook", "fountain pen", "ink", "planner"]),
    ("Coffee", ["grinder", "dripper", "scale", "bean sampler"]),
    ("Tea", ["teapot", "strainer", "green tea", "chai"]),
    ("Pets", ["leash", "chew toy", "bed", "food bowl"]),
]
BRANDS = ["Aster", "Bramble", "Corvid", "Dunlin", "Eider", "Fennel", "Gannet", "Heron", "Islay", "Juniper", "Kestrel"]
MANNERS = ["Classic", "Trail", "Studio", "Everyday", "Compact", "Deluxe", "Northern", "Quiet", "Bright", "Heritage"]

SUMMARIES = {
    1: ["One Star", "Broke at once", "Do not buy", "Terrible"],
    2: ["Two Stars", "Disappointed", "Not for me", "Weak"],
    3: ["Three Stars", "It is okay", "So so", "Average"],
    4: ["Four Stars", "Good value", "Works well", "Happy with it"],
    5: ["Five Stars", "Love it", "Perfect", "Highly recommended"],
}
SENTENCES = {
    1: ["It broke in the first week.", "A waste of money!", "I sent it back.", "The worst {0} I have owned."],
    2: ["The {0} feels cheap.", "I expected more for the price.", "It stopped working after a month.", "Not great."],
    3: ["The {0} does its job, no more.", "It's fine for the price.", "Some good, some bad.", "I might buy another."],
    4: ["A good {0}, with small flaws.", "I'd buy it again.", "Works as described.", "My sister liked it too."],
    5: [
        "I love this {0}!",
        "Exactly what I needed.",
        "Best {0} I've ever had.",
        "It arrived quickly and works perfectly.",
    ],
}
QUIRKS = [
    "<br /><br />Update: still the same.",
    "It measures 5&#34; &amp; fits <b>anywhere</b>.",
    "See http://example.com/unboxing?v=12 for pictures.",
    "[[VIDEOID:mo3K7UZJ2XW]] As the video shows.",
    "Line one.\nLine two.",
    "10/10 \u2014 caf\u00e9-grade \U0001f600",
]

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _code(number: int, length: int) -> str:
    out = ""
    for _ in range(length):
        number, digit = divmod(number, 36)
        out = _DIGITS[digit] + out
    return out


def user_id(user: int) -> str:
    """A reviewerID that looks like Amazon's; no two users share one."""
    return "A" + _code((user * 2_654_435_761_987 + 104_729) % 36**12, 12)


def item_id(item: int) -> str:
    """An ASIN that looks like Amazon's; no two items share one."""
    return "B0" + _code((item * 1_000_000_007 + 15_485_863) % 36**8, 8)


class _Draw:
    """Small choices taken one after another from one large random number."""

    def __init__(self, number: int) -> None:
        self.number = number

    def below(self, n: int) -> int:
        # A mixing step, so that 63 bits last for any number of choices.
        self.number = (self.number * 6_364_136_223_846_793_005 + 1_442_695_040_888_963_407) % 2**64
        return (self.number >> 33) % n

    def of(self, choices: list[str]) -> str:
        return choices[self.below(len(choices))]

    def chance(self, percent: float) -> bool:
        return self.below(10_000) < percent * 100


def noun(item: int, category: int) -> str:
    """What kind of thing the product is."""
    return CATEGORIES[category][1][item % 4]


def review(user: int, item: int, category: int, stars: int, seconds: int, draw: int) -> dict[str, Any]:
    """One review in the schema of the 2018 release."""
    d = _Draw(draw)
    record: dict[str, Any] = {
        "overall": 0.0 if d.chance(0.01) else float(stars),
        "verified": not d.chance(12),
        "reviewTime": time.strftime("%m %d, %Y", time.gmtime(seconds)),
        "reviewerID": user_id(user),
        "asin": item_id(item),
    }
    if d.chance(30):
        record["style"] = {"Color:": " " + d.of(["Black", "Blue", "Green", "Walnut"])}
    if not d.chance(0.5):
        record["reviewerName"] = f"{d.of(BRANDS)} {user % 977}"
    if not d.chance(1.5):
        thing = noun(item, category)
        told = [d.of(SENTENCES[stars]).format(thing) for _ in range(1 + d.below(6))]
        if d.chance(6):
            told.append(d.of(QUIRKS))
        record["reviewText"] = " ".join(told)
    if not d.chance(0.5):
        record["summary"] = d.of(SUMMARIES[stars])
    record["unixReviewTime"] = seconds
    if d.chance(8):
        record["vote"] = f"{2 + d.below(3_000 if d.chance(4) else 30):,}"
    if d.chance(2):
        record["image"] = [f"https://images.example.com/{record['asin']}.{d.below(9)}.jpg"]
    return record


def product(item: int, category: int, draw: int) -> dict[str, Any]:
    """One product in the schema of the 2018 release."""
    d = _Draw(draw)
    name, thing, brand = CATEGORIES[category][0], noun(item, category), d.of(BRANDS)
    cents = 299 + d.below(20_000)
    price = f"${(cents + (d.below(900_000) if d.chance(3) else 0)) / 100:,.2f}"
    if d.chance(20):
        price = ""
    elif d.chance(3):
        price = d.of(["$4.99 - $12.49", "   ", ".a-box-inner{background-color:#fff}", "<span>see cart</span>"])
    asin = item_id(item)
    return {
        "category": ["Goods", name, thing.title()],
        "tech1": "",
        "description": [
            f"A {thing} by {brand} for {name.lower()}.",
            "Made to last &amp; easy to clean.<br>One year warranty.",
        ],
        "fit": "",
        "title": f"{brand} {d.of(MANNERS)} {thing.title()} {1 + item % 97}" + (" &amp; Case" if d.chance(5) else ""),
        "also_buy": [],
        "tech2": "",
        "brand": "" if d.chance(3) else brand,
        "feature": [f"{d.of(MANNERS)} design", "Gift ready"],
        "rank": f"{1 + d.below(99_999):,} in {name} (" if d.chance(60) else [f">#{1 + d.below(99_999):,} in {name}"],
        "also_view": [],
        "details": {"\n    Item Weight: \n    ": f"{1 + d.below(40)} ounces", "ASIN:": f" {asin}"},
        "main_cat": name,
        "similar_item": "",
        "date": "",
        "price": price,
        "asin": asin,
        "imageURL": [],
        "imageURLHighRes": [],
    }
