"""Problems to verify the solver with: any law, support and load on a mesh, below `Organ`.

What a product's user never needs is written here, not there: loads given by an exact solution,
dead tractions, directions that are set by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from solvers import kinematics
from solvers.elements import ELEMENTS, Element
from solvers.forms import Compiled, Words, compiled
from solvers.grid import Grid
from solvers.laws import SHEAR_MODULUS, inverse_bulk, law
from solvers.linear import DIRECT_BELOW
from solvers.newton import Newton
from solvers.refinement import Mesh
from solvers.stepping import loaded
from solvers.system import System
from solvers.terms import Recipe, Term, recipe
from solvers.tissue import KEPT_BULK, law_recipe
from tests.solvers.meshes import box_mesh

Reals = NDArray[np.float64]
Where = Callable[[Reals], NDArray[np.bool_]]
CORNERS = ((0, 1, 2), (0, 1, 3), (0, 2, 3), (1, 2, 3))
VERIFYING_DEGREE = 6
"""Of the quadrature of exact solutions and errors."""


@dataclass(eq=False)
class Problem:
    """One law on a mesh; `hold` and `act`, then `solve`.

    Args:
        element: name of the element.
        law: name of the law.
        values: its parameters, and its directions as (3,) unit vectors.
        grid: of another problem on the same mesh, to start from its answer.
        direct: whether every linear solve is by factorisation.
    """

    mesh: Mesh
    element: str
    law: str
    values: Mapping[str, Any]
    grid: Any = None
    direct: bool = False
    scaled: list[tuple[Any, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.grid = self.grid or Grid(self.mesh, MPI.COMM_SELF)
        self.system = System(self.grid, ELEMENTS[self.element])
        term = self.system.add(law_recipe(self.law, ELEMENTS[self.element]), self.cells)
        for name, value in self.values.items():
            array = term.values[name].x.array
            array[:] = np.resize(np.asarray(value, float), array.shape)

    @property
    def cells(self) -> NDArray[np.int32]:
        return np.arange(self.grid.owned_cells, dtype=np.int32)

    def hold(self, where: Where, goal: Callable[[Reals], Reals] | None = None) -> None:
        """Prescribe the displacement (n, 3) → (n, 3) mm, zero unless given."""
        from dolfinx import fem

        space = self.system.unknowns[0].function_space
        held = where(self.mesh.points_mm)
        dofs = fem.locate_dofs_topological(space, 2, self.grid.facets_within(held))
        corners = self._corner_dofs()[held[self.grid.nodes]]
        function = fem.Function(space)
        if goal is not None:
            function.interpolate(lambda x: goal(x.T).T)
        self.system.hold(np.union1d(dofs, corners).astype(np.int32), function.x.array)

    def act(self, made: Recipe, entities: NDArray[Any], **values: Any) -> Term:
        """Add a load whose `values` grow with the load."""
        term = self.system.add(made, entities)
        self.scaled += [(term.values[name], np.asarray(full)) for name, full in values.items()]
        return term

    def faces(self, where: Where) -> NDArray[np.int32]:
        """Return the (cell, facet) pairs of the outer faces all of whose corners are `where`."""
        outer = outer_faces(self.mesh)
        wanted = outer[where(self.mesh.points_mm)[outer].all(axis=1)]
        return np.asarray(self.grid.faces(wanted, "faces"))

    def solve(self, steps: int = 1, start: Problem | None = None) -> Problem:
        """Bring the load up from rest, or from another element's answer; return the problem."""
        newton = Newton(self.system, direct_below=10**9 if self.direct else DIRECT_BELOW)
        self._set_load(1.0)
        reference = self.system.norm(self.system.residual())
        if start is None:
            loaded(
                self.system, newton, self._set_load, steps=steps, reference=reference, tell=float
            )
            return self
        for own, theirs in zip(self.system.unknowns, start.system.unknowns, strict=True):
            own.interpolate(theirs)
        self.system.obey_supports()
        newton.solve(reference)
        return self

    def displacement_mm(self) -> Reals:
        """Return (n, 3) the displacement of the mesh's nodes."""
        values = self.system.unknowns[0].x.array.reshape(-1, 3)[self._corner_dofs()]
        return np.asarray(self.grid.gathered_nodes(values))

    def moved(self, point: tuple[float, float, float]) -> Reals:
        """Return (3,) where the node at `point` has gone."""
        node = np.linalg.norm(self.mesh.points_mm - point, axis=1).argmin()
        return np.asarray(self.mesh.points_mm[node] + self.displacement_mm()[node])

    def inner_force(self, where: Where) -> Reals:
        """Return (3,) in mN the force that the law's stress asks of the nodes `where`."""
        from dolfinx import fem

        space = self.system.unknowns[0].function_space
        forces = fem.assemble_vector(self.system.terms[0].residual[0]).array.reshape(-1, 3)
        here = where(space.tabulate_dof_coordinates())
        return np.asarray(forces[here].sum(axis=0))

    def norm(self, square: Compiled, symbols: tuple[Any, ...]) -> float:
        """Return the root of the integral of a form of the unknowns."""
        from dolfinx import fem

        given = dict(zip(symbols, self.system.unknowns, strict=True))
        return float(np.sqrt(fem.assemble_scalar(square.bound([], self.cells, given))))

    def _set_load(self, part: float) -> None:
        for value, full in self.scaled:
            value.value = part * full
        self.system.set_goal(part)

    def _corner_dofs(self) -> NDArray[np.int32]:
        dofs = np.empty(len(self.grid.nodes), np.int32)
        space = self.system.unknowns[0].function_space
        dofs[self.grid.corner_positions()] = space.dofmap.list[:, :4]
        return dofs


