"""What may act on an organ beside gravity: springs, rigid things it touches, blood pressure.

Each says which arrays and settings of a job it becomes, under a name of its own (``@NAME``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import BadArgument
from organtwin.core.organmesh import OrganMesh

Faces = NDArray[np.int32]
Vector = tuple[float, float, float]
Settings = dict[str, float | Vector]
NOWHERE: Vector = (0.0, 0.0, 0.0)


class Acting(Protocol):
    """A load or support that becomes arrays and settings of a job."""

    @property
    def name(self) -> str:
        """What tells it from the others: letters, digits, hyphens."""

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """Return its input arrays, by the solver's names without ``@NAME``."""

    def settings(self) -> Settings:
        """Return its settings, by the solver's names without ``@NAME``."""


@dataclass(frozen=True, eq=False)
class Springs:
    """An elastic support: ligaments, or soft tissue all around.

    Args:
        faces: (f, 3) int32 triangles of the mesh's surface.
        normal_kpa_per_mm: pressure per mm that a face moves along its normal at rest.
        tangential_kpa_per_mm: the same across it.
        rest_mm: how far what the springs hang on moves as the load grows, LPS.
    """

    name: str
    faces: Faces
    normal_kpa_per_mm: float
    tangential_kpa_per_mm: float
    rest_mm: Vector = NOWHERE

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """Return the faces."""
        return {"spring_faces": self.faces}

    def settings(self) -> Settings:
        """Return both stiffnesses, and how far the springs' place moves."""
        return {
            "spring_normal_kpa_per_mm": self.normal_kpa_per_mm,
            "spring_tangential_kpa_per_mm": self.tangential_kpa_per_mm,
            "spring_rest_mm": self.rest_mm,
        }


@dataclass(frozen=True, eq=False)
class Plane:
    """A rigid plane that the organ slides on without friction.

    Args:
        faces: (f, 3) int32 triangles that may touch it.
        point_mm: a point on it, LPS.
        normal: towards the organ, LPS, of any length.
        travel_mm: how far it moves as the load grows, LPS.
    """

    name: str
    faces: Faces
    point_mm: Vector
    normal: Vector
    travel_mm: Vector = NOWHERE

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """Return the faces."""
        return {"plane_faces": self.faces}

    def settings(self) -> Settings:
        """Return where it is and where it goes."""
        return {
            "plane_point_mm": self.point_mm,
            "plane_normal": self.normal,
            "plane_travel_mm": self.travel_mm,
        }


@dataclass(frozen=True, eq=False)
class Tool:
    """A rigid ball pressed in, without friction: a finger, an instrument's tip.

    Args:
        faces: (f, 3) int32 triangles that may touch it.
        radius_mm: of the ball.
        start_mm: its centre before, LPS.
        travel_mm: how far the centre goes, straight, LPS.
    """

    name: str
    faces: Faces
    radius_mm: float
    start_mm: Vector
    travel_mm: Vector

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """Return the faces."""
        return {"tool_faces": self.faces}

    def settings(self) -> Settings:
        """Return its size, where it is and where it goes."""
        return {
            "tool_radius_mm": self.radius_mm,
            "tool_start_mm": self.start_mm,
            "tool_travel_mm": self.travel_mm,
        }


@dataclass(frozen=True, eq=False)
class RigidSurface:
    """Any rigid surface that the organ slides on without friction: ribs, spine, diaphragm.

    Args:
        faces: (f, 3) int32 triangles that may touch it.
        distance_mm: (ni, nj, nk) float32 signed distance to it, negative inside the rigid body.
        affine: (4, 4) float64, index → LPS mm.
        travel_mm: how far it moves as the load grows, LPS.
    """

    name: str
    faces: Faces
    distance_mm: NDArray[np.float32]
    affine: NDArray[np.float64]
    travel_mm: Vector = NOWHERE

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """Return the faces and the distance."""
        return {
            "surface_faces": self.faces,
            "surface_distance_mm": np.asarray(self.distance_mm, np.float32),
            "surface_distance_affine": np.asarray(self.affine, np.float64),
        }

    def settings(self) -> Settings:
        """Return where it goes."""
        return {"surface_travel_mm": self.travel_mm}


@dataclass(frozen=True, eq=False)
class BloodPressure:
    """Pressure in a meshed vessel, on the wall between it and the tissue.

    Args:
        faces: (f, 3) int32 triangles of the wall.
        lumen: (k,) int32 labels of the vessel.
        pressure_kpa: beyond that of the scan; positive pushes onto the tissue.
    """

    name: str
    faces: Faces
    lumen: NDArray[np.int32]
    pressure_kpa: float

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """Return the wall and what is inside it."""
        return {"pressure_faces": self.faces, "pressure_lumen": self.lumen}

    def settings(self) -> Settings:
        """Return the pressure."""
        return {"pressure_kpa": self.pressure_kpa}


def blood_pressure(mesh: OrganMesh, vessel: str, pressure_kpa: float) -> BloodPressure:
    """Return the pressure in a vessel of the mesh, by the structure's name.

    Raises:
        BadArgument: there is no such vessel, or it has no wall towards tissue.
    """
    lumen = np.array(mesh.labels_inside(vessel), np.int32)
    triangles, sides = mesh.interfaces()
    within = np.isin(sides, lumen)
    wall = triangles[(within.sum(axis=1) == 1) & (sides != 0).all(axis=1)]
    if len(wall) == 0:
        raise BadArgument(f"{vessel} has no wall towards tissue", where="blood pressure")
    return BloodPressure(vessel, wall, lumen, pressure_kpa)


def job_parts(
    acting: Sequence[Acting], nodes: int
) -> tuple[dict[str, NDArray[Any]], dict[str, float | Vector]]:
    """Return the input arrays and settings of all of them.

    Raises:
        BadArgument: two of the same name, or faces that are none of a mesh of `nodes` nodes.
    """
    arrays: dict[str, NDArray[Any]] = {}
    settings: Settings = {}
    for one in acting:
        for name, array in one.arrays().items():
            if name.endswith("_faces"):
                _require_faces(one.name, array, nodes)
            if f"{name}@{one.name}" in arrays:
                raise BadArgument(f"two loads of a kind are named {one.name!r}")
            arrays[f"{name}@{one.name}"] = array
        settings |= {f"{name}@{one.name}": value for name, value in one.settings().items()}
    return arrays, settings


def _require_faces(name: str, faces: NDArray[Any], nodes: int) -> None:
    if faces.ndim != 2 or faces.shape[1] != 3 or len(faces) == 0:
        raise BadArgument(f"{name} has no faces to act on", where="deformation")
    if faces.min() < 0 or faces.max() >= nodes:
        raise BadArgument(f"{name}: a face names a node that is not there", where="deformation")
