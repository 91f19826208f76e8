"""An organ to be deformed: mesh, laws, supports and loads, solved for one set of numbers at a time.

An accurate element starts from the answer of its coarser one on the same mesh (`COARSER`): loads
are stepped where steps are cheap.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.elements import COARSER, Element
from solvers.failures import BadInput, NotConverged
from solvers.forms import Words
from solvers.grid import Grid
from solvers.loads import load, loads
from solvers.meshfiles import index_array, real_array
from solvers.newton import Newton
from solvers.refinement import Mesh
from solvers.stepping import loaded
from solvers.system import System
from solvers.terms import Recipe, recipe
from solvers.tissue import law_recipe

Arrays = Mapping[str, NDArray[Any]]
Values = Mapping[int, Mapping[str, float]]


class Organ:
    """One mesh with its laws, supports and loads, ready to be solved for any member's values.

    Attributes:
        grid: the mesh on the ranks.
        levels: the equations, the coarser element's (where there is one) first.
    """

    def __init__(
        self, mesh: Mesh, laws: Mapping[int, str], element: Element, arrays: Arrays, *, comm: Any
    ) -> None:
        """Set up the equations.

        Args:
            laws: region label → name of its law; every label of the mesh.
            arrays: the job's input arrays (supports, faces of loads, directions).
            comm: MPI communicator; every rank gives the same arguments.

        Raises:
            BadInput: nothing holds the organ, or an array does not fit the mesh.
        """
        self.grid = Grid(mesh, comm)
        supports = _Supports(arrays, self.grid.size)
        coarser = COARSER.get(element.name)
        chosen = [element] if coarser is None else [coarser, element]
        self.levels = [Level(self.grid, laws, e, arrays=arrays, supports=supports) for e in chosen]

    @property
    def fine(self) -> Level:
        """The level whose answer counts."""
        return self.levels[-1]

    def solve(
        self,
        values: Values,
        settings: Mapping[str, Any],
        *,
        steps: int = 1,
        tell: Callable[[float], object] = float,
    ) -> Level:
        """Solve for one member, from rest; return the level that holds the answer.

        Args:
            values: region label → parameter name → value.
            settings: setting name → value of the loads, at full load.
            steps: load steps to begin with.
            tell: is told the part of the load reached; by default nobody is.

        Raises:
            NotConverged: naming the load and the residual at which it stopped.
        """
        for level in self.levels:
            level.prepare(values, settings)
        first, *others = self.levels
        first.load_up(steps, tell)
        below = first
        for level in others:
            level.start_from(below)
            try:
                level.settle()
            except NotConverged:
                level.rest()
                level.load_up(max(2, steps), tell)
            below = level
        return below


class Level:
    """The equations of one element.

    Attributes:
        system, newton: unknowns and equations, and their solver.
        laws: law name → its term.
        loads: load name (with ``@NAME``) → its term.
    """

    def __init__(
        self,
        grid: Grid,
        laws: Mapping[int, str],
        element: Element,
        *,
        arrays: Arrays,
        supports: _Supports,
    ) -> None:
        """Set up the equations; arguments as of `Organ`."""
        self._grid = grid
        self._labels = {
            name: [label for label, own in laws.items() if own == name]
            for name in sorted(set(laws.values()))
        }
        self.system = System(grid, element)
        self.laws = {
            name: self.system.add(law_recipe(name, element), grid.cells_of(labels))
            for name, labels in self._labels.items()
        }
        self.loads = {
            name: self.system.add(load_recipe(name.partition("@")[0], element), entities)
            for name, entities in _loaded(grid, arrays)
        }
        self.system.hold(*supports.of(grid, self.system.unknowns[0]))
        self.newton = Newton(self.system)
        self._full: dict[tuple[str, str], NDArray[np.float64]] = {}

    def prepare(self, values: Values, settings: Mapping[str, Any]) -> None:
        """Set the tissue's numbers and the full loads, and go to rest."""
        regions = self._grid.regions
        for name, term in self.laws.items():
            for label in self._labels[name]:
                for parameter, value in values[label].items():
                    term.values[parameter].x.array[regions == label] = value
        for name, term in self.loads.items():
            kind, _, suffix = name.partition("@")
            for number in (setting.parameter.name for setting in load(kind).settings):
                full = np.asarray(settings[f"{number}@{suffix}" if suffix else number], float)
                term.values[number].value = full
                if number in load(kind).scaled:
                    self._full[name, number] = full
        self.rest()
        self.set_load(1.0)
        acts = self.system.is_moved() or any(np.any(full) for full in self._full.values())
        self._reference = self.system.norm(self.system.residual()) if acts else 0.0

    def rest(self) -> None:
        """Undo all deformation."""
        for unknown in self.system.unknowns:
            unknown.x.array[:] = 0.0

    def set_load(self, part: float) -> None:
        """Set the loads and prescribed displacements to this part of the full ones."""
        for (name, number), full in self._full.items():
            self.loads[name].values[number].value = part * full
        self.system.set_goal(part)

    def load_up(self, steps: int, tell: Callable[[float], object]) -> None:
        """Go from rest to the full load."""
        if self._reference > 0.0:
            loaded(
                self.system,
                self.newton,
                self.set_load,
                steps=steps,
                reference=self._reference,
                tell=tell,
            )

    def settle(self) -> None:
        """Solve at the full load from where the unknowns stand."""
        self.set_load(1.0)
        if self._reference > 0.0:
            self.newton.solve(self._reference)

    def start_from(self, other: Level) -> None:
        """Take the unknowns' values from another element on the same mesh."""
        for own, theirs in zip(self.system.unknowns, other.system.unknowns, strict=True):
            own.interpolate(theirs)
            own.x.scatter_forward()
        self.system.obey_supports()

    def displacement_mm(self) -> NDArray[np.float64]:
        """Return (n, 3) the displacement of the input nodes, on every rank."""
        moved = self.system.unknowns[0]
        values = moved.x.array.reshape(-1, 3)[node_dofs(self._grid, moved.function_space)]
        return self._grid.gathered_nodes(values)

    def cell_mean(self, measure: str) -> NDArray[np.float64]:
        """Return (m, ...) a measure's mean over each input cell, on every rank."""
        whole: Any = 0.0
        for term in self.laws.values():
            values, size = term.measured(measure), term.measured("size")
            cells = term.entities
            mean = np.zeros_like(values)
            mean[cells] = values[cells] / size[cells].reshape(-1, *[1] * (values.ndim - 1))
            whole = whole + mean
        return self._grid.gathered_cells(whole)


