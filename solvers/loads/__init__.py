"""One load or support a file: the virtual work it does, the numbers and arrays it takes.

A load is UFL only. It is written once for all meshes and numbers; the solver takes its derivative
and scales the values named in `scaled` from zero to their full size.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from solvers.contract import Input
from solvers.registry import chosen, registered
from solvers.settings import Setting


class Load(Protocol):
    """What every load offers.

    A job may hold several of a kind: settings and inputs whose names end in ``@NAME`` belong
    together (``pressure_kpa@portal-vein`` acts on ``pressure_faces@portal-vein``).
    """

    @property
    def name(self) -> str:
        """Identifier."""

    @property
    def title(self) -> str:
        """One line for a person."""

    @property
    def settings(self) -> tuple[Setting, ...]:
        """Its numbers: constants (vectors of three where `length` is 3), by name."""

    @property
    def faces(self) -> Input | None:
        """The input array of triangles it acts on; None when it acts on all cells."""

    @property
    def scaled(self) -> tuple[str, ...]:
        """Names of the settings that grow with the load; the others are whole from the start."""

    def virtual_work(self, words: Any, values: Mapping[str, Any]) -> Any:
        """Return the form: internal minus external virtual work, linear in ``words.v``.

        Args:
            words: `solvers.forms.Words`: u, v, x, measures ``words.cells()``, ``words.faces()``.
            values: setting name → UFL constant, in the setting's unit.
        """


def loads() -> Mapping[str, Load]:
    """Return every load by name."""
    import solvers.loads as package

    return registered(package, "LOAD")


def load(name: str) -> Load:
    """Return one load; raises BadInput naming the ones there are."""
    found: Load = chosen(loads(), name, "load")
    return found
