"""Sum of the diameters of target lesions by RECIST 1.1 (Eisenhauer et al. 2009, Eur. J. Cancer
45:228, 10.1016/j.ejca.2008.10.026; its section 4): the long axis of a lesion, the short axis of a
lymph node. What is no target, and new lesions, stay for a person to judge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from organtwin.core.errors import BadArgument
from organtwin.measuring.diameters import NODE_NORMAL_MM, NODE_TARGET_MM, Diameters

MOST_TARGETS: Final = 5
MOST_IN_ONE: Final = 2
"""In all, and in one organ."""
LYMPH_NODES: Final = "lymph nodes"
"""Taken as one organ (Schwartz et al. 2016, 10.1016/j.ejca.2016.03.082)."""
SMALLER_PERCENT: Final = -30.0
"""Partial response: against baseline."""
LARGER_PERCENT, LARGER_MM = 20.0, 5.0
"""Progression: against the smallest sum before, and at least so much in mm."""


@dataclass(frozen=True)
class Target:
    """A lesion that is followed.

    Args:
        organ: where it lies; of a node `LYMPH_NODES`.
    """

    structure: str
    organ: str
    node: bool = False

    def size_mm(self, found: Diameters) -> float:
        """Return what of its diameters is added: the short axis of a node, else the long one."""
        return (found.short_axis if self.node else found.long_axis).length_mm

    def may_be_target(self, found: Diameters) -> bool:
        """Return whether it is large enough at baseline."""
        return self.size_mm(found) >= NODE_TARGET_MM if self.node else found.measurable

    def is_gone(self, size_mm: float) -> bool:
        """Return whether it is gone: of a node whether its size is normal."""
        return size_mm < NODE_NORMAL_MM if self.node else size_mm == 0.0


@dataclass(frozen=True)
class Sum:
    """Targets of one visit.

    Args:
        day: of the visit.
        sizes_mm: of the targets, in order; 0 where one is gone, None where it was not evaluated.
        baseline_mm, nadir_mm: the sum at baseline, and the smallest before this visit; None at
            baseline itself, or where there is none.
        gone: every target is gone.
    """

    day: float
    sizes_mm: tuple[float | None, ...]
    baseline_mm: float | None = None
    nadir_mm: float | None = None
    gone: bool = False

    @property
    def total_mm(self) -> float | None:
        """The sum; None where a target was not evaluated."""
        known = [size for size in self.sizes_mm if size is not None]
        return sum(known) if len(known) == len(self.sizes_mm) else None

    @property
    def baseline_percent(self) -> float | None:
        """Change against baseline."""
        return _percent(self.total_mm, self.baseline_mm)

    @property
    def nadir_percent(self) -> float | None:
        """Change against the smallest sum before."""
        return _percent(self.total_mm, self.nadir_mm)

    @property
    def response(self) -> str:
        """What RECIST 1.1 says of the targets alone."""
        total, start, least = self.total_mm, self.baseline_mm, self.nadir_mm
        if total is None:
            return "not evaluable"
        if start is None or least is None:
            return ""
        if self.gone:
            return "complete response"
        if total - least >= LARGER_MM and total >= least * (1.0 + LARGER_PERCENT / 100.0):
            return "progressive disease"
        if total <= start * (1.0 + SMALLER_PERCENT / 100.0):
            return "partial response"
        return "stable disease"


def largest(found: Mapping[Target, Diameters]) -> tuple[Target, ...]:
    """Return the largest that may be targets, largest first: two of an organ, five in all."""
    order = sorted(found, key=lambda t: (-t.size_mm(found[t]), t.structure))
    chosen: list[Target] = []
    for target in order:
        beside = sum(one.organ == target.organ for one in chosen)
        if target.may_be_target(found[target]) and beside < MOST_IN_ONE:
            chosen.append(target)
    return tuple(chosen[:MOST_TARGETS])


def checked(found: Mapping[Target, Diameters]) -> tuple[Target, ...]:
    """Return targets that were chosen with their diameters at baseline.

    Raises:
        BadArgument: more than five, more than two of an organ, or one that is too small.
    """
    crowded = [o for o, n in Counter(t.organ for t in found).items() if n > MOST_IN_ONE]
    if crowded or len(found) > MOST_TARGETS:
        raise BadArgument(
            f"{len(found)} targets" + f", more than two in: {', '.join(crowded)}" * bool(crowded),
            where="targets",
            advice=f"RECIST 1.1 has at most {MOST_TARGETS}, {MOST_IN_ONE} of an organ",
        )
    for target, sizes in found.items():
        if not target.may_be_target(sizes):
            raise BadArgument(
                f"{target.structure} is {sizes.as_node if target.node else sizes.as_lesion}",
                where="targets",
                advice="choose another target",
            )
    return tuple(found)


def sums(
    targets: Sequence[Target], visits: Iterable[tuple[float, tuple[float | None, ...]]]
) -> tuple[Sum, ...]:
    """Return the sum of each visit against the first and the smallest before.

    Args:
        visits: day and the targets' sizes in mm, in order of day; the first is the baseline.
    """
    found: list[Sum] = []
    for day, sizes in visits:
        before = [one.total_mm for one in found if one.total_mm is not None]
        first = found[0].total_mm if found else None
        pairs = zip(targets, sizes, strict=True)
        gone = all(size is not None and target.is_gone(size) for target, size in pairs)
        found.append(Sum(day, sizes, first, min(before, default=None), gone))
    return tuple(found)


def _percent(value: float | None, against: float | None) -> float | None:
    return None if value is None or not against else 100.0 * (value / against - 1.0)