def outer_faces(mesh: Mesh) -> NDArray[np.int32]:
    """Return (t, 3) the triangles that belong to one cell only."""
    triangles = np.concatenate([mesh.cells[:, list(corners)] for corners in CORNERS])
    _, first, count = np.unique(
        np.sort(triangles, axis=1), axis=0, return_index=True, return_counts=True
    )
    return np.asarray(triangles[first[count == 1]], np.int32)


@cache
def dead_traction(element: Element) -> Recipe:
    """A force per area at rest that keeps its direction: `traction` (3,) kPa."""
    import ufl

    words = Words(element)
    traction = words.constant((3,))
    work = -ufl.inner(traction, words.v) * words.faces()
    return recipe(words, (work, None)[: len(words.unknowns)], {"traction": traction})


@cache
def active_tension(element: Element) -> Recipe:
    """Fibres that pull, each cell's its own: second Piola-Kirchhoff's stress `tension` f ⊗ f.

    Virtual work ∫ T (F f)·(∇v f). Of hearts alone, so that no organ of ours needs it as a load.
    """
    import ufl

    words = Words(element)
    fibre, tension = words.cellwise((3,)), words.constant()
    pulled = ufl.dot(kinematics.deformation_gradient(words.u), fibre)
    work = tension * ufl.inner(pulled, ufl.dot(ufl.grad(words.v), fibre)) * words.cells()
    return recipe(words, (work, None)[: len(words.unknowns)], {"fibre": fibre, "tension": tension})


SIZE_MM = 10.0
"""Of the cube of the manufactured solution."""


def manufactured(x: Any, part: Any, of: Any) -> tuple[tuple[Any, Any, Any], Any]:
    """Displacement and pressure: three shears after one another, so that J = 1 everywhere.

    Amplitudes of 0.8 mm and less in a cube of 10 mm: strains up to 0.3. `of`: ufl or numpy.
    """
    k = np.pi / SIZE_MM
    first = x[0] + 0.8 * part * of.sin(k * x[1]) * of.cos(0.5 * k * x[2])
    second = x[1] + 0.6 * part * of.sin(k * first)
    third = x[2] + 0.5 * part * of.sin(k * second) * of.sin(0.5 * k * first)
    pressure = 0.5 * part * of.cos(k * x[0]) * (1.0 + of.sin(0.5 * k * x[1]))
    return (first - x[0], second - x[1], third - x[2]), pressure


def manufactured_problem(element: str, cuts: int, poisson_ratio: float) -> Problem:
    """Return the manufactured solution's problem on a cube of `cuts`³ bricks, free at its top."""
    mesh = box_mesh((SIZE_MM,) * 3, (cuts,) * 3, jitter=0.1)
    values = {"shear_modulus_kpa": 2.0, "poisson_ratio": poisson_ratio}
    problem = Problem(mesh, element, "neo_hookean", values)
    problem.hold(
        lambda x: ((x < 1e-9) | (x > SIZE_MM - 1e-9))[:, :2].any(axis=1) | (x[:, 2] < 1e-9),
        lambda x: np.column_stack(manufactured(x.T, 1.0, np)[0]),
    )
    term = problem.act(manufactured_load(ELEMENTS[element]), problem.cells, part=1.0)
    for name, value in values.items():
        term.values[name].x.array[:] = value
    return problem


def manufactured_error(problem: Problem) -> tuple[float, float, float]:
    """Return the errors in L2 of displacement (mm), of its slope, and of pressure (kPa).

    Root of the mean square over the cube.
    """
    symbols, squares = manufactured_errors(ELEMENTS[problem.element])
    length, slope, pressure = (problem.norm(square, symbols) for square in squares)
    scale = SIZE_MM**-1.5
    return length * scale, slope * scale, pressure * scale


@cache
def manufactured_load(element: Element) -> Recipe:
    """The forces, on volume and free faces, under which `manufactured` is the solution.

    ∫ P(u):∇v of the exact u and p is what a body force -Div P and a traction P N do; the
    pressure's equation gets what the exact pair leaves of it.
    """
    import ufl

    words = Words(element)
    values = {p.name: words.cellwise() for p in law("neo_hookean").parameters}
    part = words.constant()
    displacement, pressure = manufactured(words.x, part, ufl)
    f = ufl.variable(kinematics.deformation_gradient(ufl.as_vector(displacement)))
    energy = law("neo_hookean").distortion_energy(f, values)
    stress = ufl.diff(energy, f) + pressure * ufl.cofac(f)
    dx = words.cells(VERIFYING_DEGREE)
    kept = KEPT_BULK * values[SHEAR_MODULUS.name]
    rest = inverse_bulk(values) / (1.0 - kept * inverse_bulk(values))
    residual = (-ufl.inner(stress, ufl.grad(words.v)) * dx, rest * pressure * words.q * dx)
    return recipe(words, residual, {**values, "part": part})


@cache
def manufactured_errors(element: Element) -> tuple[tuple[Any, ...], tuple[Compiled, ...]]:
    """The unknowns' symbols; squared errors: displacement mm, its slope, pressure kPa."""
    import ufl

    words = Words(element)
    dx = words.cells(VERIFYING_DEGREE)
    displacement, pressure = manufactured(words.x, 1.0, ufl)
    away = words.u - ufl.as_vector(displacement)
    slope = ufl.grad(away)
    squares = (ufl.inner(away, away), ufl.inner(slope, slope), (words.p - pressure) ** 2)
    return (words.u, words.p), tuple(compiled(square * dx) for square in squares)
