"""One scenario action a file; each compiles to the closed handful of solver events."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import BadArgument
from organtwin.core.labelmap import LabelMap
from organtwin.core.registry import chosen, registered
from organtwin.core.scenario import Action
from solvers.contract import Event, Parameter

TEXT_LIMIT: Final = 80


@dataclass(frozen=True)
class Effect:
    """What an Action does to the organ.

    Args:
        events: for the growth solver, day counted from the baseline visit. An event's `where`
            is "" (everywhere) or "removed".
        signed_distance_mm: maps points (n, 3) LPS mm to (n,) the signed distance in mm to the
            border of the tissue that is removed or destroyed, negative inside it; None when
            nothing is removed.
        loads: settings for the deformation solver (gravity direction, pressure).
        contact: "cut" when the border is a cut surface, "zone" when tissue is destroyed in place.
        warnings: one line each: what the arguments ask of the model beyond what is well supported.
    """

    events: tuple[Event, ...] = ()
    signed_distance_mm: Callable[[NDArray[np.float64]], NDArray[np.float64]] | None = None
    loads: Mapping[str, float | tuple[float, ...]] = field(default_factory=dict)
    contact: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class ActionKind:
    """One kind of action.

    Args:
        form: the arguments it takes, in order; a vector argument is listed as one Parameter whose
            name is in `vectors`.
        vectors: names of the arguments that are LPS vectors or points (3 numbers).
        effect: what it does to a tumour in words, where its size has no source ("drug effect").
        compile: turns a checked Action and the labels it is planned on into an Effect.
    """

    name: str
    title: str
    form: tuple[Parameter, ...]
    compile: Callable[[Action, LabelMap], Effect]
    vectors: frozenset[str] = frozenset()
    vector_defaults: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    effect: str = ""

    def checked(self, action: Action) -> Action:
        """Return the action with defaults filled in; raises BadArgument for anything wrong."""
        unknown = set(action.arguments) - {p.name for p in self.form} - set(self.texts)
        if unknown:
            raise BadArgument(f"{self.name} takes no {sorted(unknown)}", where=action.kind)
        if not math.isfinite(action.day):
            raise BadArgument("an action's day must be finite", where=self.name)
        values: dict[str, Any] = {
            p.name: self._value(p, action.arguments.get(p.name)) for p in self.form
        }
        for name, default in self.texts.items():
            values[name] = self._text(name, action.arguments.get(name, default))
        return Action(action.kind, float(action.day), values)

    def unsourced(self, action: Action) -> tuple[str, ...]:
        """Return the names of the action's numbers whose value no primary source supports."""
        given = self.checked(action).arguments
        return tuple(
            p.name for p in self.form if p.name in given and p.source.startswith("unsourced")
        )

    def _text(self, name: str, value: Any) -> str:
        if not isinstance(value, str) or len(value) > TEXT_LIMIT or not value.isprintable():
            raise BadArgument(
                f"{name} is a line of at most {TEXT_LIMIT} printable characters", where=self.name
            )
        return value

    def _value(self, parameter: Parameter, value: Any) -> float | tuple[float, ...]:
        if value is None:
            value = self.vector_defaults.get(parameter.name, parameter.default)
        if value is None:
            raise BadArgument(f"{self.name} needs {parameter.name} ({parameter.unit})")
        try:
            if parameter.name in self.vectors:
                x, y, z = (parameter.checked(float(component)) for component in value)
                return (x, y, z)
            return parameter.checked(float(value))
        except (TypeError, ValueError) as error:
            raise BadArgument(str(error), where=self.name) from error


def action_kinds() -> Mapping[str, ActionKind]:
    """Return every kind of action by name."""
    import organtwin.actions as package

    return registered(package, "ACTION")


def effect_of(action: Action, labels: LabelMap) -> Effect:
    """Check an action and compile it; raises BadArgument naming what is wrong."""
    kind: ActionKind = chosen(action_kinds(), action.kind, "action")
    return kind.compile(kind.checked(action), labels)
