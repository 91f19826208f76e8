"""The density a tumour starts from: the model's front through the surface of its label.

What an image shows as tumour is where the density exceeds a threshold, `visible_density`. So the
start is the growth model's travelling front, with that density at the label's surface; several
foci have one front, about the nearest. A front through the nodes of a mesh has neither the volume
nor the amount of the smooth one. Here it is moved and stretched, by less than an edge, until it
has both: the visible volume is the label's, and the integral that of the smooth front over the
mesh. How much it took, and what is left of error, is told.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize

from organtwin.core.errors import BadArgument, EmptyLabel, MisplacedLabel
from organtwin.core.labelmap import LabelMap
from organtwin.core.organmesh import OrganMesh
from organtwin.core.parameter import Prior
from organtwin.core.volume import spacing_of, to_index, voxel_ml_of
from organtwin.simulating.distance import DistanceGrid, distance_to

Reals = NDArray[np.float64]
Front = Callable[[Reals], Reals]
"""Signed distance to the visible surface in mm, negative inside → density (0..1)."""
SPARSE: Final = 1e-4
"""Where the density is below, a cell is not cut into parts to integrate it."""
FINER: Final = 3
AT_ONCE: Final = 10_000
LEAST_COVERED: Final = 0.5
STRETCH: Final = (0.5, 2.0)
VISIBLE_PRIOR: Final = Prior(
    "visible_density",
    "1",
    "lognormal",
    0.5,
    0.2,
    "unsourced, set your own (what an image shows as tumour; wide on purpose)",
)
"""Of the detection threshold: a choice, held within the solver's bounds 0.01 and 0.95."""


@dataclass(frozen=True, eq=False)
class StartingDensity:
    """A density at the nodes of a mesh, and how near it comes to what the label says.

    Args:
        density: (n,) float64, 0..1, at the mesh's points.
        visible_density: at the label's surface.
        labelled_ml: volume of the label.
        visible_ml: where the density exceeds `visible_density`; `wanted_visible_ml`: what the
            label has inside the mesh.
        mass_ml: integral of the density; `wanted_mass_ml`: that of the smooth front in the mesh.
        cut_by_image: the label reaches the image's border: the tumour may go on beyond.
        shift_mm, stretch: by which the front through the nodes was moved (outwards) and widened.
    """

    density: Reals
    visible_density: float
    labelled_ml: float
    visible_ml: float
    wanted_visible_ml: float
    mass_ml: float
    wanted_mass_ml: float
    cut_by_image: bool
    shift_mm: float
    stretch: float

    @property
    def covered(self) -> float:
        """Share (0..1) of the label's volume that the mesh covers."""
        return min(self.wanted_visible_ml / self.labelled_ml, 1.0)

    @property
    def visible_error(self) -> float:
        """By how much the visible volume is off, relative to what the label has in the mesh."""
        return self.visible_ml / self.wanted_visible_ml - 1.0

    @property
    def mass_error(self) -> float:
        """By how much the integral is off that of the smooth front."""
        return self.mass_ml / self.wanted_mass_ml - 1.0


def fisher_front(width_mm: float, visible_density: float) -> Front:
    """Return the exact front of Fisher-KPP, `visible_density` where the distance is 0.

    u = (1 + b exp(z/√6))⁻² with z the distance in √(D/ρ): Ablowitz & Zeppetella 1979
    (10.1007/BF02462380); as `solvers.growth.fisher_kpp` has it.

    Args:
        width_mm: √(D/ρ).

    Raises:
        BadArgument: no width, or a threshold that is not between 0 and 1.
    """
    if not (math.isfinite(width_mm) and width_mm > 0.0):
        raise BadArgument(f"a front is wider than {width_mm} mm", where="starting density")
    if not 0.0 < visible_density < 1.0:
        raise BadArgument(
            f"a visible density of {visible_density} is not between 0 and 1",
            where="starting density",
        )
    shift = math.log(visible_density**-0.5 - 1.0)

    def front(distance_mm: Reals) -> Reals:
        exponent = distance_mm / (width_mm * math.sqrt(6.0)) + shift
        return np.asarray((1.0 + np.exp(np.minimum(exponent, 300.0))) ** -2)

    return front


