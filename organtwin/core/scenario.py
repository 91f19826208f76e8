"""Action, Scenario, Outcome, Comparison, Decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from organtwin.core.content import noun


@noun
@dataclass(frozen=True)
class Action:
    """One thing somebody does, on a day.

    Args:
        kind: name of a file in `organtwin.actions` ("resect").
        day: days since the baseline visit.
        arguments: name with unit → number, text or tuple of numbers, as the kind's form lists.
    """

    kind: str
    day: float
    arguments: Mapping[str, Any] = field(default_factory=dict)


@noun
@dataclass(frozen=True)
class Scenario:
    """A named plan: what is done from `day` on."""

    name: str
    day: float
    actions: tuple[Action, ...]


@noun
@dataclass(frozen=True)
class Quantity:
    """One number of an Outcome, with its unit and, where there is one, its interval.

    Args:
        name: "remnant volume", "minimal margin"…
        structure: what it speaks of ("liver", "tumour-1").
        unit: "mL", "%", "mm", "1".
        low, high, level: central interval, None where the number carries no uncertainty.
        basis: one line: how it was computed and what the interval covers.
        inputs: ids of the objects it was computed from.
        assumed: what it rests on without a source ("drug effect"), "" for nothing.
    """

    name: str
    structure: str
    value: float
    unit: str
    low: float | None = None
    high: float | None = None
    level: float | None = None
    basis: str = ""
    inputs: tuple[str, ...] = ()
    assumed: str = ""

    @property
    def nothing_seen(self) -> str:
        """What to say instead of the number of a tumour below visibility; "" for any other."""
        if self.value != 0.0 or not self.name.startswith("visible volume"):
            return ""
        return f"below visibility ({self.assumed} assumed)" if self.assumed else "not visible"


@noun
@dataclass(frozen=True)
class Outcome:
    """What a Scenario leads to.

    Args:
        quantities: the rows of the table.
        warnings: one line each: what a surgeon should not overlook.
        simulations: ids of the Simulations behind it.
        removed: id of the LabelMap of tissue removed or destroyed ("" for none).
    """

    scenario: Scenario
    quantities: tuple[Quantity, ...]
    warnings: tuple[str, ...] = ()
    simulations: tuple[str, ...] = ()
    removed: str = ""


@noun
@dataclass(frozen=True)
class Comparison:
    """Outcomes side by side, from the same twin on the same day."""

    day: float
    outcomes: tuple[Outcome, ...]


@noun
@dataclass(frozen=True)
class Decision:
    """What a person chose, and why; the tool records it."""

    scenario: str
    who: str
    reason: str
