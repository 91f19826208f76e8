"""Safety markers: where tissue is strained beyond a limit that somebody states.

There are no limits of our own: none was found in a primary source (CLINICAL.md). A marker carries
its limit and the source of it, and is no statement that tissue is harmed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from organtwin.core.errors import BadArgument
from organtwin.core.organmesh import FACES, OrganMesh

LEAST_STRAIN: Final = -0.5
"""Green-Lagrange's strain of tissue squeezed to nothing."""


@dataclass(frozen=True)
class StrainLimit:
    """What a structure's tissue shall not be strained beyond.

    Args:
        structure: its name.
        strain: Green-Lagrange; positive: the largest principal strain shall stay below, negative:
            the smallest above.
        source: where the number comes from, for whoever reads the result.
    """

    structure: str
    strain: float
    source: str

    def __post_init__(self) -> None:
        """Raise BadArgument for a strain that cannot be a limit, or one without a source."""
        if not (np.isfinite(self.strain) and self.strain > LEAST_STRAIN and self.strain != 0.0):
            raise BadArgument(
                f"{self.strain} is no limit of strain",
                where=self.structure,
                advice="positive for stretch, between -0.5 and 0 for compression",
            )
        if not self.source.strip():
            raise BadArgument("a limit needs its source", where=self.structure)


@dataclass(frozen=True)
class Marker:
    """One connected place beyond a limit.

    Args:
        limit: that is passed.
        volume_ml: at rest.
        worst: principal strain, the farthest beyond the limit.
        place_mm: LPS, at rest: the middle of the tetrahedron where that is.
    """

    limit: StrainLimit
    volume_ml: float
    worst: float
    place_mm: tuple[float, float, float]


def beyond_limits(
    mesh: OrganMesh, principal_strains: NDArray[Any], limits: Iterable[StrainLimit]
) -> tuple[Marker, ...]:
    """Return the places beyond the limits, the largest first; tetrahedra that share a face are one.

    Args:
        mesh: at rest.
        principal_strains: (m, 3), largest first, of its tetrahedra, as the solver tells them.

    Raises:
        BadArgument: not three strains for each tetrahedron, or no structure of that name.
    """
    strains = np.asarray(principal_strains, np.float64)
    if strains.shape != (len(mesh.tetrahedra), 3):
        raise BadArgument(
            f"a mesh of {len(mesh.tetrahedra)} tetrahedra has as many threes of strains",
            where="strain limit",
        )
    found: list[Marker] = []
    for limit in limits:
        own = mesh.regions == mesh.structure(limit.structure).label
        felt = strains[:, 0] if limit.strain > 0.0 else strains[:, 2]
        past = felt > limit.strain if limit.strain > 0.0 else felt < limit.strain
        found += _markers(mesh, np.flatnonzero(own & past), felt, limit)
    return tuple(sorted(found, key=lambda marker: -marker.volume_ml))


def _markers(
    mesh: OrganMesh, cells: NDArray[np.int64], felt: NDArray[np.float64], limit: StrainLimit
) -> list[Marker]:
    places, volumes = _connected(mesh.tetrahedra[cells]), mesh.volumes_mm3()
    found = []
    for place in range(int(places.max(initial=-1)) + 1):
        some = cells[places == place]
        worst = some[np.abs(felt[some] - limit.strain).argmax()]
        x, y, z = mesh.points[mesh.tetrahedra[worst]].mean(axis=0).tolist()
        volume_ml = float(volumes[some].sum()) / 1000.0
        found.append(Marker(limit, volume_ml, float(felt[worst]), (x, y, z)))
    return found


def _connected(tetrahedra: NDArray[np.int32]) -> NDArray[np.int32]:
    """(k,) the number of the piece of each tetrahedron, joined through faces."""
    count = len(tetrahedra)
    faces = np.sort(tetrahedra[:, FACES].reshape(-1, 3), axis=1)
    owner = np.repeat(np.arange(count), 4)
    order = np.lexsort(faces.T)
    same = (faces[order][1:] == faces[order][:-1]).all(axis=1)
    pairs = owner[order][:-1][same], owner[order][1:][same]
    graph = coo_array((np.ones(len(pairs[0]), np.int8), pairs), shape=(count, count))
    pieces: NDArray[np.int32] = connected_components(graph, directed=False)[1]
    return pieces
