"""What is told of tissue in balance beside its displacement: strains, stresses, energy, forces.

A cell's tensors are means over its volume at rest, by the element's quadrature; principal values
and directions are those of the mean. Strains are Green-Lagrange's, E = (FᵀF - I)/2, whatever the
law: a stretch λ is E = (λ² - 1)/2, Hencky's strain ½ ln(1 + 2E). Stresses are Cauchy's, with the
pressure that the element solves for; a law of the small strain has its σ. Volumes are those that
the solver's own (curved, for P2) cells take.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from solvers import kinematics
from solvers.contract import Input, Parameter
from solvers.elements import Element
from solvers.failures import NotConverged
from solvers.forms import Words, compiled
from solvers.organ import N_PER_KPA_MM2, Level
from solvers.refinement import Mesh
from solvers.settings import Setting
from solvers.supports import held_dofs
from solvers.system import System
from solvers.terms import Recipe, Term, recipe
from solvers.tetrahedra import volumes_mm3

Reals = NDArray[np.float64]
MJ_PER_KPA_MM3: Final = 1e-3
ML_PER_MM3: Final = 1e-3
FIXED: Final = "fixed"
PRESCRIBED: Final = "prescribed"
FIELDS: Final = Setting(
    Parameter(
        "cell_fields",
        "1",
        0.0,
        1.0,
        "0: strains, stresses and energy of cells are not told (a large ensemble's are large)",
        "choice of this solver",
        1.0,
    )
)
LIMIT: Final = Setting(
    Parameter(
        "strain_limit",
        "1",
        -0.5,
        10.0,
        "what a cell's largest principal strain shall stay below, or if negative its smallest "
        "above; 0: none; with @LABEL of one region",
        "unsourced, set your own",
        0.0,
    )
)


def _array(name: str, shape: str, unit: str, meaning: str, *, always: bool = False) -> Input:
    return Input(name, f"(members, {shape})", "float64", unit, meaning, always)


OUTPUTS: Final = (
    Input("displacement_mm", "(members, n, 3)", "float64", "mm", "of each node"),
    Input("von_mises_kpa", "(members, m)", "float64", "kPa", "mean of each cell"),
    Input("volume_ratio", "(members, m)", "float64", "1", "current over original volume of cells"),
    _array("principal_strains", "m, 3", "1", "Green-Lagrange, largest first, of the cell's mean"),
    _array("strain_direction", "m, 3", "1", "unit vector at rest along the largest, LPS"),
    _array("principal_stresses_kpa", "m, 3", "kPa", "Cauchy, largest first, of the cell's mean"),
    _array("strain_energy_kpa", "m", "kPa", "stored, mJ/mL at rest; not where tissue relaxes"),
    _array("region_strain_energy_mj", "r", "mJ", "by ascending label; not where tissue relaxes"),
    _array("strain_energy_mj", "", "mJ", "stored in all; not where tissue relaxes"),
    _array("region_volume_ml", "r", "mL", "of each region now, by ascending label", always=True),
    _array("region_volume_change_ml", "r", "mL", "now minus at rest", always=True),
    _array("region_volume_change_percent", "r", "%", "of the volume at rest", always=True),
    _array("region_largest_strain", "r", "1", "largest principal strain of any cell"),
    _array("region_largest_strain_mm", "r, 3", "mm", "middle of that cell at rest, LPS"),
    _array("region_smallest_strain", "r", "1", "smallest principal strain of any cell"),
    _array("region_beyond_limit_ml", "r", "mL", "at rest, beyond strain_limit, if there is one"),
    Input("force_n@LOAD", "(members, 3)", "float64", "N", "of each load on the tissue"),
    _array("force_n@fixed", "3", "N", "of what holds the fixed nodes on the tissue"),
    _array("force_n@prescribed", "3", "N", "of what moves the prescribed nodes on the tissue"),
)


def answer(
    level: Level, mesh: Mesh, fixed: NDArray[Any], asked: Mapping[str, Any]
) -> dict[str, Reals]:
    """Return `OUTPUTS` by name, without the axis of members; the same on every rank.

    Args:
        level: that holds the answer.
        mesh: with its points at rest.
        fixed: (k,) input nodes that are fixed.
        asked: checked settings, those of `FIELDS` and `LIMIT` among them.

    Raises:
        NotConverged: a cell is turned inside out.
    """
    ratio = level.cell_mean("ratio")
    if ratio.min() <= 0.0:
        raise NotConverged(f"{int((ratio <= 0).sum())} cells are turned inside out")
    found = {
        "displacement_mm": level.displacement_mm(),
        "von_mises_kpa": level.cell_mean("von_mises"),
        "volume_ratio": ratio,
        **_region_volumes(mesh, ratio),
        **{f"force_n@{name}": level.force_n(name) for name in level.loads},
        **support_forces_n(level, mesh, fixed),
    }
    if asked[FIELDS.parameter.name]:
        found |= _cell_fields(level, mesh)
        found |= _extremes(mesh, found["principal_strains"])
        found |= _beyond(mesh, found["principal_strains"], asked)
    return found


def summary(outputs: Mapping[str, Reals], labels: Sequence[int]) -> dict[str, float]:
    """Return a job's worst over its members, by region: numbers for its result.

    Args:
        outputs: of the job, members first.
        labels: of the regions, ascending.
    """
    extremes = {
        "largest_strain": ("region_largest_strain", np.max),
        "smallest_strain": ("region_smallest_strain", np.min),
        "beyond_strain_limit_ml": ("region_beyond_limit_ml", np.max),
    }
    worst = {
        f"{name}@{label}": float(most(outputs[field][:, place]))
        for name, (field, most) in extremes.items()
        if field in outputs
        for place, label in enumerate(labels)
    }
    return {name: value for name, value in worst.items() if np.isfinite(value)}


def support_forces_n(level: Level, mesh: Mesh, fixed: NDArray[Any]) -> dict[str, Reals]:
    """Return (3,) N by name: what the fixed and what the prescribed nodes do to the tissue.

    It is what is left of the balance of forces at them; zero where there are none.
    """
    forces, grid = _unbalanced(level.system), level.system.grid
    supported = level.system.supported()[: forces.size].reshape(-1, 3)[:, 0]
    marks = np.zeros(len(mesh.points_mm), bool)
    marks[fixed] = True
    still = np.zeros(len(forces), bool)
    dofs = held_dofs(grid, level.system.unknowns[0].function_space, marks)
    still[dofs[dofs < len(still)]] = True
    parts = {FIXED: supported & still, PRESCRIBED: supported & ~still}
    return {
        f"force_n@{name}": N_PER_KPA_MM2
        * np.sum(grid.comm.allgather(forces[chosen].sum(axis=0)), axis=0)
        for name, chosen in parts.items()
    }


def _unbalanced(system: System) -> Reals:
    """(owned nodes of the displacement, 3) mN: inner minus outer forces, supports left out."""
    from dolfinx import fem, la

    for renew in system.renewals:
        renew()
    total = np.zeros_like(system.unknowns[0].x.array)
    for term in system.terms:
        if term.residual[0] is not None:
            vector = fem.assemble_vector(term.residual[0])
            vector.scatter_reverse(la.InsertMode.add)
            total += vector.array
    own = system.unknowns[0].function_space.dofmap.index_map.size_local
    return np.asarray(total.reshape(-1, 3)[:own])


def _cell_fields(level: Level, mesh: Mesh) -> dict[str, Reals]:
    """Strains, stresses and energy of the input cells."""
    volumes = volumes_mm3(mesh.points_mm, mesh.cells)
    strains, directions = np.linalg.eigh(_tensors(_mean_strain(level, volumes)))
    stresses = np.linalg.eigvalsh(_tensors(level.cell_mean("cauchy")))
    found = {
        "principal_strains": strains[:, ::-1],
        "strain_direction": directions[:, :, 2],
        "principal_stresses_kpa": stresses[:, ::-1],
    }
    if not _relaxes(level):
        energy = level.cell_mean("energy")
        of_regions = MJ_PER_KPA_MM3 * _by_region(mesh, energy * volumes)
        found["strain_energy_kpa"] = energy
        found["region_strain_energy_mj"] = of_regions
        found["strain_energy_mj"] = np.asarray(of_regions.sum())
    return found


def _mean_strain(level: Level, volumes: Reals) -> Reals:
    """(m, 6) Green-Lagrange's strain of each input cell, its mean."""
    grid = level.system.grid
    cells = np.arange(grid.owned_cells, dtype=np.int32)
    term = Term(strain_recipe(level.system.element), tuple(level.system.unknowns), cells)
    return grid.gathered_cells(term.measured("strain")) / volumes[:, None]


