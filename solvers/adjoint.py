"""Derivatives of an answer: of any function J of the displacement by the adjoint, and of the
displacement itself, with respect to every number of the laws and loads.

R(u, m) = 0 holds where Newton's method has arrived. With K = ∂R/∂u and Kᵀ λ = ∂J/∂u,
dJ/dm = -λ·∂R/∂m: one linear solve for all numbers m together (Giles & Pierce 2000,
10.1023/A:1011430410075). du/dm = -K⁻¹ ∂R/∂m: one for each number. Pressure that follows a surface
makes K unsymmetric; its transpose is solved, not K. What is left of the residual is an error of
the derivatives of the same relative size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from solvers.acting import load_recipe
from solvers.contact import STIFFNESS, Contact
from solvers.elements import Element
from solvers.failures import BadInput, NotConverged
from solvers.laws import SHEAR_MODULUS, law
from solvers.loads import load
from solvers.organ import Organ
from solvers.slopes import Changing, Slopes, slopes
from solvers.supports import node_dofs
from solvers.tissue import law_recipe

Reals = NDArray[np.float64]
TOLERANCE: Final = 1e-4
"""Of the linear solves, relative: derivatives err by 1e-4 or so of themselves."""
_MOST_ROUNDS: Final = 6
_WORTH: Final = 0.1
"""A round that leaves more than this asks for the true tangent."""


@dataclass(frozen=True, eq=False)
class Number:
    """One number of a law in a region, or of a load.

    Args:
        part: the term it belongs to.
        value: its name there.
        cells: (local cells,) where it counts.
    """

    part: Changing
    value: str
    cells: NDArray[np.bool_]


class Adjoint:
    """Derivatives at the answer that an organ's finest level holds.

    Attributes:
        numbers: name, as in a job, → each number there are derivatives with respect to.
    """

    def __init__(self, organ: Organ, laws: Mapping[int, str]) -> None:
        """Compile (the first time) and bind the derivatives.

        Args:
            laws: region label → name of its law, as the organ was made.

        Raises:
            BadInput: the tissue remembers (viscoelasticity): its answer is not of one equation.
        """
        from dolfinx import fem

        self._grid, self._level = organ.grid, organ.fine
        if self._level.histories:
            raise BadInput("tissue that relaxes has no derivatives: leave prony_moduli and times_s")
        unknowns = self._level.system.unknowns
        self._weights = [fem.Function(unknown.function_space) for unknown in unknowns]
        self.numbers: dict[str, Number] = {}
        self._contacts: list[Changing] = []
        self._parts: list[Changing] = []
        self._add_laws(laws)
        self._add_loads()

    def gradients(
        self, slope: Reals, tolerance: float = TOLERANCE, *, supports: bool = False
    ) -> dict[str, Reals]:
        """Return the slope of J for each of `numbers`, and for every cell's shear modulus.

        Args:
            slope: (n, 3) ∂J/∂u of the input nodes' displacement, per mm.
            supports: for the displacement prescribed to the nodes too.

        Returns:
            name → () or (3,) per unit of the number; ``shear_modulus_kpa`` → (m,) of each cell;
            ``prescribed_mm`` → (n, 3), zero at nodes that are not supported.

        Raises:
            NotConverged: the linear solve failed.
        """
        pull = self._from_nodes(slope)
        self._solve_for_weights(pull, tolerance)
        answer = self._summed()
        if supports:
            answer["prescribed_mm"] = self._of_supports(pull - self._back())
        return answer

    def changes(self, names: Sequence[str], tolerance: float = TOLERANCE) -> dict[str, Reals]:
        """Return name → (n, 3) or (n, 3, 3) mm per unit: how the input nodes move with numbers.

        Raises:
            BadInput: there is no such number, or the answer does not depend on it.
            NotConverged: a linear solve failed.
        """
        for name in names:
            if name not in self.numbers:
                raise BadInput(f"no derivative for {name!r}; there are: {', '.join(self.numbers)}")
        if names:
            self._level.newton.linear.tangent_here()
        return {name: self._change(self.numbers[name], tolerance) for name in names}

    def _change(self, number: Number, tolerance: float) -> Reals:
        linear, free = self._level.newton.linear, ~self._level.system.supported()
        columns = []
        for column in range(number.part.width(number.value)):
            push = np.where(free, self._pushed(number, column), 0.0)
            columns.append(self._at_nodes(-linear.answered(push, tolerance)))
        return columns[0] if len(columns) == 1 else np.stack(columns, axis=-1)

    def _add_laws(self, laws: Mapping[int, str]) -> None:
        for name, term in self._level.laws.items():
            part = self._changing(term, law_slopes(name, self._level.system.element))
            for label in sorted(label for label, own in laws.items() if own == name):
                for value in part.names:
                    inside = self._grid.regions == label
                    self.numbers[f"{value}@{label}"] = Number(part, value, inside)

    def _add_loads(self) -> None:
        everywhere = np.ones(len(self._grid.regions), bool)
        for name, term in self._level.loads.items():
            kind, at, suffix = name.partition("@")
            own = [setting.parameter.name for setting in load(kind).settings]
            part = self._changing(term, load_slopes(kind, self._level.system.element))
            for value in part.names:
                if value in own:
                    self.numbers[value + at + suffix] = Number(part, value, everywhere)
            self._contacts += [part] if isinstance(load(kind), Contact) else []

    def _changing(self, term: Any, made: Slopes) -> Changing:
        part = Changing(term, made, self._level.system.unknowns, self._weights)
        self._parts.append(part)
        return part

    def _solve_for_weights(self, pull: Reals, tolerance: float) -> None:
        """Find λ: by Newton's last tangent, put right by the true one's products with λ.

        The last tangent is that of one step before the answer. A product without a matrix costs a
        twentieth of assembling the tangent, which is done only when the last one does not do.
        """
        linear, system = self._level.newton.linear, self._level.system
        free = ~system.supported()
        rest = np.where(free, pull, 0.0)
        weights, size = np.zeros(len(rest)), system.norm(rest)
        linear.tangent_here(again=True)
        self._set_weights(weights)
        for _ in range(_MOST_ROUNDS):
            before = system.norm(rest)
            if before <= tolerance * size:
                return
            weights += linear.answered(rest, 0.9 * tolerance * size / before, transposed=True)
            self._set_weights(weights)
            rest = np.where(free, pull - self._back(), 0.0)
            if system.norm(rest) > max(_WORTH * before, tolerance * size):
                linear.tangent_here()
        raise NotConverged("the linear solve of the adjoint does not get to its tolerance")

    def _back(self) -> Reals:
        """Kᵀ λ without supports, the owned part."""
        parts = [part.back() for part in self._parts]
        return self._owned([np.sum(rows, axis=0) for rows in zip(*parts, strict=True)])

    def _set_weights(self, weights: Reals) -> None:
        start = 0
        for function in self._weights:
            own = _owned(function.function_space)
            function.x.array[:own] = weights[start : start + own]
            function.x.scatter_forward()
            start += own

    def _summed(self) -> dict[str, Reals]:
        """Each number's slope over all ranks, and that of each cell's shear modulus."""
        own_parts = [number.part for number in self.numbers.values()]
        parts = dict.fromkeys([*own_parts, *self._contacts])  # on all ranks in the same order
        rows = {part: part.pulled() for part in parts}
        own = np.arange(len(self._grid.regions)) < self._grid.owned_cells
        stiffer = np.zeros((len(own), 1))
        for part, stiffness in zip(self._contacts, self._penalties(), strict=True):
            stiffer += rows[part][STIFFNESS] * stiffness[:, None]
        found, cells = {}, np.zeros(len(own))
        for name, number in self.numbers.items():
            inside = number.cells & own
            values = -rows[number.part][number.value][inside]
            if number.value == SHEAR_MODULUS.name:
                values = values - stiffer[inside]
                cells[inside] = values[:, 0]
            found[name] = np.squeeze(self._grid.comm.allreduce(values.sum(axis=0)))
        return {**found, SHEAR_MODULUS.name: self._grid.gathered_cells(cells)}

    def _penalties(self) -> list[Reals]:
        """How each contact's penalty grows with the shear modulus of its cell, 1/mm."""
        return [contact.stiffness_per_kpa() for contact in self._level.contacts]

    def _pushed(self, number: Number, column: int) -> Reals:
        """∂R/∂m of one number, the owned part."""
        change = np.zeros((len(number.cells), number.part.width(number.value)))
        change[number.cells, column] = 1.0
        whole = number.part.pushed(number.value, change)
        if number.value == SHEAR_MODULUS.name:
            for part, stiffness in zip(self._contacts, self._penalties(), strict=True):
                stiffer = part.pushed(STIFFNESS, change * stiffness[:, None])
                whole = [a + b for a, b in zip(whole, stiffer, strict=True)]
        return self._owned(whole)

    def _owned(self, rows: list[Reals]) -> Reals:
        """One vector of the owned parts of a local vector for each unknown."""
        sizes = [_owned(function.function_space) for function in self._weights]
        return np.concatenate([row[:own] for row, own in zip(rows, sizes, strict=True)])

    def _from_nodes(self, slope: Reals) -> Reals:
        """The owned vector of a slope (n, 3) of the input nodes, zero for the pressure."""
        space = self._weights[0].function_space
        dofs = node_dofs(self._grid, space)
        local = np.zeros((space.dofmap.list.max(initial=-1) + 1, 3))
        local[dofs] = slope[self._grid.nodes]
        own = [_owned(function.function_space) for function in self._weights]
        return np.concatenate([local.ravel()[: own[0]], np.zeros(sum(own[1:]))])

    def _at_nodes(self, step: Reals) -> Reals:
        """(n, 3) the displacement of the input nodes in an owned vector."""
        self._set_weights(step)
        return self._gathered(self._weights[0])

    def _of_supports(self, pull: Reals) -> Reals:
        """(n, 3) of the input nodes: a held node amid an edge goes with the mean of its ends."""
        from dolfinx import fem
        from dolfinx.fem.petsc import interpolation_matrix

        space = self._weights[0].function_space
        linear = fem.Function(fem.functionspace(self._grid.mesh, ("Lagrange", 1, (3,))))
        between = interpolation_matrix(linear.function_space, space)
        between.assemble()
        given, found = between.createVecLeft(), between.createVecRight()
        own = len(given.array)
        given.array[:] = np.where(self._level.system.supported(), pull, 0.0)[:own]
        between.multTranspose(given, found)
        linear.x.array[: len(found.array)] = found.array_r
        linear.x.scatter_forward()
        for each in (between, given, found):
            each.destroy()
        return self._gathered(linear)

    def _gathered(self, function: Any) -> Reals:
        dofs = node_dofs(self._grid, function.function_space)
        return self._grid.gathered_nodes(function.x.array.reshape(-1, 3)[dofs])


def law_slopes(name: str, element: Element) -> Slopes:
    """Return the compiled derivatives of a law with respect to its parameters."""
    parameters = tuple(parameter.name for parameter in law(name).parameters)
    return slopes(law_recipe(name, element), parameters)


def load_slopes(name: str, element: Element) -> Slopes:
    """Return the compiled derivatives of a load with respect to its settings, and a penalty."""
    own = tuple(setting.parameter.name for setting in load(name).settings)
    penalty = (STIFFNESS,) if isinstance(load(name), Contact) else ()
    return slopes(load_recipe(name, element), own + penalty)


def _owned(space: Any) -> int:
    return int(space.dofmap.index_map.size_local * space.dofmap.index_map_bs)