class _Supports:
    """The nodes that are held or moved as told."""

    def __init__(self, arrays: Arrays, size: int) -> None:
        fixed = index_array(arrays, "fixed_nodes", None, size)
        moved, shift = np.empty(0, np.int32), np.empty((0, 3))
        if "prescribed_nodes" in arrays:
            moved = index_array(arrays, "prescribed_nodes", None, size)
            shift = real_array(arrays, "prescribed_mm", (len(moved), 3))
        if len(np.union1d(fixed, moved)) < 3:
            count = len(np.union1d(fixed, moved))
            raise BadInput(f"{count} nodes are fixed or prescribed; at least 3 must hold it")
        if len(np.intersect1d(fixed, moved)):
            raise BadInput("a node is both fixed and prescribed")
        self._held = np.zeros(size, bool)
        self._held[fixed] = self._held[moved] = True
        self._goal = np.zeros((size, 3))
        self._goal[moved] = shift

    def of(self, grid: Grid, moved: Any) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Return the blocked dofs that are prescribed, and (local dofs × 3,) mm for each dof."""
        from dolfinx import fem

        space = moved.function_space
        linear = fem.Function(fem.functionspace(grid.mesh, ("Lagrange", 1, (3,))))
        places = node_dofs(grid, linear.function_space)
        linear.x.array.reshape(-1, 3)[places] = self._goal[grid.nodes]
        goal = fem.Function(space)
        goal.interpolate(linear)
        goal.x.scatter_forward()
        facets = fem.locate_dofs_topological(space, 2, grid.facets_within(self._held))
        corners = node_dofs(grid, space)[self._held[grid.nodes]]
        return np.union1d(facets, corners).astype(np.int32), goal.x.array.copy()


def node_dofs(grid: Grid, space: Any) -> NDArray[np.int32]:
    """Return (local nodes,) the blocked dof of a Lagrange space at each mesh node."""
    dofs = np.empty(len(grid.nodes), np.int32)
    dofs[grid.corner_positions()] = space.dofmap.list[:, :4]
    return dofs


@cache
def load_recipe(name: str, element: Element) -> Recipe:
    """Return the compiled virtual work of a load for an element."""
    words = Words(element)
    values = {
        setting.parameter.name: words.constant((setting.length,) if setting.length > 1 else ())
        for setting in load(name).settings
    }
    work = load(name).virtual_work(words, values)
    return recipe(words, (work, None)[: len(words.unknowns)], values)


def _loaded(grid: Grid, arrays: Arrays) -> list[tuple[str, NDArray[np.int32]]]:
    """The loads that can act: those on all cells, and those whose faces the job names."""
    found = []
    for kind in loads().values():
        if kind.faces is None:
            cells = np.arange(grid.owned_cells, dtype=np.int32)
            found.append((kind.name, cells))
            continue
        for array in sorted(arrays):
            name, at, suffix = array.partition("@")
            if name == kind.faces.name:
                triangles = index_array(arrays, array, 3, grid.size)
                found.append((kind.name + at + suffix, grid.faces(triangles, array)))
    return found
