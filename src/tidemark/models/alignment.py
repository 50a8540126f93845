"""Alignment: the rows of one numbering of users or items, brought into the order of another."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Places:
    """Where the ids of a new numbering stand in an old one.

    Args:
        old, new: sorted ids, `(n_old,)` and `(n_new,)`; a row number is a place in them.
        known: boolean `(n_new,)`, which new ids the old numbering has.
        places: int `(n_new,)`, the old number of each; of an unknown one, any.
    """

    old: Array
    new: Array
    known: Array = field(init=False, repr=False)
    places: Array = field(init=False, repr=False)

    def __post_init__(self) -> None:
        places = np.minimum(np.searchsorted(self.old, self.new), len(self.old) - 1)
        object.__setattr__(self, "places", places)
        object.__setattr__(self, "known", self.old[places] == self.new)

    def rows(self, rows: Array) -> Array:
        """`rows` `(n_old, ...)` by the new numbers, `(n_new, ...)`; zeros where an id is unknown."""
        out: Array = rows[self.places]
        out[~self.known] = 0
        return out

    def matrix_rows(self, matrix: csr_matrix) -> csr_matrix:
        """A CSR `(n_old, m)` by the new numbers, `(n_new, m)`; empty rows where an id is unknown."""
        return _placed(matrix, len(self.new), matrix.shape[1], rows=self._new_numbers())

    def matrix_columns(self, matrix: csr_matrix) -> csr_matrix:
        """A CSR `(m, n_old)` by the new numbers, `(m, n_new)`; empty columns where an id is unknown."""
        return _placed(matrix, matrix.shape[0], len(self.new), columns=self._new_numbers())

    def _new_numbers(self) -> Array:
        """The new number of each old row, -1 where it has none: int `(n_old,)`."""
        numbers = np.full(len(self.old), -1)
        numbers[self.places[self.known]] = np.flatnonzero(self.known)
        return numbers


def _placed(
    matrix: csr_matrix, n_rows: int, n_columns: int, rows: Array | None = None, columns: Array | None = None
) -> csr_matrix:
    """The entries of `matrix` at their new numbers, stored zeros too; those without one (-1) go."""
    entries = matrix.tocoo()
    row = entries.row if rows is None else rows[entries.row]
    column = entries.col if columns is None else columns[entries.col]
    kept = (row >= 0) & (column >= 0)
    return csr_matrix((entries.data[kept], (row[kept], column[kept])), shape=(n_rows, n_columns))


def matrix_arrays(name: str, matrix: csr_matrix) -> dict[str, Array]:
    """A CSR matrix as arrays `<name>/data`, `/indices`, `/indptr`, `/shape`."""
    parts = {"data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr, "shape": np.array(matrix.shape)}
    return {f"{name}/{part}": array for part, array in parts.items()}


def matrix_from(arrays: Mapping[str, Array], name: str) -> csr_matrix:
    """The CSR matrix that `matrix_arrays` took apart."""
    data, indices, indptr, shape = (arrays[f"{name}/{part}"] for part in ("data", "indices", "indptr", "shape"))
    return csr_matrix((data, indices, indptr), shape=tuple(shape.tolist()))
