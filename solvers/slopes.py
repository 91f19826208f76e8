"""How one part of the balance of forces changes with its numbers: ∂R/∂m of its residual R.

A number that is the same everywhere is taken as one value per cell, so that the derivative is per
cell too; what a region or a load has is the sum over its cells. UFL derives everything from the
compiled residual's own form.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.forms import Compiled, Words, compiled
from solvers.terms import Recipe, Term, compiled_or_none

Reals = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Slopes:
    """Compiled derivatives of a recipe's residual with respect to some of its values.

    Args:
        words: the symbols they are written with.
        fields: value's name → cellwise UFL coefficient that stands for it.
        steps: value's name → cellwise UFL coefficient: a change of it.
        weights: UFL coefficients λ, one for each unknown.
        columns: value's name → its columns in `pulled`; a name is missing where R does not depend
            on the value.
        pulled: linear form over DG0 vectors of λ·∂R/∂m; None where R depends on none.
        pushed: for each unknown the form of ∂R/∂m · step, or None.
        back: for each unknown the form of λ·∂R/∂u, or None.
    """

    words: Words
    fields: Mapping[str, Any]
    steps: Mapping[str, Any]
    weights: tuple[Any, ...]
    columns: Mapping[str, slice]
    pulled: Compiled | None
    pushed: tuple[Compiled | None, ...]
    back: tuple[Compiled | None, ...]


@cache
def slopes(recipe: Recipe, names: tuple[str, ...]) -> Slopes:
    """Return the derivatives of a recipe with respect to the values `names`."""
    import ufl

    words = recipe.words
    fields = {name: words.cellwise(recipe.values[name].ufl_shape) for name in names}
    steps = {name: words.cellwise(recipe.values[name].ufl_shape) for name in names}
    weights = tuple(ufl.Coefficient(unknown.ufl_function_space()) for unknown in words.unknowns)
    swapped = {recipe.values[name]: field for name, field in fields.items()}
    forms = [
        None if form is None else ufl.replace(_plain(form.ready.ufl_form), swapped)
        for form in recipe.residual
    ]
    work = _work(words, forms, weights)
    columns = _columns({n: f for n, f in fields.items() if f in work.coefficients()})
    pushed = tuple(_pushed(form, {n: fields[n] for n in columns}, steps) for form in forms)
    pulled = _pulled(words, work, fields, columns)
    return Slopes(words, fields, steps, weights, columns, pulled, pushed, _back(words, work))


def _back(words: Words, work: Any) -> tuple[Compiled | None, ...]:
    import ufl

    tests = (words.v, words.q)
    return tuple(
        compiled_or_none(ufl.derivative(work, unknown, test))
        for unknown, test in zip(words.unknowns, tests, strict=False)
    )


def _plain(form: Any) -> Any:
    """The form with its derivatives taken."""
    from ufl.algorithms.apply_algebra_lowering import apply_algebra_lowering
    from ufl.algorithms.apply_derivatives import apply_derivatives

    return apply_derivatives(apply_algebra_lowering(form))


def _work(words: Words, forms: list[Any], weights: tuple[Any, ...]) -> Any:
    """The sum of the residual's rows with λ in place of the test functions."""
    import ufl

    tests = (words.v, words.q)
    rows = zip(forms, tests, weights, strict=False)
    return sum(ufl.replace(form, {test: by}) for form, test, by in rows if form is not None)


def _columns(fields: Mapping[str, Any]) -> dict[str, slice]:
    found, end = {}, 0
    for name, field in fields.items():
        width = int(np.prod(field.ufl_shape, dtype=int))
        found[name] = slice(end, end + width)
        end += width
    return found


def _pulled(words: Words, work: Any, fields: Any, columns: Mapping[str, slice]) -> Compiled | None:
    import basix.ufl
    import ufl

    width = max((place.stop for place in columns.values()), default=0)
    if width == 0:
        return None
    constant = basix.ufl.element("DG", "tetrahedron", 0, shape=(width,))
    test = ufl.TestFunction(ufl.FunctionSpace(words.domain, constant))
    total = 0
    for name, place in columns.items():
        parts = [test[i] for i in range(place.start, place.stop)]
        change = ufl.as_vector(parts) if fields[name].ufl_shape else parts[0]
        total += ufl.derivative(work, fields[name], change)
    return compiled(total)


