"""The catalogue answers as a plain list of documents would, whatever lies over what; and one never changes."""

import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import packs as made
from tidemark.errors import PackError
from tidemark.serving import columns, masks, pack
from tidemark.serving.catalogue import Catalogue
from tidemark.serving.details import BLANK, Details
from tidemark.serving.filters import Filter
from tidemark.serving.texts import SortedTexts
from tidemark.serving.words import WordIndexing, words

ITEMS = ("a", "b", "c")
IDS = st.sampled_from([*ITEMS, "d", "e", "f", "g"])
NAMES = st.sampled_from(["Book", "Home", "Ünder", "Book shelf"])
TITLES = st.sampled_from(["", "Red book", "red BÖOKS, two", "Lamp", "\U0001f600 lamp-shade", "Straße 12"])
PRICES = st.one_of(st.none(), st.integers(0, 4).map(float))
PRODUCT = st.fixed_dictionaries(
    {
        "title": TITLES,
        "brand": TITLES,
        "main_category": NAMES,
        "categories": st.lists(NAMES, max_size=3),
        "price": PRICES,
    }
)
CHANGE = st.fixed_dictionaries(
    {"available": st.booleans()},
    optional={"title": TITLES, "category": NAMES, "categories": st.lists(NAMES, max_size=2), "price": PRICES},
)
FILTER = st.builds(
    Filter,
    category=st.one_of(st.none(), NAMES, st.just("nowhere")),
    price_min=PRICES,
    price_max=PRICES,
    exclude=st.frozensets(st.one_of(IDS, st.just("unknown")), max_size=3),
)
DOCUMENTS = (
    st.dictionaries(IDS, PRODUCT),
    st.dictionaries(IDS, CHANGE),
    st.lists(st.dictionaries(IDS, CHANGE), max_size=3),
)


def sorted_documents(by_id):
    return [{"_id": item_id, **by_id[item_id]} for item_id in sorted(by_id)]


def catalogue(products, before, later):
    """A catalogue of a pack, with changes that were known when it was made, and others that came later, one after another."""
    made_of = made.pack(items=ITEMS, products=sorted_documents(products), changes=sorted_documents(before))
    found = Catalogue.of(made_of)
    for changes in later:
        found = found.with_changes(sorted_documents(changes))
    return found


def oracle(products, before, later):
    """item_id -> details, by the plainest code: a later change of an item takes the place of an earlier later one."""
    last = {item_id: change for changes in later for item_id, change in changes.items()}
    known = {}
    for item_id in {*ITEMS, *products, *before, *last}:
        details = Details.of_product(products[item_id]) if item_id in products else BLANK
        for changes in (before, last):
            details = details.changed(changes[item_id]) if item_id in changes else details
        known[item_id] = details
    return known


def allowed(details, item_id, wanted):
    return (
        details.available
        and (wanted.category is None or wanted.category in details.categories)
        and (wanted.price_min is None or (details.price is not None and details.price >= wanted.price_min))
        and (wanted.price_max is None or (details.price is not None and details.price <= wanted.price_max))
        and item_id not in wanted.exclude
    )


@given(*DOCUMENTS)
def test_it_knows_of_every_item_what_was_said_of_it(products, before, later):
    found, known = catalogue(products, before, later), oracle(products, before, later)
    assert {found.item_id(number) for number in range(len(found))} == set(known)
    for item_id, details in known.items():
        number = found.number(item_id)
        assert number is not None
        assert found.item_id(number) == item_id
        assert (number < found.n_items) == (item_id in ITEMS)
        assert found.details(number) == details
        assert details == Details(
            found.title(number), found.brand(number), found.price(number), found.category(number),
            tuple(found.categories(number)), found.image(number), found.available(number),
        )  # fmt: skip
    assert found.number("unknown") is None


@given(*DOCUMENTS, st.lists(FILTER, max_size=4))
def test_a_mask_allows_what_the_filter_does(products, before, later, filters):
    found, known = catalogue(products, before, later), oracle(products, before, later)
    for wanted in [*filters, *filters, Filter()]:
        mask = found.mask(wanted)
        ids = {found.item_id(number) for number in np.flatnonzero(mask).tolist()}
        assert ids == {item_id for item_id, details in known.items() if allowed(details, item_id, wanted)}
        assert mask.shape == (len(found),)
        assert not mask.flags.writeable


