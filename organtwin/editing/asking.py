"""What a gesture asks, read from JSON and checked: nothing in it is trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from organtwin.core.errors import BadArgument
from organtwin.core.labelmap import LabelMap
from solvers.contract import ContractError, Parameter

POINT_LIMIT: Final = 100_000
FARTHEST_MM: Final = 1e5
RADIUS_LIMIT_MM: Final = 500.0
COMMON: Final = ("structure", "points", "normal", "eye", "other", "over", "overlapping", "inside")
RANGE: Final = ("low", "high")
Drawn = Literal["stroke", "polygon", "point", "nothing"]


@dataclass(frozen=True)
class Form:
    """What a tool takes beside the options common to all.

    Args:
        drawn: what is drawn: a polyline, a closed polygon, a point, or nothing.
        settings: its numbers, each with unit, bounds, meaning and default.
        choices: name → what may be chosen, the first unless said.
        other: whether it needs another structure.
        overlapping: what it does about structures it meets unless said.
    """

    drawn: Drawn = "nothing"
    settings: tuple[Parameter, ...] = ()
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    other: bool = False
    overlapping: bool = False


@dataclass(frozen=True, eq=False)
class Asked:
    """A gesture, checked.

    Args:
        structure: what is edited.
        points_mm: (n, 3) float64 LPS mm, what was drawn.
        normal: (3,) float64, unit normal of the plane drawn on, None where it was not said.
        eye_mm: (3,) float64 LPS mm, where somebody looked from in perspective, or None.
        numbers: each setting by name.
        choices: each choice by name.
        other: another structure, "" for none.
        over: (256,) bool: labels that the structure may take voxels from.
        inner: labels inside the structure that lose the voxels it loses.
        overlapping: what is painted over keeps its voxels.
        inside: only where this structure is; "" everywhere.
        inside_said: whether that was asked for, and is not what contains the structure.
        low, high: only where the image's value is in this range, in its unit; None for no limit.
    """

    structure: str
    points_mm: NDArray[np.float64]
    normal: NDArray[np.float64] | None
    eye_mm: NDArray[np.float64] | None
    numbers: Mapping[str, float]
    choices: Mapping[str, str]
    other: str
    over: NDArray[np.bool_]
    inner: frozenset[int]
    overlapping: bool
    inside: str
    inside_said: bool
    low: float | None
    high: float | None

    @property
    def ranged(self) -> bool:
        """Whether the image's values matter."""
        return self.low is not None or self.high is not None


def asked_of(form: Form, arguments: Mapping[str, Any], labels: LabelMap) -> Asked:
    """Read a gesture for the structures of some labels.

    ``over`` says what may lose voxels to the structure, and with it when voxels are taken away:
    "all" (but what lies inside the structure when it is painted), "empty" (nothing but what
    contains it), or names, which may be of structures inside it. Where no ``inside`` is said, a
    structure stays inside what contains it (`room_of`); "" lets it out.

    Raises:
        BadArgument: an unknown key, structure or choice, a number out of bounds or not finite, too
            many points, or what the tool needs is missing.
    """
    numbers = {p.name: p for p in form.settings}
    known = {*COMMON, *RANGE, *numbers, *form.choices}
    if unknown := sorted(set(arguments) - known):
        raise BadArgument(
            f"this tool takes no {unknown[0]!r}", advice="it takes: " + ", ".join(sorted(known))
        )
    structure = labels.structure(_text(arguments, "structure")).name
    inside, other = _text(arguments, "inside"), _text(arguments, "other")
    if "inside" not in arguments:
        inside = room_of(labels, structure)
    for name in (inside, other):
        if name:
            labels.structure(name)
    if form.other and not other:
        raise BadArgument("this tool needs another structure", advice="say it as `other`")
    low, high = (_number(arguments[k], k) if arguments.get(k) is not None else None for k in RANGE)
    if low is not None and high is not None and low > high:
        raise BadArgument(f"the range of values is empty: {low} to {high}", where="low, high")
    over, inner = _over(arguments.get("over", "all"), structure, labels)
    return Asked(
        structure=structure,
        points_mm=_points(form, arguments),
        normal=_normal(arguments),
        eye_mm=_places(arguments["eye"], "eye", 1)[0] if arguments.get("eye") else None,
        numbers={n: _setting(p, arguments.get(n, p.default)) for n, p in numbers.items()},
        choices={n: _choice(n, may, arguments) for n, may in form.choices.items()},
        other=other,
        over=over,
        inner=inner,
        overlapping=bool(arguments.get("overlapping", form.overlapping)),
        inside=inside,
        inside_said="inside" in arguments,
        low=low,
        high=high,
    )


