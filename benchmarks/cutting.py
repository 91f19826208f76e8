"""Cuts of one mesh: angles, volumes, distance from the surface, time.

By random planes and balls, and by what is hardest: planes along an interface of the mesh, a little
beside it, and borders of labels that are regions of the mesh already.

    python -m benchmarks.cutting [CUTS]

The mesh is a liver-sized ellipsoid with two tumours and a vein on voxels of 3 mm, as a case's.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from organtwin.core.cut import Cut
from organtwin.core.errors import OrganTwinError
from organtwin.core.organmesh import OrganMesh
from organtwin.core.watch import Watch
from organtwin.meshing import Sizes, mesh_labels
from organtwin.meshing.cutting import cut
from organtwin.meshing.interfaces import unit
from organtwin.meshing.knives import around, plane
from organtwin.meshing.shells import shell_defects
from organtwin.meshing.warping import Distance
from tests.meshing.labelmaps import phantom

SEED = 7


def surfaces(mesh: OrganMesh, count: int) -> Iterator[tuple[str, Distance]]:
    """Yield planes and balls about random points of the mesh, and planes along interfaces."""
    rng = np.random.default_rng(SEED)
    for number in range(count):
        centre = mesh.points[rng.integers(len(mesh.points))]
        if number % 3 == 0:
            yield "plane", plane(centre, rng.normal(size=3))
        elif number % 3 == 1:
            yield "ball", _ball(centre, rng.uniform(8.0, 25.0))
        else:
            yield "along", _along(mesh, rng)


def _along(mesh: OrganMesh, rng: np.random.Generator) -> Distance:
    """Return a plane turned by up to some degrees against a face of an interface, 0..4 mm deep."""
    corners = mesh.points[rng.choice(mesh.interfaces()[0])]
    normal = unit(np.cross(corners[1] - corners[0], corners[2] - corners[0])[None])[0]
    return plane(corners[0] - rng.uniform(0, 4) * normal, normal + rng.normal(size=3) * 0.03)


def _ball(centre: NDArray[np.float64], radius_mm: float) -> Distance:
    def distance(points: NDArray[np.float64]) -> NDArray[np.float64]:
        result: NDArray[np.float64] = np.linalg.norm(points - centre, axis=1) - radius_mm
        return result

    return distance


def pinches(found: Cut) -> int:
    """Return edges and points at which the surface of a part touches itself."""
    total = 0
    for part in (found.remnant, found.specimen):
        triangles, sides = part.interfaces()
        shell = triangles[sides[:, 1] == 0].astype(np.int64)
        total += sum(len(each) for each in shell_defects(shell, len(part.points)))
    return total


def main() -> None:
    """Cut and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    sizes = Sizes(vessel_radius_mm=4.0, smallest_edge_mm=1.5, organ_alone=True)
    labels = phantom(np.diag([3.0, 3.0, 3.0, 1.0]))
    mesh, quality = mesh_labels(labels, sizes, Watch())
    print(f"{quality.tetrahedra} tetrahedra, smallest angle {quality.min_dihedral_deg:.1f}°")
    rows: dict[str, list[tuple[float, ...]]] = {"plane": [], "ball": [], "along": [], "label": []}
    own = [("label", around(labels, s.name)) for s in labels.structures[1:]]
    for kind, surface in [*surfaces(mesh, count), *own]:
        start = time.process_time()
        try:
            found = cut(mesh, surface, Watch())
        except OrganTwinError as error:
            print(f"{kind}: {error}")
            continue
        spent = time.process_time() - start
        rows[kind].append(
            (
                found.min_dihedral_deg,
                abs(found.volume_error_percent),
                found.off_mm,
                pinches(found),
                spent,
            )
        )
    for kind, told in rows.items():
        angle, volume, off, pinched, spent = np.array(told).T
        print(
            f"{len(told)} of {kind}: smallest angle {angle.min():.1f}° (median "
            f"{np.median(angle):.1f}°), volumes within {volume.max():.5f} %, off the surface "
            f"{off.max():.2f} mm (median {np.median(off):.4f}), pinched {int((pinched > 0).sum())},"
            f" processor {np.median(spent):.2f} s (most {spent.max():.1f})"
        )


if __name__ == "__main__":
    main()
