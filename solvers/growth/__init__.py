"""One growth model a file: what spreads, a reaction step and a starting front.

A model is arithmetic on what it is given: floats or arrays, no mesh, no DOLFINx.
"""

from __future__ import annotations

from collections.abc import Mapping

from solvers.growth.model import Growth
from solvers.registry import chosen, registered

__all__ = ["Growth", "growth_model", "growth_models"]


def growth_models() -> Mapping[str, Growth]:
    """Return every growth model by name."""
    import solvers.growth as package

    return registered(package, "GROWTH")


def growth_model(name: str) -> Growth:
    """Return one growth model; raises BadInput naming the ones there are."""
    found: Growth = chosen(growth_models(), name, "growth model")
    return found
