"""Plan: which cells of an octree are divided, as the sizes and the thickness of structures ask."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.core.errors import BadArgument
from organtwin.core.volume import spacing_of
from organtwin.meshing.holding import astray
from organtwin.meshing.octree import Bools, Grid, Octree, divided, labelled
from organtwin.meshing.pieces import Pieces
from organtwin.meshing.pinches import CORNERS, expanded, unpinched
from organtwin.meshing.sizes import Sizes
from organtwin.meshing.solid import Solid
from organtwin.meshing.thickness import ThinVoxels, block, thin, windows

CELL_PER_EDGE = 1.1
"""A cell of edge h is twelve tetrahedra, each as large as a regular one of edge 0.9 h."""
BLOCK_PER_CELL = 0.5
"""A cell is divided where no block of half its edge fits; of whole voxels, of all of its edge."""
DEEPEST = 7
MOST_CELLS = 1 << 24
MUCH_THIN = 0.1
FEW_VOXELS = 3
DIVISIONS = 3
HOLDS = 12
VOXELS_OFF = 1.5
MOST_LARGER = 1.25
FEW_LEAVES = 20_000


@dataclass(frozen=True, eq=False)
class Plan:
    """Voxels, the grid over them, and the cells that shall be divided per level.

    Cells are to be divided until each piece of voxels is whole and apart, those of `loose` labels
    only so that these are not lost.
    """

    voxels: NDArray[np.uint8]
    spacing_mm: NDArray[np.float64]
    smallest_mm: float
    grid: Grid
    asked: tuple[Bools, ...]
    wanted_mm: float
    loose: frozenset[int]

    def coarser(self) -> tuple[str, ...]:
        """Return a sentence where the finest cells are larger than edges ask for, else none."""
        cell = float(self.grid.cell_mm.min())
        if cell <= 1.01 * CELL_PER_EDGE * max(self.wanted_mm, float(self.spacing_mm.min())):
            return ()
        return (
            f"cells of {CELL_PER_EDGE * self.wanted_mm:.2f} mm would be too many, "
            f"the smallest have {cell:.2f} mm",
        )

    def octree(self) -> Octree:
        """Return the leaves with their labels."""
        split = divided(self.grid, self.asked)
        return labelled(self.grid, split, self.grid.sampled(self.voxels, self.spacing_mm))

    def unpinched(self, solid: Solid, most_leaves: float = np.inf) -> tuple[Plan, Octree]:
        """Return a plan that divides leaves at pinches where that helps, and its octree.

        The octree is without pinches, or has few; leaves are not divided for those of loose labels.
        Dividing helps when it leaves less than half of them, makes a mesh that is not small no
        larger than by a quarter, and none with more leaves that are labelled than the most.
        """
        pinches, dividing = solid.pinches(), solid.pinches(self.loose)
        plan, tree = self, unpinched(self.octree(), pinches)
        places = dividing.of(expanded(tree))
        for _ in range(DIVISIONS):
            cells = (places[:, None] + CORNERS).reshape(-1, 3)
            if tree.leaves[0][tuple(cells.T)].all():
                break
            finer = plan.finest_at(cells)
            after = unpinched(finer.octree(), pinches)
            left = dividing.of(expanded(after))
            most = max(FEW_LEAVES, MOST_LARGER * tree.labelled_leaves())
            if len(left) > len(places) / 2 or after.labelled_leaves() > min(most, most_leaves):
                break
            plan, tree, places = finer, after, left
        return plan, tree

    def held(self, pieces: Pieces, most_leaves: float = np.inf) -> Plan:
        """Return a plan that divides leaves where pieces would be lost, broken or joined.

        Args:
            pieces: of the voxels.
            most_leaves: it is given up where there are more that are labelled.
        """
        wanted = self.grid.sampled(pieces.numbers, self.spacing_mm)
        far_mm = VOXELS_OFF * float(self.spacing_mm.max())
        reach = int(np.ceil(far_mm / float(self.grid.cell_mm.mean())))
        plan = self
        for _ in range(HOLDS):
            tree = plan.octree()
            if tree.labelled_leaves() > most_leaves:
                break
            cells = astray(tree, expanded(tree), wanted, pieces, loose=self.loose, reach=reach)
            if len(cells) == 0:
                break
            plan = plan.finer_in(tree, cells)
        return plan

    def finer_in(self, tree: Octree, cells: NDArray[np.int64]) -> Plan:
        """Return a plan that divides the leaves that hold finest cells (n, 3)."""
        asked = [level.copy() for level in self.asked]
        for level in range(1, self.grid.depth + 1):
            index = tuple((cells >> level).T)
            asked[level][tuple(axis[tree.leaves[level][index]] for axis in index)] = True
        return replace(self, asked=tuple(asked))

    def finest_at(self, cells: NDArray[np.int64]) -> Plan:
        """Return a plan whose leaves at finest cells (n, 3) are finest ones."""
        asked = [level.copy() for level in self.asked]
        for level in range(1, self.grid.depth + 1):
            asked[level][tuple((cells >> level).T)] = True
        return replace(self, asked=tuple(asked))

    def finer_at(self, tree: Octree, places_mm: NDArray[np.float64]) -> Plan | None:
        """Return a plan that divides the leaves at places (n, 3); None when none may be smaller."""
        cells = self.grid.cells_at(places_mm)
        asked = [level.copy() for level in self.asked]
        found = False
        for level in range(1, self.grid.depth + 1):
            if self.grid.edge_mm(level) > 1.01 * CELL_PER_EDGE * self.smallest_mm:
                index = tuple((cells >> level).T)
                here = tuple(axis[tree.leaves[level][index]] for axis in index)
                asked[level][here] = True
                found |= len(here[0]) > 0
        return replace(self, asked=tuple(asked)) if found else None


def planned(
    solid: Solid,
    sizes: Sizes,
    *,
    scale: float = 1.0,
    coarser: float = 1.0,
    fit: float = BLOCK_PER_CELL,
    loose: frozenset[int] = frozenset(),
    thin_voxels: ThinVoxels | None = None,
) -> Plan:
    """Return how to divide space for a solid.

    Args:
        scale: times all edges but the smallest.
        coarser: times the smallest edge, which stays within the others.
        fit: a cell is divided where no block of so much of its edge fits.
        loose: see `Plan`.
        thin_voxels: of the solid, to be looked for once for several plans.
    """
    spacing = np.asarray(spacing_of(solid.affine))
    edges = {s.label: scale * sizes.edge_mm(s) for s in solid.structures}
    shortest = coarser * sizes.smallest_edge_mm
    smallest = min(shortest, min(edges.values()))
    slim = thin_voxels or ThinVoxels(solid.regions)
    grid = _grid(
        solid.regions, spacing, slim.edge, smallest_mm=smallest, longest_mm=max(edges.values())
    )
    whole = np.allclose(spacing / grid.cell_mm, np.rint(spacing / grid.cell_mm))
    fit = 1.0 if whole else fit
    asked = [np.zeros(grid.shape_at(level), dtype=bool) for level in range(grid.depth + 1)]
    least = {s.label: max(shortest, scale * sizes.least_mm(s)) for s in solid.structures}
    edges[0], least[0] = np.inf, min(least.values())
    for label, window in windows(solid.regions):
        first = [w.start or 0 for w in window]
        for level in range(1, grid.depth + 1):
            cell = grid.edge_mm(level)
            if cell > 1.01 * CELL_PER_EDGE * edges[label]:
                coarse = np.argwhere(solid.regions[window] == label) + first
            elif cell > 1.01 * CELL_PER_EDGE * least[label]:
                wide = fit * sizes.edges_per_radius * cell / scale
                coarse = slim.of(label, window, block(wide, spacing))
            else:
                continue
            places = _over(coarse, spacing, grid.cell_mm * 2.0**level)
            asked[level][tuple((grid.cells_at(places) >> level).T)] = True
    for structure in solid.structures:
        if structure.kind == "tumour" and sizes.margin_mm > 0:
            near = _near(solid.regions == structure.label, spacing, sizes.margin_mm)
            near &= solid.regions > 0
            for level in range(1, grid.depth + 1):
                if grid.edge_mm(level) > 1.01 * CELL_PER_EDGE * edges[structure.label]:
                    places = _over(np.argwhere(near), spacing, grid.cell_mm * 2.0**level)
                    asked[level][tuple((grid.cells_at(places) >> level).T)] = True
    return Plan(solid.regions, spacing, smallest, grid, tuple(asked), sizes.smallest_edge_mm, loose)


def _near(mask: Bools, spacing: NDArray[np.float64], margin_mm: float) -> Bools:
    """Return the voxels within a distance of a mask."""
    near = np.zeros_like(mask)
    found = ndimage.find_objects(mask.astype(np.uint8))
    if found:
        wide = np.ceil(margin_mm / spacing).astype(int).tolist()
        box = tuple(
            slice(max(b.start - w, 0), b.stop + w) for b, w in zip(found[0], wide, strict=True)
        )
        distance = ndimage.distance_transform_edt(~mask[box], sampling=spacing)
        near[box] = distance <= margin_mm
    return near


def _over(
    voxels: NDArray[np.int64], spacing: NDArray[np.float64], cell_mm: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return places (n, 3) in mm over voxels (m, 3): the middle, along long sides several.

    Where a voxel is longer than a cell it lies in more cells than the one that holds its middle.
    """
    parts = np.where(spacing > cell_mm, np.ceil(2.0 * spacing / cell_mm), 1.0).astype(np.int64)
    shifts = (np.array(list(np.ndindex(*parts))) + 0.5) / parts - 0.5
    result: NDArray[np.float64] = ((voxels[:, None] + shifts) * spacing).reshape(-1, 3)
    return result