def starting_density(
    mesh: OrganMesh,
    labels: LabelMap,
    structures: Sequence[str],
    *,
    front: Front,
    visible_density: float,
) -> StartingDensity:
    """Return the density of labelled tumours at the nodes of a mesh that resolves their front.

    Args:
        labels: in the mesh's frame.
        structures: the foci ("tumour-1", …).
        front: of the growth model, `visible_density` at distance 0: `fisher_front`.

    Raises:
        BadArgument: no structures, or a front that is not `visible_density` at distance 0.
        EmptyLabel: a structure has no voxels.
        MisplacedLabel: less than half of the label lies inside the mesh.
    """
    if not structures:
        raise BadArgument("no tumour is named", where="starting density")
    if abs(float(front(np.zeros(1))[0]) - visible_density) > 1e-9:
        raise BadArgument("the front is not of the visible density", where="starting density")
    grids = [_with_volume(distance_to(labels, n), labels.volume_ml(n)) for n in structures]
    mask = np.any([labels.mask(name) for name in structures], axis=0)
    labelled_ml = float(mask.sum()) * voxel_ml_of(labels.affine)
    distance = _at(grids, mesh.points)
    coarse, fine = (_smooth(mesh, grids, front, distance=distance, halvings=n) for n in (1, 2))
    wanted = fine[0] + (fine[0] - coarse[0]) / 3.0, fine[1] + (fine[1] - coarse[1]) / 3.0
    if wanted[0] < LEAST_COVERED * labelled_ml:
        raise MisplacedLabel(
            f"{wanted[0]:.3g} of the tumour's {labelled_ml:.3g} mL lie inside the mesh",
            where=", ".join(structures),
            advice="check that label map and mesh are of the same organ and frame",
        )
    shift, stretch = _fitted(mesh, distance, front, wanted=wanted, level=visible_density)
    density = front((distance - shift) / stretch)
    visible, mass = _found(mesh, density, visible_density)
    return StartingDensity(
        density=density, visible_density=visible_density, labelled_ml=labelled_ml,
        visible_ml=visible, wanted_visible_ml=wanted[0], mass_ml=mass, wanted_mass_ml=wanted[1],
        cut_by_image=_at_border(mask), shift_mm=shift, stretch=stretch,
    )  # fmt: skip


def _at_border(mask: NDArray[np.bool_]) -> bool:
    return any(
        bool(np.take(mask, (0, -1), axis).any()) for axis in range(3) if mask.shape[axis] > 1
    )


def _at(grids: Sequence[DistanceGrid], points: Reals) -> Reals:
    """(n,) mm to the nearest focus, trilinear; outside a grid its border plus the way to it."""
    return np.asarray(np.min([_read(grid, points) for grid in grids], axis=0))


def _read(grid: DistanceGrid, points: Reals) -> Reals:
    index = to_index(grid.affine, points)
    inside = np.clip(index, 0.0, np.array(grid.distance_mm.shape) - 1.0)
    read = ndimage.map_coordinates(grid.distance_mm, inside.T, np.float64, order=1)
    beyond = np.linalg.norm((index - inside) @ grid.affine[:3, :3].T, axis=1)
    return np.asarray(read + beyond)


def _with_volume(grid: DistanceGrid, wanted_ml: float) -> DistanceGrid:
    """A distance that encloses the wanted volume as it is read: linearly, between voxels.

    Linear between voxels a distance to a convex surface is too large: at 1.5 mm a ball of 10 mm
    is 2 % too small.
    """
    around = np.argwhere(grid.distance_mm < 0.0)
    low, high = np.maximum(around.min(axis=0) - 2, 0), around.max(axis=0) + 3
    i, j, k = (slice(a, b) for a, b in zip(low, high, strict=True))
    near = grid.distance_mm[i, j, k].astype(np.float64)
    fine = ndimage.zoom(near, [FINER - (FINER - 1) / n for n in near.shape], order=1)
    step = spacing_of(grid.affine)[0] / FINER
    shift = 0.0
    for _ in range(4):
        enclosed = float(np.clip(0.5 - (fine - shift) / step, 0.0, 1.0).sum()) * step**3
        area = float((np.abs(fine - shift) < 0.5 * step).sum()) * step**2
        shift += (1e3 * wanted_ml - enclosed) / max(area, step**2)
    return DistanceGrid(np.asfortranarray(grid.distance_mm - np.float32(shift)), grid.affine)


def _fitted(
    mesh: OrganMesh, distance: Reals, front: Front, *, wanted: tuple[float, float], level: float
) -> tuple[float, float]:
    """The shift (mm) and stretch that bring volume and amount nearest to the wanted ones."""
    near = np.abs(distance[mesh.tetrahedra]).min(axis=1).argsort()[:1000]
    edge = float(np.cbrt(6.0 * math.sqrt(2.0) * np.median(mesh.volumes_mm3()[near])))

    def off(change: Reals) -> Reals:
        density = front((distance - edge * change[0]) / math.exp(change[1]))
        return np.array(_found(mesh, density, level)) / wanted - 1.0

    bounds = ((-1.0, math.log(STRETCH[0])), (1.0, math.log(STRETCH[1])))
    found = optimize.least_squares(off, np.zeros(2), bounds=bounds, diff_step=1e-4, xtol=1e-7)
    return edge * float(found.x[0]), math.exp(float(found.x[1]))


