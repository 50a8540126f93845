"""How a shelf was made, in words."""

from tests.support.shop_stand_in import NOW
from tidemark.serving.answers import Answer, Listed
from tidemark.storefront.shelf_rows import MEMBERS, members


def test_who_brought_how_many_the_most_first():
    by = ["item_knn", "als_implicit", "item_knn", "", "decayed", "of tomorrow"]
    items = tuple(Listed(str(n), n, 1.0, "stored", brought_by=name) for n, name in enumerate(by, 1))
    answer = Answer("u", "m", "stored", NOW, True, False, False, items, "1")
    told = [(MEMBERS["item_knn"], 2), (MEMBERS["als_implicit"], 1), (MEMBERS["decayed"], 1), ("of tomorrow", 1)]
    assert members(answer) == told
    assert members(answer._replace(items=())) == []
