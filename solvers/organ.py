"""An organ to be deformed: mesh, laws, supports and loads, solved for one set of numbers at a time.

An accurate element starts from the answer of its coarser one on the same mesh (`COARSER`): loads
are stepped where steps are cheap.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from solvers.acting import acting_faces, load_recipe, own_inputs
from solvers.contact import Contact
from solvers.directions import unit_directions
from solvers.elements import COARSER, Element
from solvers.failures import BadInput, NotConverged
from solvers.grid import Grid
from solvers.laws import SHEAR_MODULUS, law
from solvers.loads import load
from solvers.newton import Newton
from solvers.pressing import FEWEST_STEPS, SOFTEST, Pressing, pressed
from solvers.refinement import Mesh
from solvers.stepping import loaded
from solvers.supports import Supports, node_dofs
from solvers.system import System
from solvers.terms import Term
from solvers.tissue import law_recipe
from solvers.viscoelasticity import History

Arrays = Mapping[str, NDArray[Any]]
Values = Mapping[int, Mapping[str, Any]]
"""Region label → parameter name → its value, or an array (m,) of which the region's cells count."""
CONTACT_TOLERANCE: Final = "contact_tolerance_mm"
"""The setting that says how deep a contact may be penetrated."""
CONTACT_TOLERANCE_MM: Final = 0.05
N_PER_KPA_MM2: Final = 1e-3
ADVICE: Final = "Try smaller loads, more supports, stiffer tissue, or smaller cells there"


class Organ:
    """One mesh with its laws, supports and loads, ready to be solved for any member's values.

    Attributes:
        grid: the mesh on the ranks.
        mesh: as it was given.
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
        self.grid, self.mesh = Grid(mesh, comm), mesh
        self._supports = supports = Supports(arrays, mesh)
        coarser = COARSER.get(element.name)
        chosen = [element] if coarser is None else [coarser, element]
        self.levels = [Level(self.grid, laws, e, arrays=arrays, supports=supports) for e in chosen]
        for name in sorted(set(laws.values())):
            inside = np.isin(mesh.regions, [label for label, own in laws.items() if own == name])
            for key, unit in unit_directions(arrays, law(name).directions, inside).items():
                for level in self.levels:
                    level.laws[name].values[key].x.array[:] = unit[self.grid.cells].ravel()

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
            BadInput: nothing holds a piece of the mesh, or a load lacks a number.
            NotConverged: naming the load and the residual at which it stopped.
        """
        self.prepare(values, settings)
        first, *others = self.levels
        tolerance = self.contact_tolerance_mm(settings)
        first.load_up(max(steps, FEWEST_STEPS) if first.contacts else steps, tell)
        first.press(tolerance)
        below = first
        for level in others:
            level.start_from(below)
            level.resettle(steps)
            level.press(tolerance)
            below = level
        return below

    def prepare(self, values: Values, settings: Mapping[str, Any]) -> None:
        """Set the tissue's numbers and the full loads, and go to rest."""
        self._supports.require_hold(settings)
        self.reshape(self.mesh.points_mm)
        for level in self.levels:
            level.prepare(values, settings)

    def contact_tolerance_mm(self, settings: Mapping[str, Any]) -> float:
        """Return how deep a contact may be penetrated."""
        return float(settings.get(CONTACT_TOLERANCE, CONTACT_TOLERANCE_MM))

    def support(self, arrays: Arrays) -> None:
        """Take supports of the same nodes with other displacements; BadInput as when made."""
        self._supports = supports = Supports(arrays, self.mesh)
        for level in self.levels:
            level.system.hold(*supports.of(self.grid, level.system.unknowns[0]))

    def reshape(self, points_mm: NDArray[np.float64]) -> None:
        """Give the nodes other places at rest (n, 3); the next `solve` starts from the mesh's."""
        self.grid.mesh.geometry.x[:] = points_mm[self.grid.nodes]