@cache
def strain_recipe(element: Element) -> Recipe:
    """Return what measures ``strain`` on any tissue: E's xx, yy, zz, yz, xz, xy in mm³."""
    import ufl

    words = Words(element)
    c = kinematics.right_cauchy_green(kinematics.deformation_gradient(words.u))
    six = kinematics.six_of(kinematics.green_lagrange(c))
    form = ufl.inner(six, words.per_cell((6,))) * words.cells()
    nothing = (None,) * len(words.unknowns)
    return recipe(words, nothing, {}, measures={"strain": compiled(form)})


def _relaxes(level: Level) -> bool:
    """Whether tissue has let go of some stress: what it stores is then not its law's energy."""
    told = [
        term.values[name] for term in level.laws.values() for name in ("relaxed", "history_kpa")
    ]
    return any(level.system.grid.comm.allgather(any(bool(one.x.array.any()) for one in told)))


def _region_volumes(mesh: Mesh, ratio: Reals) -> dict[str, Reals]:
    volumes = ML_PER_MM3 * volumes_mm3(mesh.points_mm, mesh.cells)
    before, now = _by_region(mesh, volumes), _by_region(mesh, ratio * volumes)
    return {
        "region_volume_ml": now,
        "region_volume_change_ml": now - before,
        "region_volume_change_percent": 100.0 * (now - before) / before,
    }


