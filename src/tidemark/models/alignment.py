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

    def matrix(self, matrix: csr_matrix, columns: "Places") -> csr_matrix:
        """A CSR `(n_old, n_old of columns)` by the new numbers of rows (these) and `columns`; nothing where one is unknown."""
        entries = matrix.tocoo()
        row, column = self._new_numbers()[entries.row], columns._new_numbers()[entries.col]
        kept = (row >= 0) & (column >= 0)
        shape = len(self.new), len(columns.new)
        return csr_matrix((entries.data[kept], (row[kept], column[kept])), shape=shape)

    def _new_numbers(self) -> Array:
        """The new number of each old row, -1 where it has none: int `(n_old,)`."""
        numbers = np.full(len(self.old), -1)
        numbers[self.places[self.known]] = np.flatnonzero(self.known)
        return numbers


def matrix_arrays(name: str, matrix: csr_matrix) -> dict[str, Array]:
    """A CSR matrix as arrays `<name>/data`, `/indices`, `/indptr`, `/shape`."""
    parts = {"data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr, "shape": np.array(matrix.shape)}
    return {f"{name}/{part}": array for part, array in parts.items()}


def matrix_from(arrays: Mapping[str, Array], name: str) -> csr_matrix:
    """The CSR matrix that `matrix_arrays` took apart."""
    data, indices, indptr, shape = (arrays[f"{name}/{part}"] for part in ("data", "indices", "indptr", "shape"))
    return csr_matrix((data, indices, indptr), shape=tuple(shape.tolist()))
