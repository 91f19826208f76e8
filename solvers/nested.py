"""A mesh and a finer one made of it by cutting its cells: fields from one to the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solvers.refinement import Mesh
from solvers.tetrahedra import node_volumes_mm3, volumes_mm3

Reals = NDArray[np.float64]


class Nested:
    """The tissue's mesh, and the tumour's: the same, or finer."""

    def __init__(self, tissue: Mesh, tumour: Mesh, parents: NDArray[np.int32]) -> None:
        """Weigh the cells; `parents` (m2,) says of which of the tissue's each of the tumour's is.

        Args:
            tissue, tumour: the one object twice where nothing was refined.
        """
        self._tissue, self._tumour, self._parents = tissue, tumour, parents
        self._same = len(tissue.cells) == len(tumour.cells)
        self._weights = volumes_mm3(tumour.points_mm, tumour.cells)
        self._nodes = node_volumes_mm3(tissue.points_mm, tissue.cells)

    def to_tissue(self, density: Reals) -> Reals:
        """Return (n,) of a density (n2,) at the tumour's nodes, with the same integral.

        The mean of a cell goes to its corners in equal parts: a front is smeared over one cell.
        """
        if self._same:
            return density
        cells = self._tissue.cells
        amount = self._weights * density[self._tumour.cells].mean(axis=1)
        quarter = 0.25 * np.bincount(self._parents, amount, minlength=len(cells))
        corners = np.bincount(cells.ravel(), np.repeat(quarter, 4), minlength=len(self._nodes))
        return np.asarray(corners / self._nodes)

    def to_tumour(self, cells: Reals) -> Reals:
        """Return (m2,) of what is said of the tissue's cells (m,)."""
        return cells if self._same else cells[self._parents]
