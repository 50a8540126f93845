"""Item features: weights by hand, whatever a product says."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tidemark.models.item_features import MOST_TERMS, Product, Terms, words

RED, BLUE = Product("Red Bowl", brand="Heron"), Product("Blue bowl, bowl", brand="Heron")
texts = st.text(max_size=60) | st.sampled_from(["<b>bowl</b>", "\x00", "\ud800", "İ" * 50, "ﬁne ﬁne", "पेन", " " * 9])
products = st.builds(
    Product,
    title=texts,
    description=texts,
    brand=texts,
    categories=st.lists(texts, max_size=3).map(tuple),
    price=st.none() | st.floats(0, 1e12),
)


def test_a_row_is_by_hand():
    # Of two products, "bowl" and the brand are in both (idf ln(3/3) + 1 = 1); "red" and "blue" are one's alone, and no term.
    terms = Terms.of([RED, BLUE])
    assert terms.idf.tolist() == [1.0, 1.0]
    first, second = terms.matrix([RED, BLUE]).toarray()
    assert sorted(first) == [np.float32(1 / math.sqrt(2))] * 2
    bowl = 1 + math.log(2)  # twice
    assert np.allclose(sorted(second), np.array([1, bowl]) / math.hypot(1, bowl))


def test_prices_are_terms_by_their_bucket():
    terms = Terms.of([Product(price=float(price)) for price in range(100)])
    assert len(terms.edges) == 9
    assert np.allclose(np.diff(terms.edges), 9.9)
    rows = terms.matrix([Product(price=3.0), Product(price=4.0), Product(price=95.0)]).toarray()
    assert rows[0] @ rows[1] == 1
    assert rows[0] @ rows[2] == 0


def test_what_is_missing_is_no_term():
    terms = Terms.of([RED, BLUE])
    assert terms.matrix([Product()]).nnz == 0
    assert Terms.of([]).matrix([RED]).shape == (1, 0)
    assert not Terms.of([RED]).names.size


def test_words_have_no_case_and_no_compatibility_forms():
    assert list(words("ﬁne CAFÉ \uff21\uff22 1st x" + "y" * 41)) == ["fine", "café", "ab", "1st"]


@given(st.lists(products, max_size=12))
def test_whatever_products_say_rows_have_length_one_or_are_empty(some):
    terms = Terms.of(some)
    assert len(terms.names) <= MOST_TERMS
    assert (np.diff(terms.names.astype(object)) > 0).all()
    rows = terms.matrix(some)
    lengths = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    assert np.allclose(lengths[np.diff(rows.indptr) > 0], 1)
    again = Terms.load(terms.arrays()).matrix(some)
    assert (rows.data.tobytes(), rows.indices.tobytes()) == (again.data.tobytes(), again.indices.tobytes())