def family(labels: LabelMap, structure: str) -> tuple[set[int], set[int]]:
    """Return the labels of what contains a structure, and of what lies inside it."""
    around: set[int] = set()
    one = labels.structure(structure)
    known = {s.name: s for s in labels.structures}
    while one.within in known and known[one.within].label not in around:
        one = known[one.within]
        around.add(one.label)
    return around, {s.label for s in labels.inside(structure)[1:]}


def room_of(labels: LabelMap, structure: str) -> str:
    """Return the structure that contains one, "" where none does or it has no voxels of its own."""
    around = labels.structure(structure).within
    known = around in [s.name for s in labels.structures]
    return around if known and labels.has_own(around) else ""


def _over(said: Any, structure: str, labels: LabelMap) -> tuple[NDArray[np.bool_], frozenset[int]]:
    """Return the labels that may be taken from, and those inside that are lost together."""
    around, inner = family(labels, structure)
    table = np.zeros(256, dtype=bool)
    table[[0, labels.structure(structure).label, *around]] = True
    if said == "all":
        table[:] = True
        table[list(inner)] = False
        return table, frozenset(inner)
    if isinstance(said, Sequence) and not isinstance(said, str):
        named = {labels.structure(str(name)).label for name in said}
        table[list(named)] = True
        return table, frozenset(inner & named)
    if said != "empty":
        raise BadArgument(
            f"{said!r} is nothing to edit over", where="over", advice='say "all", "empty" or names'
        )
    return table, frozenset()


def _points(form: Form, arguments: Mapping[str, Any]) -> NDArray[np.float64]:
    said = arguments.get("points", ())
    least = {"stroke": 1, "polygon": 3, "point": 0, "nothing": 0}[form.drawn]
    if not isinstance(said, Sequence | np.ndarray) or not least <= len(said) <= POINT_LIMIT:
        raise BadArgument(
            f"{least} to {POINT_LIMIT} points are needed", where="points", advice="LPS mm each"
        )
    return _places(said, "points", len(said))


def _places(said: Any, where: str, count: int) -> NDArray[np.float64]:
    try:
        places = np.array(said, dtype=np.float64).reshape(count, 3)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadArgument("a point is three numbers in LPS mm", where=where) from error
    if not (np.abs(places) <= FARTHEST_MM).all():
        raise BadArgument(f"a point lies beyond {FARTHEST_MM:.0f} mm", where=where)
    return places


def _normal(arguments: Mapping[str, Any]) -> NDArray[np.float64] | None:
    if arguments.get("normal") is None:
        return None
    normal: NDArray[np.float64] = _places(arguments["normal"], "normal", 1)[0]
    length = float(np.linalg.norm(normal))
    if length < 1e-9:
        raise BadArgument("a normal has a direction", where="normal")
    return normal / length


def _setting(parameter: Parameter, said: Any) -> float:
    if said is None:
        raise BadArgument(
            f"{parameter.name} ({parameter.unit}) is needed", advice=parameter.meaning
        )
    try:
        return parameter.checked(_number(said, parameter.name))
    except ContractError as error:
        raise BadArgument(str(error), where=parameter.name, advice=parameter.meaning) from error


def _number(said: Any, where: str) -> float:
    if isinstance(said, bool) or not isinstance(said, int | float) or not abs(said) < 1e12:
        raise BadArgument("a finite number is needed", where=where)
    return float(said)


def _choice(name: str, may: tuple[str, ...], arguments: Mapping[str, Any]) -> str:
    said = arguments.get(name, may[0])
    if said not in may:
        raise BadArgument(f"{said!r} is no {name}", advice="there are: " + ", ".join(may))
    return str(said)


def _text(arguments: Mapping[str, Any], name: str) -> str:
    said = arguments.get(name, "")
    if not isinstance(said, str):
        raise BadArgument("the name of a structure is needed", where=name)
    return said