def _extremes(mesh: Mesh, strains: Reals) -> dict[str, Reals]:
    """Each region's largest and smallest principal strain, and where the largest is."""
    cells = [np.flatnonzero(mesh.regions == label) for label in np.unique(mesh.regions)]
    worst = np.array([own[strains[own, 0].argmax()] for own in cells])
    return {
        "region_largest_strain": strains[worst, 0],
        "region_largest_strain_mm": mesh.points_mm[mesh.cells[worst]].mean(axis=1),
        "region_smallest_strain": np.array([strains[own, 2].min() for own in cells]),
    }


def _beyond(mesh: Mesh, strains: Reals, asked: Mapping[str, Any]) -> dict[str, Reals]:
    """The volume of each region beyond its limit, NaN where it has none; nothing without limits."""
    name, labels = LIMIT.parameter.name, np.unique(mesh.regions)
    limits = np.array([asked.get(f"{name}@{label}", asked[name]) for label in labels])
    if not limits.any():
        return {}
    limit = limits[np.searchsorted(labels, mesh.regions)]
    past = np.where(limit > 0.0, strains[:, 0] > limit, strains[:, 2] < limit)
    volumes = ML_PER_MM3 * volumes_mm3(mesh.points_mm, mesh.cells)
    beyond = _by_region(mesh, past * volumes)
    return {"region_beyond_limit_ml": np.where(limits != 0.0, beyond, np.nan)}


def _by_region(mesh: Mesh, values: Reals) -> Reals:
    """(r,) the sum of cells' values (m,) in each region, by ascending label."""
    labels, which = np.unique(mesh.regions, return_inverse=True)
    return np.bincount(which, values, len(labels))


def _tensors(six: Reals) -> Reals:
    """(m, 3, 3) of xx, yy, zz, yz, xz, xy (m, 6)."""
    xx, yy, zz, yz, xz, xy = six.T
    return np.stack([xx, xy, xz, xy, yy, yz, xz, yz, zz], axis=1).reshape(-1, 3, 3)
