"""Where something is worst, in words: for the message of a solve that failed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.grid import Grid


def largest_place(grid: Grid, values: NDArray[np.float64]) -> str:
    """Return "cell C of region L around (x, y, z) mm", the owned cell of the largest value.

    Args:
        values: (owned cells or more,) of this rank; one that is not a number is the largest.
    """
    values = np.nan_to_num(values[: grid.owned_cells], nan=np.inf, posinf=np.inf)
    found: list[tuple[float, str]] = [(-np.inf, "")]
    if len(values):
        cell = int(values.argmax())
        x, y, z = grid.mesh.geometry.x[grid.corner_positions()[cell]].mean(axis=0)
        place = f"cell {grid.cells[cell]} of region {grid.regions[cell]}"
        found = [(float(values[cell]), f"{place} around ({x:.0f}, {y:.0f}, {z:.0f}) mm")]
    everywhere: list[list[tuple[float, str]]] = grid.comm.allgather(found)
    return max(one for rank in everywhere for one in rank)[1]


def unbalanced_place(system: Any, residual: NDArray[np.float64]) -> str:
    """Return the place of the cell whose nodes' forces are farthest from balance.

    Args:
        system: `solvers.system.System`.
        residual: as it returns it.
    """
    moved = system.unknowns[0]
    forces = np.zeros_like(moved.x.array)
    own = len(forces) - 3 * moved.function_space.dofmap.index_map.num_ghosts
    forces[:own] = np.where(system.supported(), 0.0, residual)[:own]
    with np.errstate(over="ignore", invalid="ignore"):
        square = (forces.reshape(-1, 3) ** 2).sum(axis=1)
        return largest_place(system.grid, square[moved.function_space.dofmap.list].sum(axis=1))