@given(*DOCUMENTS)
def test_categories_are_counted_over_what_is_available(products, before, later):
    found, known = catalogue(products, before, later), oracle(products, before, later)
    expected = {}
    for details in known.values():
        for name in details.categories if details.available else ():
            expected[name] = expected.get(name, 0) + 1
    assert found.counts() == expected
    assert list(found.counts().values()) == sorted(expected.values(), reverse=True)


def plain(text):
    return "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c)).casefold()


def said(text):
    return "".join(c if c.isalnum() else " " for c in plain(text)).split()


@given(*DOCUMENTS, st.lists(st.sampled_from(["r", "red", "BOOK", "böok", "lamp shade", "strasse", "ü", "x", "12"]), min_size=1),
       st.one_of(st.none(), NAMES), st.integers(0, 3))  # fmt: skip
def test_a_search_finds_what_begins_with_its_words_titles_first_then_the_most_taken(
    products, before, later, text, category, start
):
    found, known = catalogue(products, before, later), oracle(products, before, later)
    wanted = said(" ".join(text))

    def has(details, fields):
        there = [word for field in fields for word in said(field)]
        return all(any(word.startswith(w) for word in there) for w in wanted)

    def place(item_id):
        number = found.number(item_id)
        title_first = not has(known[item_id], (known[item_id].title,))
        taken = -"abc".index(item_id) if item_id in ITEMS else number  # of the pack, the last item is the most taken
        return title_first, item_id not in ITEMS, taken

    hits = [
        item_id
        for item_id, details in known.items()
        if allowed(details, item_id, Filter(category=category))
        and has(details, (details.title, details.brand, *details.categories))
    ]
    expected = sorted(hits, key=place)
    assert [found.item_id(n) for n in found.search(" ".join(text), category, 2, start)] == expected[start : start + 2]


def test_a_blank_search_is_the_category_and_one_without_words_is_nothing():
    found = Catalogue.of(made.pack(products=[{"_id": "b", "main_category": "Book"}]))
    assert [found.item_id(n) for n in found.search(" ", "Book")] == ["b"]
    assert [found.item_id(n) for n in found.search("")] == ["c", "b", "a"]
    assert found.search("!!! \ud800") == []
    assert found.search("word " * 100_000) == []


PRODUCTS: list[dict[str, Any]] = [
    {"_id": "b", "title": "Lamp", "main_category": "Home", "price": 2.0},
    {"_id": "x", "title": "Extra"},
]


@pytest.mark.parametrize(
    ("bounds", "found"),
    [
        ((2.0, 2.0), ["b"]),
        ((2.1, None), []),
        ((None, 1.9), []),
        ((2.0, None), ["b"]),
        ((None, 2.0), ["b"]),
        ((3, 1), []),
    ],
)
def test_bounds_of_a_price_are_in_it_and_what_has_none_is_in_no_range(bounds, found):
    catalogue = Catalogue.of(made.pack(products=PRODUCTS))
    mask = catalogue.mask(Filter(price_min=bounds[0], price_max=bounds[1]))
    assert [catalogue.item_id(number) for number in np.flatnonzero(mask).tolist()] == found


def test_a_title_that_changed_is_no_longer_found_first():
    of = made.pack(products=[{"_id": "b", "title": "Lamp"}, {"_id": "c", "title": "Lamp", "brand": "Lamp"}])
    old = Catalogue.of(of)
    new = old.with_changes([{"_id": "c", "title": "Torch"}])
    assert [old.item_id(number) for number in old.search("lamp")] == ["c", "b"]
    assert [new.item_id(number) for number in new.search("lamp")] == ["b", "c"]


NOW = datetime(2026, 1, 2, tzinfo=UTC)


def test_a_change_makes_another_catalogue_and_leaves_the_old_one():
    old = Catalogue.of(made.pack(products=PRODUCTS))
    before = (old.mask(Filter()).tolist(), old.counts(), old.search("lamp"), len(old), old.version)
    new = old.with_changes([{"_id": "b", "available": False, "updated_at": NOW}, {"_id": "y", "title": "Lamp two"}])
    assert (old.mask(Filter()).tolist(), old.counts(), old.search("lamp"), len(old), old.version) == before
    assert old.number("y") is None
    assert (new.counts(), new.search("lamp"), len(new)) == ({}, [4], 5)
    assert new.with_changes([]) is new


def test_numbers_stay_when_more_comes():
    catalogue = Catalogue.of(made.pack(products=PRODUCTS))
    ids = [catalogue.item_id(number) for number in range(len(catalogue))]
    for item_id in ("z", "0", "a"):
        catalogue = catalogue.with_changes([{"_id": item_id, "available": True}])
        assert [catalogue.item_id(number) for number in range(len(ids))] == ids
    assert [catalogue.item_id(number) for number in range(len(ids), len(catalogue))] == ["z", "0"]


