"""Scenarios side by side: what each removes, leaves, cuts and leads to.

`anatomy_of` measures the labels once; `suggested` draws up scenarios; `outcome` makes the table
of one, `comparison` of several; `removed_distance` is what a growth solver needs to know of the
tissue removed.
"""

from organtwin.comparing.anatomy import Anatomy, anatomy_of
from organtwin.comparing.outcomes import (
    Row,
    comparison,
    difference,
    effects_of,
    geometry_quantities,
    outcome,
    rows,
)
from organtwin.comparing.removal import (
    Removal,
    removal_of,
    removed_distance,
    removed_labels,
    union_distance,
)
from organtwin.comparing.suggesting import suggested

__all__ = [
    "Anatomy",
    "Removal",
    "Row",
    "anatomy_of",
    "comparison",
    "difference",
    "effects_of",
    "geometry_quantities",
    "outcome",
    "removal_of",
    "removed_distance",
    "removed_labels",
    "rows",
    "suggested",
    "union_distance",
]
