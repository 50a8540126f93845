"""Rows, and rows and columns of matrices, are brought into another order; what is unknown is nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from tidemark.models.alignment import Places, matrix_arrays, matrix_from

OLD, NEW = np.array(["a", "c", "d"]), np.array(["b", "c", "d", "e"])
ids = st.sets(st.text("abc", min_size=1, max_size=3), min_size=1, max_size=12).map(
    lambda names: np.array(sorted(names))
)


def test_rows_by_hand():
    places = Places(OLD, NEW)
    assert places.known.tolist() == [False, True, True, False]
    assert places.rows(np.array([[1, 2], [3, 4], [5, 6]])).tolist() == [[0, 0], [3, 4], [5, 6], [0, 0]]


def test_matrices_by_hand_and_a_stored_zero_stays_stored():
    matrix = csr_matrix((np.array([1.0, 0.0, 2.0], np.float32), ([0, 1, 2], [0, 0, 1])), shape=(3, 2))
    rows = Places(OLD, NEW).matrix_rows(matrix)
    assert rows.toarray().tolist() == [[0, 0], [0, 0], [0, 2], [0, 0]]
    assert (rows.nnz, rows.dtype) == (2, np.float32)
    columns = Places(OLD, NEW).matrix_columns(matrix.T.tocsr())
    assert np.array_equal(columns.toarray(), rows.toarray().T)


@given(old=ids, new=ids)
def test_each_known_id_keeps_its_row_and_the_others_are_zeros(old, new):
    places = Places(old, new)
    values = np.arange(1, len(old) + 1)
    of_id = dict(zip(old.tolist(), values.tolist(), strict=True))
    assert places.rows(values).tolist() == [of_id.get(one, 0) for one in new.tolist()]
    assert (
        places.matrix_rows(csr_matrix(values[:, np.newaxis])).toarray()[:, 0].tolist() == places.rows(values).tolist()
    )


@pytest.mark.parametrize("shape", [(3, 2), (0, 4)])
def test_a_matrix_comes_back_from_its_arrays(shape):
    matrix = csr_matrix(np.arange(np.prod(shape), dtype=np.float32).reshape(shape))
    again = matrix_from(matrix_arrays("m", matrix), "m")
    assert again.shape == shape
    assert again.dtype == np.float32
    assert np.array_equal(again.toarray(), matrix.toarray())