def test_the_version_is_that_of_the_changes_in_whatever_order_they_came():
    base = Catalogue.of(made.pack())
    one, two = {"_id": "a", "updated_at": NOW}, {"_id": "b", "updated_at": NOW}
    both = base.with_changes([one, two])
    assert base.version == 0
    assert both.version == base.with_changes([two]).with_changes([one]).with_changes([one]).version
    later = base.with_changes([one, two | {"updated_at": NOW + timedelta(milliseconds=1)}])
    assert len({base.version, both.version, later.version, base.with_changes([one]).version}) == 4
    assert 0 <= both.version < 1 << 63


def test_what_people_made_of_items_is_told():
    catalogue = Catalogue.of(made.pack(products=PRODUCTS))
    number = made.at(catalogue, "b")
    assert (catalogue.stars(number), catalogue.raters(number)) == (4.5, 1)
    assert catalogue.first_seen(number) == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
    assert catalogue.stars(made.at(catalogue, "a")) is None
    extra = made.at(catalogue, "x")
    assert (catalogue.stars(extra), catalogue.raters(extra), catalogue.first_seen(extra)) == (None, 0, None)
    assert catalogue.by_popularity().tolist() == [2, 1, 0, 3]


def test_without_a_pack_every_product_is_one_that_nobody_took():
    catalogue = Catalogue.of_documents(PRODUCTS, [{"_id": "b", "price": 5}])
    assert (catalogue.n_items, len(catalogue), catalogue.price(0), catalogue.title(1)) == (0, 2, 5.0, "Extra")
    assert (catalogue.first_seen(0), catalogue.stars(0), catalogue.search("lamp")) == (None, None, [0])
    assert len(Catalogue.of_documents([])) == 0
    assert Catalogue.of_documents([]).search("a") == []


def test_few_masks_are_remembered():
    catalogue = Catalogue.of(made.pack(products=PRODUCTS))
    first = catalogue.mask(Filter(price_min=0))
    assert catalogue.mask(Filter(price_min=0)) is first
    for number in range(masks.MOST):
        catalogue.mask(Filter(price_min=number + 1.0))
    assert catalogue.mask(Filter(price_min=0)) is not first


def test_the_extras_that_are_too_many_are_left_out_and_that_is_said(caplog):
    known = [(item_id, BLANK) for item_id in ("a", "m", "n", "o")]
    found = columns.of_products(SortedTexts.of(["n"]), known, most=2)
    assert list(found.extra) == ["a", "m"]
    assert "1 products that nobody has taken are left out" in caplog.text


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("prices", np.zeros(2)),
        ("prices", np.zeros(4, np.float32)),
        ("available", None),
        ("titles", None),
        ("category_ends", np.array([0, 0, 0, 9], np.int64)),
        ("main_category", np.array([0, 0, 0, 7], np.int32)),
        ("categories", np.array([-1], np.int32)),
        ("word_places", np.array([1, 99], np.int32)),
        ("word_ends", np.array([2], np.int64)),
    ],
)
def test_columns_that_are_not_what_they_must_be_are_refused(name, array):
    arrays = dict(made.pack(products=PRODUCTS).columns)
    del arrays[name]
    if array is not None:
        arrays[name] = array
    with pytest.raises(PackError):
        columns.Columns.of_arrays(arrays, 3)


def test_columns_come_back_from_a_pack(tmp_path):
    pack.write(str(tmp_path), made.pack(products=PRODUCTS))
    read = Catalogue.of(pack.read(tmp_path))
    assert (read.title(3), read.search("ext"), read.counts()) == ("Extra", [3], {"Home": 1})


def test_words_are_folded_and_each_is_there_once():
    assert words("Ünder the-BED, the ﬁrst_İstanbul Straße!") == ["under", "the", "bed", "first", "istanbul", "strasse"]
    assert words("\ud800 \0") == []


def test_an_index_finds_the_words_that_begin_so():
    indexing = WordIndexing()
    indexing.add(0, ["book"], ["boo", "book"])
    indexing.add(1, [], ["books", "c"])
    index = indexing.done()
    assert sorted(index.beginning("book").tolist()) == [1, 2]
    assert sorted(index.beginning("boo").tolist()) == [0, 1, 2]
    assert index.beginning("bookshelf").tolist() == index.beginning("a").tolist() == []
    assert len(WordIndexing().done().beginning("a")) == 0