def _grid(
    voxels: NDArray[np.uint8],
    spacing: NDArray[np.float64],
    edge: Bools,
    *,
    smallest_mm: float,
    longest_mm: float,
) -> Grid:
    """Return a grid whose finest cells are voxels where much is thin, else of free size.

    They are larger than the smallest edge asks for where that would be too many of them.

    Raises:
        BadArgument: cells as large as the longest edge asks for are too many.
    """
    used = np.argwhere(edge & (voxels > 0))
    low, high = (used.min(axis=0) - 0.5) * spacing, (used.max(axis=0) + 0.5) * spacing
    longest_mm = min(longest_mm, float((high - low).max()))
    if smallest_mm < 1.01 * spacing.min() and _thin_share(voxels, edge) > MUCH_THIN:
        cell = spacing / np.maximum(np.rint(spacing / spacing.min()), 1.0)
        depth = max(0, round(np.log2(CELL_PER_EDGE * longest_mm / cell.mean())))
        depth = min(depth, DEEPEST)
    else:
        depth = max(0, int(np.ceil(np.log2(longest_mm / smallest_mm) - 1e-9)))
        depth = min(depth, DEEPEST)
        cell = np.full(3, CELL_PER_EDGE * longest_mm / 2.0**depth)
    count = np.ceil((high - low) / (cell * 2**depth) + 1e-9).astype(np.int64)
    i, j, k = (count << depth).tolist()
    if i * j * k > MOST_CELLS:
        if depth == 0:
            raise BadArgument(
                f"cells of {cell.min():.2f} mm are too many ({i * j * k:.1e})",
                where="Sizes",
                advice="mesh with longer edges",
            )
        return _grid(voxels, spacing, edge, smallest_mm=2.0 * smallest_mm, longest_mm=longest_mm)
    spare = np.array([i, j, k]) * cell - (high - low)
    aligned = spacing.min() / cell.min() < 1.01 and np.allclose(spacing % cell, 0.0)
    origin = low if aligned else low - 0.5 * spare
    return Grid(origin, cell, (i, j, k), depth)


def _thin_share(voxels: NDArray[np.uint8], edge: Bools) -> float:
    """Return the share of boundary voxels that are in no block of three of their label."""
    few = sum(
        int((thin(voxels[box] == label, (FEW_VOXELS,) * 3) & edge[box]).sum())
        for label, box in windows(voxels)
    )
    return few / max(int(edge.sum()), 1)