class Level:
    """The equations of one element.

    Attributes:
        system, newton: unknowns and equations, and their solver.
        laws: law name → its term.
        reference: norm of the residual at rest under the full load, after `prepare`; 0 if none.
        loads: load name (with ``@NAME``) → its term.
        contacts: the loads that are contacts.
        histories: what the laws' cells remember, where tissue relaxes.
    """

    def __init__(
        self,
        grid: Grid,
        laws: Mapping[int, str],
        element: Element,
        *,
        arrays: Arrays,
        supports: Supports,
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
            for name, entities in acting_faces(grid, arrays)
        }
        self.histories: list[History] = []
        self.contacts: list[Pressing] = []
        for name, term in self.loads.items():
            self._wire(name, term, arrays)
        self.system.hold(*supports.of(grid, self.system.unknowns[0]))
        self.newton = Newton(self.system)
        self._full: dict[tuple[str, str], NDArray[np.float64]] = {}

    def _wire(self, name: str, term: Term, arrays: Arrays) -> None:
        """Take up what a load renews, and whether it is a contact."""
        kind = load(name.partition("@")[0])
        renewal = kind.renewal(term, self.system.unknowns[0], own_inputs(name, arrays))
        if renewal is not None:
            self.system.renewals.append(renewal)
        if isinstance(kind, Contact):
            self.contacts.append(Pressing(name, term, self._grid))

    def prepare(self, values: Values, settings: Mapping[str, Any]) -> None:
        """Set the tissue's numbers and the full loads, and go to rest."""
        for history in self.histories:
            history.begin([])
        regions = self._grid.regions
        shear = np.zeros(len(regions))
        for name, term in self.laws.items():
            for label in self._labels[name]:
                inside = regions == label
                for parameter, value in values[label].items():
                    term.values[parameter].x.array[inside] = self._grid.of_cells(value)[inside]
                shear[inside] = term.values[SHEAR_MODULUS.name].x.array[inside]
        for contact in self.contacts:
            contact.begin(shear)
            self.system.longest_mm = contact.edge_mm
        for name, term in self.loads.items():
            kind, _, suffix = name.partition("@")
            for number in (setting.parameter.name for setting in load(kind).settings):
                full = np.asarray(settings[f"{number}@{suffix}" if suffix else number], float)
                if number in load(kind).needed and not full.any():
                    raise BadInput(f"{name}: {number} is zero or missing")
                term.values[number].value = full
                if number in load(kind).scaled:
                    self._full[name, number] = full
        self.rest()
        self.set_load(1.0)
        acts = self.system.is_moved() or any(np.any(full) for full in self._full.values())
        acts = acts or any(contact.penetration_mm() > 0.0 for contact in self.contacts)
        self.reference = self.system.norm(self.system.residual()) if acts else 0.0

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
        self.carry(0.0, 1.0, steps, tell)

    def carry(self, start: float, aim: float, steps: int, tell: Callable[[float], object]) -> None:
        """Go from one part of the load, at which the unknowns stand, to another."""
        if self.reference == 0.0:
            return
        try:
            loaded(
                self.system,
                self.newton,
                lambda part: self.set_load(start + part * (aim - start)),
                steps=steps,
                reference=self.reference,
                tell=tell,
            )
        except NotConverged as error:
            raise self._failed(error) from error

    def settle(self, part: float = 1.0) -> None:
        """Solve at a part of the load from where the unknowns stand, near the answer."""
        self.set_load(part)
        if self.reference > 0.0:
            self.newton.solve(self.reference, patience=0, relaxing=True)

    def resettle(self, steps: int) -> None:
        """Solve at the full load from where the unknowns stand, or from rest if that fails."""
        try:
            self.settle()
        except NotConverged:
            self.rest()
            self.load_up(max(2, steps), float)

    def press(self, tolerance_mm: float) -> None:
        """Stiffen the contacts until none is penetrated by more than `tolerance_mm`."""
        try:
            pressed(self.contacts, self.system, tolerance_mm=tolerance_mm, solve=self.settle)
        except NotConverged as error:
            raise self._failed(error) from error

    def force_n(self, name: str) -> NDArray[np.float64]:
        """Return (3,) the force in N of a load (with ``@NAME``) on the tissue, on every rank."""
        from dolfinx import fem

        nodal = fem.assemble_vector(self.loads[name].residual[0]).array.reshape(-1, 3)
        total = self._grid.comm.allgather(nodal.sum(axis=0))
        return np.asarray(-N_PER_KPA_MM2 * np.sum(total, axis=0))

    def _failed(self, error: NotConverged) -> NotConverged:
        """The same with the loads that are not zero, and what to do."""
        names = {name for (name, _), full in self._full.items() if full.any()}
        names |= {contact.name for contact in self.contacts}
        moved = ["prescribed displacement"] if self.system.is_moved() else []
        return NotConverged(f"under {', '.join([*sorted(names), *moved])}: {error}. {ADVICE}")

    def start_from(self, other: Level) -> None:
        """Take the unknowns' values from another element; contacts begin soft again."""
        for contact, before in zip(self.contacts, other.contacts, strict=True):
            contact.set_stiffness(min(before.stiffness, SOFTEST))
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
