"""Tissue deformed by a change of gravity, by pressure and by prescribed displacement.

Units: mm, kPa, g/mL. A weight of 1 g/mL × 1 mm/s² = 1e-3 g/mm³ × 1 mm/s² = 1e-9 N/mm³, and
1 kPa = 1e-3 N/mm², so it is 1e-6 kPa/mm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from solvers.contract import Input, Job, Parameter, Progress
from solvers.failures import BadInput, NotConverged
from solvers.laws import Law, law, laws
from solvers.meshfiles import index_array, mesh_from, real_array
from solvers.newton import TOLERANCE, Newton
from solvers.refinement import Mesh, as_dolfinx
from solvers.settings import Setting, checked_members, checked_settings
from solvers.tissue import Tissue

KPA_PER_MM: Final = 1e-6
SMALLEST_STEP: Final = 1.0 / 64.0
ON_THE_WAY: Final = 1e-2
"""Relative residual at which a load step short of the full load is good enough to go on from."""
_HERE: Final = "choice of this solver"

SETTINGS: Final = (
    Setting(
        Parameter(
            "gravity_mm_per_s2", "mm/s²", -2e4, 2e4, "change of gravity since the scan", _HERE, 0.0
        ),
        3,
    ),
    Setting(
        Parameter(
            "density_g_per_ml",
            "g/mL",
            0.1,
            3.0,
            "of the tissue",
            "water 1.00; soft tissue 1.04 to 1.07: ICRU Report 44 (1989)",
            1.05,
        )
    ),
    Setting(Parameter("pressure_kpa", "kPa", -50.0, 50.0, "on the pressure faces", _HERE, 0.0)),
    Setting(Parameter("load_steps", "1", 1.0, 100.0, "steps to begin with", _HERE, 1.0)),
)
INPUTS: Final = (
    Input("points_mm", "(n, 3)", "float64", "mm", "nodes, LPS"),
    Input("tetrahedra", "(m, 4)", "int32", "1", "nodes of each cell"),
    Input("regions", "(m,)", "int32", "1", "label of each cell"),
    Input("fixed_nodes", "(k,)", "int32", "1", "surface nodes that do not move"),
    Input("prescribed_nodes", "(k,)", "int32", "1", "surface nodes moved as told", False),
    Input("prescribed_mm", "(k, 3)", "float64", "mm", "their displacement", False),
    Input("pressure_faces", "(f, 3)", "int32", "1", "surface triangles under pressure", False),
)
OUTPUTS: Final = (
    Input("displacement_mm", "(members, n, 3)", "float64", "mm", "of each node"),
    Input("von_mises_kpa", "(members, m)", "float64", "kPa", "mean of each cell"),
    Input("volume_ratio", "(members, m)", "float64", "1", "current over original volume of cells"),
)


class Organ:
    """One mesh with its supports and loads, ready to be solved for any member's values."""

    def __init__(self, chosen: Law, mesh: Mesh, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Build the equations; raises BadInput when nothing holds the organ."""
        from dolfinx import fem

        grid, self._regions = as_dolfinx(mesh)
        self._node_order = np.argsort(grid.geometry.input_global_indices)
        self._cell_order = np.argsort(grid.topology.original_cell_index)
        grid.topology.create_connectivity(2, 3)
        surface = _Surface(grid)
        self.tissue = Tissue(chosen, grid, surface.facets(self._faces(arrays, len(mesh.points_mm))))
        self._unknowns = (self.tissue.displacement, self.tissue.pressure)
        self._target = fem.Function(self.tissue.displacement.function_space)
        supports, self._goal = self._held(arrays, surface, len(mesh.points_mm))
        self.newton = Newton(self.tissue, supports)

    def _faces(self, arrays: Mapping[str, NDArray[Any]], size: int) -> NDArray[np.int32]:
        if "pressure_faces" not in arrays:
            return np.empty((0, 3), np.int32)
        return np.asarray(self._node_order[index_array(arrays, "pressure_faces", 3, size)])

    def _held(
        self, arrays: Mapping[str, NDArray[Any]], surface: _Surface, size: int
    ) -> tuple[list[Any], NDArray[np.float64]]:
        """The Dirichlet conditions, and the displacement they ask for at full load."""
        from dolfinx import fem

        space = self.tissue.displacement.function_space
        fixed = index_array(arrays, "fixed_nodes", None, size)
        moved, shift = np.empty(0, np.int32), np.empty((0, 3))
        if "prescribed_nodes" in arrays:
            moved = index_array(arrays, "prescribed_nodes", None, size)
            shift = real_array(arrays, "prescribed_mm", (len(moved), 3))
        held = np.union1d(fixed, moved)
        if len(held) < 3:
            raise BadInput(f"{len(held)} nodes are fixed or prescribed; at least 3 must hold it")
        if len(np.intersect1d(fixed, moved)):
            raise BadInput("a node is both fixed and prescribed")
        motion = np.zeros((size, 3))
        motion[self._node_order[moved]] = shift
        linear = fem.Function(fem.functionspace(self.tissue.grid, ("Lagrange", 1, (3,))))
        linear.x.array.reshape(-1, 3)[linear.function_space.dofmap.list] = motion[
            self.tissue.grid.geometry.dofmaps[0]
        ]
        self._target.interpolate(linear)
        dofs = np.union1d(
            fem.locate_dofs_topological(space, 2, surface.spanned(self._node_order[held])),
            self.tissue.node_dofs()[self._node_order[held]],
        ).astype(np.int32)
        return [fem.dirichletbc(self._target, dofs)], self._target.x.array.copy()

    def solve(
        self, values: Mapping[int, Mapping[str, float]], loads: Mapping[str, Any], steps: int
    ) -> dict[str, NDArray[np.float64]]:
        """Return the output arrays of one member.

        Args:
            values: region label → parameter name → value.
            loads: ``body`` (3,) kPa/mm and ``pressure`` kPa at full load.

        Raises:
            NotConverged: naming the load and the residual at which it stopped.
        """
        self.tissue.set_values(self._regions, values)
        self._rest()
        self._set_load(loads, 1.0)
        if np.any(loads["body"]) or loads["pressure"] or self._goal.any():
            self._loaded(loads, steps, self.newton.residual_norm())
        ratio = self.tissue.volume_ratio()
        if ratio.min() <= 0.0:
            raise NotConverged(f"{int((ratio <= 0).sum())} cells are turned inside out")
        return {
            "displacement_mm": self.tissue.displacement_of_nodes()[self._node_order],
            "von_mises_kpa": self.tissue.von_mises_kpa()[self._cell_order],
            "volume_ratio": ratio[self._cell_order],
        }

    def _loaded(self, loads: Mapping[str, Any], steps: int, reference: float) -> None:
        reached, step = 0.0, 1.0 / steps
        while reached < 1.0:
            aim = reached + step if reached + step < 1.0 - 1e-9 else 1.0
            before = [field.x.array.copy() for field in self._unknowns]
            self._set_load(loads, aim)
            try:
                self.newton.solve(reference, TOLERANCE if aim == 1.0 else ON_THE_WAY)
            except NotConverged as error:
                step *= 0.5
                if step < SMALLEST_STEP:
                    where = f"between {reached:.3f} and {aim:.3f} of the load"
                    raise NotConverged(f"{where}: {error}") from error
                for field, values in zip(self._unknowns, before, strict=True):
                    field.x.array[:] = values
            else:
                reached = aim

    def _rest(self) -> None:
        for field in self._unknowns:
            field.x.array[:] = 0.0

    def _set_load(self, loads: Mapping[str, Any], part: float) -> None:
        self.tissue.body.value[:] = part * np.asarray(loads["body"])
        self.tissue.load.value = part * loads["pressure"]
        self._target.x.array[:] = part * self._goal


class _Surface:
    """The outer facets of a mesh, found by their nodes."""

    def __init__(self, grid: Any) -> None:
        from dolfinx.mesh import entities_to_geometry, exterior_facet_indices

        grid.topology.create_connectivity(2, 3)
        self._outer = exterior_facet_indices(grid.topology)
        self._corners = np.sort(entities_to_geometry(grid, 2, self._outer), axis=1)

    def spanned(self, nodes: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return the outer facets whose three corners are all among `nodes`."""
        return np.asarray(self._outer[np.isin(self._corners, nodes).all(axis=1)])

    def facets(self, triangles: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return the outer facets with these corners (f, 3); BadInput when one is none."""
        known = {
            tuple(corners): facet
            for corners, facet in zip(self._corners.tolist(), self._outer, strict=True)
        }
        try:
            found = {known[tuple(sorted(corners))] for corners in triangles.tolist()}
        except KeyError as error:
            raise BadInput("pressure_faces: a triangle is not on the outer surface") from error
        return np.array(sorted(found), np.int32)


def run(
    job: Job, arrays: Mapping[str, NDArray[Any]], tell: Callable[[Progress], None]
) -> tuple[dict[str, NDArray[Any]], dict[str, float]]:
    """Return the output arrays and numbers of a deformation job.

    Raises:
        BadInput: the job or an array cannot be used.
        NotConverged: a member could not be solved, naming the load it reached.
    """
    settings = checked_settings(job, SETTINGS)
    gravity, density, pressure, steps = (settings[s.parameter.name] for s in SETTINGS)
    if job.events:
        raise BadInput("a deformation job has no events: it knows no time")
    chosen = law(job.model)
    mesh = mesh_from(arrays)
    members = _member_values(job, chosen, np.unique(mesh.regions))
    if pressure and "pressure_faces" not in arrays:
        raise BadInput("pressure_kpa is given, but no pressure_faces")
    loads = {"body": KPA_PER_MM * density * np.asarray(gravity), "pressure": pressure}
    tell(Progress(0.0, "setting up the equations"))
    organ = Organ(chosen, mesh, arrays)
    answers = []
    for number, values in enumerate(members):
        tell(Progress((number + 0.5) / (len(members) + 1), f"member {number + 1}/{len(members)}"))
        try:
            answers.append(organ.solve(values, loads, int(steps)))
        except NotConverged as error:
            raise NotConverged(f"member {number}: {error}") from error
    outputs = {array.name: np.stack([a[array.name] for a in answers]) for array in OUTPUTS}
    return outputs, {
        "unknowns": float(organ.newton.unknowns),
        "newton_steps": float(organ.newton.iterations),
        "linear_iterations": float(organ.newton.linear_iterations),
    }


def _member_values(
    job: Job, chosen: Law, labels: NDArray[np.int32]
) -> tuple[dict[int, dict[str, float]], ...]:
    """Each member's values as region label → parameter name → value, from ``name@label`` keys."""
    import dataclasses

    wanted = [
        dataclasses.replace(parameter, name=f"{parameter.name}@{label}")
        for label in labels
        for parameter in chosen.parameters
    ]
    return tuple(
        {
            int(label): {p.name: flat[f"{p.name}@{label}"] for p in chosen.parameters}
            for label in labels
        }
        for flat in checked_members(job, wanted)
    )


def compile_forms() -> Iterator[str]:
    """Compile the forms of every law into the cache, yielding each law's name when done."""
    points = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    mesh = Mesh(points, np.array([[0, 1, 2, 3]], np.int32), np.ones(1, np.int32))
    for name, each in laws().items():
        grid, _ = as_dolfinx(mesh)
        Tissue(each, grid, np.empty(0, np.int32))
        yield name
