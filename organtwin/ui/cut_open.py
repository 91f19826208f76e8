"""CutOpen: a mesh as layers, only what lies behind a plane, and single elements."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.cut import Cut
from organtwin.core.organmesh import FACES, OrganMesh
from organtwin.ui.scene import Colour, Layer

SOUGHT: Final[Colour] = (1.0, 0.25, 0.65)
"""Unlike any structure's colour."""
SHADE: Final = 0.22
APART: Final = 0.2
APART_MM: Final = 15.0


class CutOpen:
    """A mesh made ready to be cut open anywhere at once.

    Args:
        mesh: its tetrahedra are never split, each is shown whole or not at all.
    """

    def __init__(self, mesh: OrganMesh) -> None:
        self.mesh = mesh
        self._middles = mesh.points[mesh.tetrahedra].mean(axis=1)
        self._faces = mesh.tetrahedra[:, FACES].reshape(-1, 3)
        self._beyond = beyond(self._faces, len(mesh.points))

    def layers(self) -> tuple[Layer, ...]:
        """Return each region's tetrahedra behind the frontal plane through the organ's middle."""
        return self._behind(self._middles[:, 1] >= np.median(self.mesh.points[:, 1]))

    def around(self, cell: int, caption: str, eye: NDArray[np.float64]) -> tuple[Layer, ...]:
        """Return one tetrahedron, for the eye to go to, and of the others those behind it.

        Args:
            eye: (3,) LPS, from the tetrahedron towards the eye.
        """
        away = -eye / np.linalg.norm(eye)
        deep = float((self.mesh.points[self.mesh.tetrahedra[cell]] @ away).max())
        return (self._element(cell, caption), *self._behind(self._middles @ away >= deep))

    def divided(self, specimen: NDArray[np.bool_]) -> tuple[Layer, ...]:
        """Return what a cut would leave, and as a shade what it would take away.

        Args:
            specimen: (m,) the tetrahedra that would be cut off.
        """
        gone = (
            replace(x, name=f"gone/{x.name}", opacity=SHADE, edges=False, caption="")
            for x in self._behind(specimen)
        )
        return (*self._behind(~specimen), *gone)

    def all(self) -> tuple[Layer, ...]:
        """Return each region's tetrahedra, none left out."""
        return self._behind(np.ones(len(self.mesh.tetrahedra), dtype=bool))

    def _behind(self, behind: NDArray[np.bool_]) -> tuple[Layer, ...]:
        mesh = self.mesh
        layers = []
        for structure in mesh.structures:
            shown = np.append(behind & (mesh.regions == structure.label), False)
            outer = np.repeat(shown[:-1], 4) & ~shown[self._beyond]
            if not outer.any():
                continue
            layers.append(
                Layer(
                    f"mesh/{structure.name}",
                    mesh.points,
                    self._faces[outer],
                    structure.colour,
                    edges=True,
                    caption=structure.name,
                )
            )
        return tuple(layers)

    def _element(self, cell: int, caption: str) -> Layer:
        corners = self.mesh.tetrahedra[cell]
        return Layer(
            f"mesh/element {cell}",
            self.mesh.points[corners],
            np.asarray(FACES),
            SOUGHT,
            edges=True,
            caption=caption,
            sought=True,
        )


def apart(cut: Cut) -> tuple[Layer, ...]:
    """Return both parts of a mesh, the specimen drawn away from the remnant."""
    a, b, c = (cut.remnant.points[cut.remnant_faces[:, corner]] for corner in range(3))
    away = np.cross(b - a, c - a).sum(axis=0)
    length = float(np.linalg.norm(away))
    middles = [part.points.mean(axis=0) for part in (cut.remnant, cut.specimen)]
    if length < 0.05 * float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum()):
        away, length = middles[1] - middles[0], float(np.linalg.norm(middles[1] - middles[0]))
    size = float(np.linalg.norm(np.ptp(cut.specimen.points, axis=0)))
    shift = away / max(length, 1e-9) * max(APART * size, APART_MM)
    moved = (
        replace(x, name=f"specimen/{x.name}", points=x.points + shift, caption="")
        for x in CutOpen(cut.specimen).all()
    )
    return (*CutOpen(cut.remnant).all(), *moved)


def beyond(faces: NDArray[np.int32], points: int) -> NDArray[np.int64]:
    """Return (4 m,) the tetrahedron across each of all faces (4 m, 3), -1 where there is none."""
    a, b, c = np.sort(faces, axis=1).astype(np.int64).T
    keys = (a * points + b) * points + c
    order = np.argsort(keys, kind="stable")
    shared = np.flatnonzero(keys[order[:-1]] == keys[order[1:]])
    first, second = order[shared], order[shared + 1]
    found = np.full(len(faces), -1, dtype=np.int64)
    found[first], found[second] = second // 4, first // 4
    return found
