"""The label-aware Delaunay mesh of one organ: fewer tetrahedra, as well shaped, for simulations."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from organtwin.core.errors import BadMesh
from organtwin.core.organmesh import OrganMesh
from organtwin.core.watch import Watch
from organtwin.meshing.fitting import fitted
from organtwin.meshing.interfaces import Interfaces, nested_labels
from organtwin.meshing.lattice import lattice_points
from organtwin.meshing.polish import polished
from organtwin.meshing.repair import repaired
from organtwin.meshing.sampling import samples, size_field
from organtwin.meshing.sizes import Sizes
from organtwin.meshing.solid import Solid
from organtwin.meshing.tetrahedra import labelled_delaunay, region_at

SEED = 20240229
DRAWS = 3


def delaunay_meshes(
    solid: Solid, interfaces: Interfaces, sizes: Sizes, watch: Watch
) -> Iterator[OrganMesh]:
    """Yield meshes of one organ from draws of random points, the same ones each time.

    Args:
        interfaces: smooth, in LPS mm.
    """
    for draw in range(DRAWS):
        part = watch.part(draw / DRAWS, (draw + 1) / DRAWS)
        try:
            yield _mesh(
                solid, interfaces, sizes, rng=np.random.default_rng([SEED, draw]), watch=part
            )
        except BadMesh:
            continue


def _mesh(
    solid: Solid,
    interfaces: Interfaces,
    sizes: Sizes,
    *,
    rng: np.random.Generator,
    watch: Watch,
) -> OrganMesh:
    watch.tell(0.0, "sampling surfaces")
    field = size_field(interfaces, solid.structures, sizes, rng)
    on_surface, dense = samples(interfaces, field, rng)
    watch.tell(0.4, "filling the inside")
    inner = lattice_points(dense.points, field, sizes.organ_edge_mm, rng)
    inner = inner[region_at(inner, solid, dense) > 0]
    watch.tell(0.5, "triangulating")
    cells = labelled_delaunay(on_surface, inner, solid, dense)
    watch.tell(0.7, "repairing")
    cells = repaired(cells, solid.structures)
    watch.tell(0.8, "polishing tetrahedra")
    wanted = solid.wanted_mm3()
    targets = {
        inside: sum(wanted.get(label, 0.0) for label in inside)
        for inside in nested_labels(solid.structures).values()
    }
    found = polished(fitted(cells, dense, targets), field)
    tetrahedra, regions = found.cells.astype(np.int32), found.regions.astype(np.int32)
    return OrganMesh(found.points, tetrahedra, regions, solid.structures)
