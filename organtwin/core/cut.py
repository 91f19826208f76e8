"""Cut: an OrganMesh in two parts, remnant and specimen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.content import noun, read_only
from organtwin.core.organmesh import OrganMesh

LEAST_DEG: Final = 8.0
MOST_FROM_15_PERCENT: Final = 99.9


@noun
@dataclass(frozen=True, eq=False)
class Cut:
    """A mesh in two parts.

    Args:
        remnant: where the surface is positive.
        specimen: where it is negative.
        remnant_faces: (f, 3) int32, the triangles of the cut, indices into the remnant's points,
            normals out of it.
        specimen_faces: (f, 3) int32, the same triangles on the specimen, row by row.
        whole_ml: volume of the mesh before.
        min_dihedral_deg: smallest angle in both parts.
        from_15_deg_percent: of the tetrahedra have no dihedral angle below 15°.
        off_mm: greatest distance of a point of the cut from the surface.
        by: what it was cut by, in words for a person.
        plan: id of the Scenario that it was made by, "" for none.
        remnant_pieces: parts of the remnant connected by faces; `specimen_pieces` as well.
        touching: edges and points at which the surface of a part touches itself, unlike that of
            the mesh before.
        remarks: what is doubtful in both parts, a sentence each.
    """

    remnant: OrganMesh
    specimen: OrganMesh
    remnant_faces: NDArray[np.int32]
    specimen_faces: NDArray[np.int32]
    whole_ml: float
    min_dihedral_deg: float
    from_15_deg_percent: float
    off_mm: float
    by: str = ""
    plan: str = ""
    remnant_pieces: int = 1
    specimen_pieces: int = 1
    touching: int = 0
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Freeze the arrays."""
        for name in ("remnant_faces", "specimen_faces"):
            object.__setattr__(self, name, read_only(getattr(self, name), np.int32))

    @property
    def parts(self) -> dict[str, tuple[OrganMesh, NDArray[np.int32]]]:
        """Both parts with their faces of the cut, by name."""
        return {
            "remnant": (self.remnant, self.remnant_faces),
            "specimen": (self.specimen, self.specimen_faces),
        }

    def outdated(self, scenarios: Sequence[str]) -> bool:
        """Whether the plan it was made by is not among a case's scenarios any more, as it was."""
        return bool(self.plan) and self.plan not in scenarios

    @property
    def volume_error_percent(self) -> float:
        """By how much both parts together are larger than the mesh before."""
        parts = sum(float(part.volumes_mm3().sum()) for part in (self.remnant, self.specimen))
        return 100.0 * (parts / 1000.0 / self.whole_ml - 1.0)

    @property
    def keeps_promises(self) -> bool:
        """Whether both parts are as well shaped as every mesh shall be."""
        return (
            self.min_dihedral_deg >= LEAST_DEG and self.from_15_deg_percent >= MOST_FROM_15_PERCENT
        )