def _found(mesh: OrganMesh, density: Reals, level: float) -> tuple[float, float]:
    """Visible volume and integral in mL of a density that is linear in each cell."""
    volumes, values = 1e-3 * mesh.volumes_mm3(), density[mesh.tetrahedra]
    return float(volumes @ _above(values, level)), float(volumes @ values.mean(axis=1))


def _smooth(
    mesh: OrganMesh, grids: Sequence[DistanceGrid], front: Front, *, distance: Reals, halvings: int
) -> tuple[float, float]:
    """Visible volume and integral in mL of the front over the mesh, each cell in 8^halvings parts.

    Of second order in the size of a part: the caller extrapolates (Richardson).
    """
    places, parts = _parts(halvings)
    rule = 0.25 + 0.25 * np.sqrt(0.2) * (4.0 * np.eye(4) - 1.0)
    values = front(distance)[mesh.tetrahedra]
    dense = values.max(axis=1) > SPARSE
    cells, volumes = np.flatnonzero(dense), 1e-3 * mesh.volumes_mm3()
    visible, mass = 0.0, float(volumes[~dense] @ values[~dense].mean(axis=1))
    for some in np.array_split(cells, max(1, len(cells) // AT_ONCE)):
        points = np.einsum("qc,mcd->mqd", places, mesh.points[mesh.tetrahedra[some]])
        away = _at(grids, points.reshape(-1, 3)).reshape(len(some), -1)[:, parts]
        inside = _above(-away.reshape(-1, 4), 0.0).reshape(len(some), -1)
        visible += float(volumes[some] @ inside.mean(axis=1))
        mass += float(volumes[some] @ front(away @ rule).mean(axis=(1, 2)))
    if visible == 0.0:
        raise EmptyLabel("nothing of the tumour lies inside the mesh", where="starting density")
    return visible, mass


def _parts(halvings: int) -> tuple[Reals, NDArray[np.int64]]:
    """(q, 4) barycentric places and (8^halvings, 4) parts of equal volume they cut a cell into.

    Each edge is halved; the inner octahedron is cut along one diagonal (Bey 1995).
    """
    cells = np.eye(4)[None]
    for _ in range(halvings):
        middle = {pair: cells[:, pair].mean(axis=1) for pair in combinations(range(4), 2)}
        a, b, c, d = (cells[:, n] for n in range(4))
        ab, ac, ad, bc, bd, cd = middle.values()
        pieces = [
            (a, ab, ac, ad), (ab, b, bc, bd), (ac, bc, c, cd), (ad, bd, cd, d),
            (ab, ac, ad, bd), (ab, ac, bc, bd), (ac, ad, bd, cd), (ac, bc, bd, cd),
        ]  # fmt: skip
        cells = np.concatenate([np.stack(piece, axis=1) for piece in pieces])
    places, index = np.unique(cells.reshape(-1, 4), axis=0, return_inverse=True)
    return places, index.reshape(-1, 4)


def _above(values: Reals, level: float) -> Reals:
    """(m,) the part of each cell where the linear function of values (m, 4) exceeds a level."""
    v = np.sort(values, axis=1) - level
    count = (v > 0.0).sum(axis=1)
    part = np.where(count == 4, 1.0, 0.0)
    for corners, fraction in ((1, _one), (2, _two), (3, _three)):
        chosen = count == corners
        part[chosen] = fraction(v[chosen])
    return part


def _share(v: Reals, high: int, low: int) -> NDArray[Any]:
    """The part of an edge that lies above 0."""
    return np.asarray(v[:, high] / (v[:, high] - v[:, low]))


def _one(v: Reals) -> Reals:
    return np.asarray(_share(v, 3, 0) * _share(v, 3, 1) * _share(v, 3, 2))


def _two(v: Reals) -> Reals:
    c0, c1, d0, d1 = (_share(v, high, low) for high in (2, 3) for low in (0, 1))
    return np.asarray(c0 * c1 + d0 * c1 * (1.0 - c0) + d0 * d1 * (1.0 - c1))


def _three(v: Reals) -> Reals:
    outside = [1.0 - _share(v, high, 0) for high in (1, 2, 3)]
    return np.asarray(1.0 - outside[0] * outside[1] * outside[2])
