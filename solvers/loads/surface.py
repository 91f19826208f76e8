"""Sliding contact with any rigid surface given by its signed distance: ribs, diaphragm, spine.

The distance and its slopes are read anew at every node of the faces before each residual, which
is a closest-point search without a search: the closest point lies at x - g ∇g.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import ufl
from numpy.typing import NDArray

from solvers.contact import Contact, touched, vector
from solvers.contract import Input
from solvers.meshfiles import distance_map
from solvers.settings import Setting
from solvers.spline import Spline

TRAVEL: Final = vector("surface_travel_mm", "how far it moves under the full load, LPS")
FACES: Final = touched("surface_faces", "the rigid surface")
DISTANCE: Final = Input(
    "surface_distance_mm",
    "(ni, nj, nk)",
    "float32",
    "mm",
    "signed distance to the rigid surface, positive where tissue may be",
    required=False,
)
AFFINE: Final = Input(
    "surface_distance_affine", "(4, 4)", "float64", "mm", "index → LPS mm", required=False
)
_NEAR: Final = "surface_near"
"""At each node: distance, its slope (3), its second derivatives (6), displacement there (3)."""


@dataclass(frozen=True)
class Surface(Contact):
    """g = g₀ + n·d + ½ d·H d, d the displacement since the distance was last read."""

    name: str = "surface"
    title: str = "Contact with a rigid surface"
    settings: tuple[Setting, ...] = (TRAVEL,)
    faces: Input | None = FACES
    inputs: tuple[Input, ...] = (DISTANCE, AFFINE)
    scaled: tuple[str, ...] = ("surface_travel_mm",)

    def gap(self, words: Any, values: Mapping[str, Any]) -> Any:
        """Return the distance in mm."""
        near = values[_NEAR]
        d = words.u - ufl.as_vector([near[10], near[11], near[12]])
        slope = ufl.as_vector([near[1], near[2], near[3]])
        xx, yy, zz, yz, xz, xy = (near[i] for i in range(4, 10))
        curved = ufl.as_matrix([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
        return near[0] + ufl.inner(slope, d) + 0.5 * ufl.inner(d, curved * d)

    def measure(self, words: Any) -> Any:
        """Return the measure with the displacement's nodes as its points: what is read is exact."""
        return words.faces_at_nodes()

    def coefficients(self, words: Any) -> dict[str, Any]:
        """Return the penalty, and what the distance is near each node."""
        return {**super().coefficients(words), _NEAR: words.with_displacement((13,))}

    def renewal(
        self, term: Any, unknown: Any, arrays: Mapping[str, NDArray[np.float64]]
    ) -> Callable[[], None]:
        """Return what reads the distance at the nodes of the faces."""
        read = Spline(distance_map(arrays, "surface_distance"))
        near = term.values[_NEAR]
        theirs, own = _touching_dofs(near, term.entities), _touching_dofs(unknown, term.entities)
        travel = term.values[TRAVEL.parameter.name]

        def renew() -> None:
            places = unknown.function_space.tabulate_dof_coordinates()[own]
            moved = unknown.x.array.reshape(-1, 3)[own]
            distance, slope, curved = read.at(places + moved - travel.value)
            fields = np.column_stack([distance, slope, curved, moved])
            near.x.array.reshape(-1, fields.shape[1])[theirs] = fields

        return renew


def _touching_dofs(function: Any, faces: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the blocked dofs on (cell, local facet) pairs, in the order of cell and facet."""
    dofmap = function.function_space.dofmap
    on = np.array([dofmap.dof_layout.entity_closure_dofs(2, facet) for facet in range(4)])
    found: NDArray[np.int32] = dofmap.list[faces[:, :1], on[faces[:, 1]]].ravel()
    return found


LOAD = Surface()
