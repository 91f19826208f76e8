"""DeformedShape: an organ under load as a Scene, over its ghost at rest. No Qt in here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from organtwin.core.labelmap import Structure
from organtwin.core.organmesh import OrganMesh
from organtwin.ui.scene import Colour, Layer, Scale, Scene

Shown = Literal["displacement", "stretch", "plain"]
COLOURS: Final[tuple[tuple[Shown, str], ...]] = (
    ("displacement", "Displacement, mm"),
    ("stretch", "Stretch, %"),
    ("plain", "None: structures only"),
)
SEE_THROUGH: Final = 0.42
GHOST: Final[Colour] = (0.62, 0.72, 0.86)
GHOST_OPACITY: Final = 0.13
GHOST_TUMOUR_OPACITY: Final = 0.30
STEPS: Final = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
MOST_PERCENT: Final = 99.0
"""Of the points have a stretch within its scale; a few at sharp edges would flatten it."""
LEAST: Final = {"displacement": 5.0, "stretch": 5.0}


@dataclass(frozen=True, eq=False)
class Part:
    """One structure's surface: which points of the mesh it uses, triangles of these."""

    structure: Structure
    used: NDArray[np.int64]
    triangles: NDArray[np.int64]


class DeformedShape:
    """The surfaces of a mesh, found once, drawn at rest and wherever its points are moved."""

    def __init__(self, mesh: OrganMesh) -> None:
        self.mesh = mesh
        self._parts = [_part(mesh, structure) for structure in mesh.structures]
        self._ghosts = tuple(self._ghost(part) for part in self._parts if _leaves_ghost(part))

    @property
    def tumours(self) -> list[str]:
        """The tumours' names, in the order in which their shifts are told."""
        return [part.structure.name for part in self._parts if part.structure.kind == "tumour"]

    def at_rest(self, title: str) -> Scene:
        """Return the organ as it was scanned, in the structures' own colours."""
        nothing = np.zeros(self.mesh.points.shape)
        return self.scene(nothing, nothing[:, 0], shown="plain", ghost=False, title=title)

    def scene(
        self,
        moved_mm: NDArray[np.floating],
        stretch: NDArray[np.floating],
        *,
        shown: Shown,
        ghost: bool,
        title: str,
    ) -> Scene:
        """Return the organ moved by (n, 3) mm, coloured by what is `shown`."""
        scale, values = _scale(shown, moved_mm, stretch)
        points = self.mesh.points + moved_mm
        layers = [self._moved(part, points, values) for part in reversed(self._parts)]
        ghosts = self._ghosts if ghost else ()
        return Scene((*layers, *ghosts), scale, title)

    def _moved(
        self, part: Part, points: NDArray[np.floating], values: NDArray[np.floating] | None
    ) -> Layer:
        structure, is_organ = part.structure, part.structure.kind == "organ"
        return Layer(
            f"deformed/{structure.name}",
            points[part.used],
            part.triangles,
            structure.colour,
            SEE_THROUGH if is_organ and len(self._parts) > 1 else 1.0,
            values=values[part.used] if is_organ and values is not None else None,
            caption="" if is_organ and values is not None else structure.name,
        )

    def _ghost(self, part: Part) -> Layer:
        is_organ = part.structure.kind == "organ"
        return Layer(
            f"rest/{part.structure.name}",
            self.mesh.points[part.used],
            part.triangles,
            GHOST if is_organ else part.structure.colour,
            GHOST_OPACITY if is_organ else GHOST_TUMOUR_OPACITY,
            caption="as scanned" if is_organ else "",
        )


def _scale(
    shown: Shown, moved_mm: NDArray[np.floating], stretch: NDArray[np.floating]
) -> tuple[Scale | None, NDArray[np.floating] | None]:
    if shown == "displacement":
        length = np.linalg.norm(moved_mm, axis=1)
        top = _round_up(max(float(length.max()), LEAST[shown]))
        return Scale("Displacement", "mm", 0.0, top, to_green=True), length
    if shown == "stretch":
        percent = 100.0 * np.asarray(stretch)
        top = _round_up(max(float(np.percentile(percent, MOST_PERCENT)), LEAST[shown]))
        return Scale("Stretch", "%", 0.0, top, to_green=True), percent
    return None, None


def _round_up(value: float) -> float:
    """Return the next round number, so that a scale does not change with every step."""
    size = 10.0 ** np.floor(np.log10(value))
    return float(next(step for step in STEPS if step * size >= value * (1.0 - 1e-9)) * size)


def _leaves_ghost(part: Part) -> bool:
    return part.structure.kind in ("organ", "tumour")


def _part(mesh: OrganMesh, structure: Structure) -> Part:
    used, corners = np.unique(mesh.surface(structure.name), return_inverse=True)
    return Part(structure, used.astype(np.int64), corners.reshape(-1, 3).astype(np.int64))
