"""One part of the balance of forces: a law in its regions, or a load on its cells or faces.

A `Recipe` is the compiled mathematics of a law or load for an element, made once a process; a
`Term` is a recipe on one mesh with its own numbers. Residual and tangent are derivatives that UFL
takes of what a law or load writes down.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.forms import Compiled, Words, compiled


@dataclass(frozen=True, eq=False)
class Recipe:
    """Compiled forms of one part.

    Args:
        words: the symbols it is written with.
        values: name → UFL coefficient (one value per cell or node) or constant.
        residual: for each unknown its form, or None where the part does not appear.
        tangent: for each unknown a row of forms, their derivatives.
        schur: form that approximates the pressure's Schur complement, or None.
        measures: name → linear form over DG0 of what can be read off after solving.
    """

    words: Words
    values: Mapping[str, Any]
    residual: tuple[Compiled | None, ...]
    tangent: tuple[tuple[Compiled | None, ...], ...]
    schur: Compiled | None = None
    measures: Mapping[str, Compiled] = field(default_factory=dict)


def recipe(words: Words, residual: Any, values: Mapping[str, Any], **more: Any) -> Recipe:
    """Return the recipe of a part from its residual forms, one for each unknown (None: none)."""
    import ufl

    steps = (words.du, words.dp)[: len(words.unknowns)]
    rows = tuple(
        tuple(
            compiled_or_none(ufl.derivative(form, unknown, step) if form is not None else None)
            for unknown, step in zip(words.unknowns, steps, strict=True)
        )
        for form in residual
    )
    return Recipe(words, values, tuple(map(compiled_or_none, residual)), rows, **more)


def compiled_or_none(form: Any) -> Compiled | None:
    """Return a form compiled, or None when nothing is left of it once its derivatives are taken."""
    from ufl.algorithms.apply_algebra_lowering import apply_algebra_lowering
    from ufl.algorithms.apply_derivatives import apply_derivatives

    if form is None:
        return None
    lowered = apply_derivatives(apply_algebra_lowering(form))
    return None if lowered.empty() else compiled(form)


class Term:
    """A recipe on a mesh.

    Attributes:
        values: name → DOLFINx function (one value per cell or node) or constant, to be set.
        residual, tangent, schur: DOLFINx forms, None where the part does not appear.
        entities: the owned cells (k,) or (cell, local facet) pairs (k, 2) it lives on.
    """

    def __init__(self, recipe: Recipe, unknowns: tuple[Any, ...], entities: NDArray[Any]) -> None:
        """Bind a recipe to the cells or faces `entities` of the unknowns' mesh."""
        mesh = unknowns[0].function_space.mesh
        self.entities = entities
        self.values = {name: _made(mesh, symbol) for name, symbol in recipe.values.items()}
        self._given = dict(zip(recipe.words.unknowns, unknowns, strict=True)) | {
            recipe.words.here: unknowns[0]
        }
        self._given |= {symbol: self.values[name] for name, symbol in recipe.values.items()}
        self._recipe = recipe
        self._mesh = mesh
        self._measures: dict[str, Any] = {}
        spaces = [unknown.function_space for unknown in unknowns]
        self.residual = [
            self._bound(form, [space]) for form, space in zip(recipe.residual, spaces, strict=True)
        ]
        self.tangent = [
            [self._bound(form, [row, column]) for form, column in zip(forms, spaces, strict=True)]
            for forms, row in zip(recipe.tangent, spaces, strict=True)
        ]
        self.schur = self._bound(recipe.schur, [spaces[-1], spaces[-1]])

    def measured(self, name: str) -> NDArray[np.float64]:
        """Return (local cells,) or (local cells, k) the integral of a measure over each cell."""
        from dolfinx import fem

        form = self._recipe.measures[name]
        shape = form.ready.ufl_form.arguments()[0].ufl_shape
        if name not in self._measures:
            space = fem.functionspace(self._mesh, ("DG", 0, *([shape] if shape else [])))
            self._measures[name] = self._bound(form, [space])
        values = fem.assemble_vector(self._measures[name]).array
        return np.asarray(values.reshape(-1, *shape) if shape else values)

    @property
    def given(self) -> dict[Any, Any]:
        """UFL symbol → DOLFINx function or constant, of unknowns and values."""
        return dict(self._given)

    def measures(self, name: str) -> bool:
        """Return whether there is a measure of this name."""
        return name in self._recipe.measures

    def measured_on(self, name: str, space: Any) -> NDArray[np.float64]:
        """Return the assembled vector of a measure whose test functions are of `space`."""
        from dolfinx import fem

        vector = fem.assemble_vector(self._bound(self._recipe.measures[name], [space]))
        return np.asarray(vector.array)

    def _bound(self, form: Compiled | None, spaces: list[Any]) -> Any:
        return None if form is None else form.bound(spaces, self.entities, self._given)


def _made(mesh: Any, symbol: Any) -> Any:
    """Return the DOLFINx function or constant that stands for a UFL symbol on `mesh`, zero."""
    import ufl
    from dolfinx import fem

    if isinstance(symbol, ufl.Constant):
        return fem.Constant(mesh, np.zeros(symbol.ufl_shape))
    return fem.Function(fem.functionspace(mesh, symbol.ufl_element()))