def _pushed(form: Any, fields: Mapping[str, Any], steps: Mapping[str, Any]) -> Compiled | None:
    import ufl

    if form is None:
        return None
    parts = [
        _plain(ufl.derivative(form, field, steps[name]))
        for name, field in fields.items()
        if field in form.coefficients()
    ]
    return compiled(sum(parts)) if parts else None


class Changing:
    """The slopes of one term on its mesh, at its values and unknowns as they stand.

    Attributes:
        names: the values it knows the slopes of.
    """

    def __init__(self, term: Term, slopes: Slopes, unknowns: list[Any], weights: list[Any]) -> None:
        """Take a term, its slopes, the unknowns and the functions λ of their spaces."""
        from dolfinx import fem

        self._term, self._slopes, self._unknowns = term, slopes, unknowns
        self.names = tuple(slopes.columns)
        mesh = unknowns[0].function_space.mesh
        self._fields = {
            name: fem.Function(fem.functionspace(mesh, symbol.ufl_element()))
            for name, symbol in slopes.fields.items()
        }
        self._steps = {
            name: fem.Function(fem.functionspace(mesh, symbol.ufl_element()))
            for name, symbol in slopes.steps.items()
        }
        given = term.given | {slopes.fields[name]: field for name, field in self._fields.items()}
        given |= {slopes.steps[name]: step for name, step in self._steps.items()}
        given |= dict(zip(slopes.weights, weights, strict=True))
        self._pulled, self._width = None, 0
        if slopes.pulled is not None:
            self._width = max(place.stop for place in slopes.columns.values())
            space = fem.functionspace(mesh, ("DG", 0, (self._width,)))
            self._pulled = slopes.pulled.bound([space], term.entities, given)
        spaces = [unknown.function_space for unknown in unknowns]
        self._back = [
            None if form is None else form.bound([space], term.entities, given)
            for form, space in zip(slopes.back, spaces, strict=True)
        ]
        self._pushed = [
            None if form is None else form.bound([unknown.function_space], term.entities, given)
            for form, unknown in zip(slopes.pushed, unknowns, strict=True)
        ]

    def pulled(self) -> dict[str, Reals]:
        """Return name → (local cells, width) λ·∂R/∂m of each cell."""
        from dolfinx import fem

        if self._pulled is None:
            return {}
        self._take_values()
        rows = fem.assemble_vector(self._pulled).array.reshape(-1, self._width)
        return {name: rows[:, place] for name, place in self._slopes.columns.items()}

    def width(self, name: str) -> int:
        """Return how many numbers a value is: 1, or 3 for a vector."""
        place = self._slopes.columns[name]
        return int(place.stop - place.start)

    def pushed(self, name: str, change: Reals) -> list[Reals]:
        """Return for each unknown the local vector of ∂R/∂m · `change` (local cells, width)."""
        self._take_values()
        for each, step in self._steps.items():
            step.x.array[:] = change.ravel() if each == name else 0.0
        return self._assembled(self._pushed)

    def back(self) -> list[Reals]:
        """Return for each unknown the local vector of λ·∂R/∂u."""
        self._take_values()
        return self._assembled(self._back)

    def _assembled(self, forms: list[Any]) -> list[Reals]:
        from dolfinx import fem, la

        vectors = []
        for form, unknown in zip(forms, self._unknowns, strict=True):
            vector = np.zeros(len(unknown.x.array))
            if form is not None:
                assembled = fem.assemble_vector(form)
                assembled.scatter_reverse(la.InsertMode.add)
                vector += assembled.array
            vectors.append(vector)
        return vectors

    def _take_values(self) -> None:
        for name, field in self._fields.items():
            source = self._term.values[name]
            if hasattr(source, "x"):
                field.x.array[:] = source.x.array
            else:
                width = max(1, source.value.size)
                field.x.array.reshape(-1, width)[:] = source.value.ravel()
