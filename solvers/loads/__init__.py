"""One load or support a file: the virtual work it does, the numbers and arrays it takes.

A load is written once in UFL for all meshes and numbers; the solver takes its derivative and
scales the values named in `scaled` from zero to their full size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.contract import Input
from solvers.registry import chosen, registered
from solvers.settings import Setting


@dataclass(frozen=True)
class Load:
    """What every load offers.

    A job may hold several of a kind: settings and inputs whose names end in ``@NAME`` belong
    together (``pressure_kpa@portal-vein`` acts on ``pressure_faces@portal-vein``).

    Args:
        name: identifier.
        title: one line for a person.
        settings: its numbers: constants (vectors of three where `length` is 3), by name.
        faces: the input array of triangles it acts on; None when it acts on all cells.
        inputs: further input arrays of its own.
        scaled: names of the settings that grow with the load; the others are whole from the start.
        needed: names of the settings that must not be zero where it acts.
    """

    name: str
    title: str
    settings: tuple[Setting, ...] = ()
    faces: Input | None = None
    inputs: tuple[Input, ...] = ()
    scaled: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()

    def virtual_work(self, words: Any, values: Mapping[str, Any]) -> Any:
        """Return the form: internal minus external virtual work, linear in ``words.v``.

        Args:
            words: `solvers.forms.Words`: u, v, x, measures ``words.cells()``, ``words.faces()``.
            values: setting name → UFL constant, in the setting's unit; and its `coefficients`.
        """
        raise NotImplementedError

    def coefficients(self, words: Any) -> dict[str, Any]:
        """Return the fields it needs beside its settings, by name: UFL coefficients."""
        del words
        return {}

    def measures(self, words: Any, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return linear forms over DG0 of what can be read off after solving, by name."""
        del words, values
        return {}

    def renewal(
        self, term: Any, unknown: Any, arrays: Mapping[str, NDArray[np.float64]]
    ) -> Callable[[], None] | None:
        """Return what must be called before each residual, or None.

        Args:
            term: `solvers.terms.Term`, whose fields are to be renewed.
            unknown: the displacement, a DOLFINx function.
            arrays: the load's own input arrays, by the names in `inputs`.

        Raises:
            BadInput: an array is missing or cannot be used.
        """
        del term, unknown, arrays
        return None


def loads() -> Mapping[str, Load]:
    """Return every load by name."""
    import solvers.loads as package

    return registered(package, "LOAD")


def load(name: str) -> Load:
    """Return one load; raises BadInput naming the ones there are."""
    found: Load = chosen(loads(), name, "load")
    return found
