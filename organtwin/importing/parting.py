"""What may be one volume: a series split into stacks before anybody looks at where they lie.

Slices are told apart by plane (size, spacing, orientation), then, where images lie at the same
places, by what tells whole stacks of them apart, then by what one volume has one of: echo time,
inversion time, flip angle, temporal position, stack, tube voltage, b-value, day. Acquisitions may
follow each other along a volume (step and shoot), so those of CT count only where they alternate.
Where each slice has a time of its own, those taken without a pause are of one acquisition.
Reconstructions count where they alternate from slice to slice (`telling.WOVEN`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby, pairwise
from typing import Final

import numpy as np

from organtwin.importing.between import crowded, whole_steps
from organtwin.importing.found import Slice
from organtwin.importing.geometry import FEWEST, heights_mm, normal_of
from organtwin.importing.passes import seams
from organtwin.importing.phases import seconds_of
from organtwin.importing.telling import (
    MAY_FOLLOW,
    TAKEN,
    TIME,
    WOVEN,
    Group,
    as_one,
    is_woven,
    tellings,
)

SAME_DIRECTION: Final = 1e-3
LOCALIZER_PLANES: Final = 3
ALMOST_DEG: Final = 1.0
"""Slices turned by less belong to one examination of the same region."""
NEXT_STEPS: Final = 1.5
"""A slice so many steps beyond the last one goes on where that ended."""
SAME_DAYS: Final = 1
"""An acquisition may go on past midnight."""
PAUSE_S: Final = 5.0
"""A tube that was off for longer began another acquisition."""
SHOWN: Final = 4


@dataclass(frozen=True)
class Part:
    """Slices that may be one volume.

    Args:
        plane: the same number for parts of one size, spacing and orientation.
        doubts: findings for which it must be withheld.
    """

    slices: Group
    plane: int
    localizer: bool = False
    findings: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


def parts_of(slices: Group) -> tuple[Part, ...]:
    """Split the slices of one series; each part names what was split off beside it."""
    planes = _by_plane(_in_acquisitions(as_one(slices)))
    all_ways = _directions(p[0] for p in planes if not p[0].localizer) >= LOCALIZER_PLANES
    parts = [
        replace(
            part, plane=n, localizer=plane[0].localizer or all_ways, findings=told + part.findings
        )
        for n, plane in enumerate(planes)
        for stack, told in _by_phase(plane)
        for part in map(_with_seams, _by_setting(stack))
    ]
    if all(part.localizer for part in parts):
        return tuple(parts)
    return tuple(_beside(part, n, parts) for n, part in enumerate(parts))


def _in_acquisitions(slices: Group) -> Group:
    """Return the slices, AcquisitionTime among their settings that of the first without a pause.

    When each was taken follows its other settings.
    """
    texts = {text for one in slices for what, text in one.setting if what == TIME}
    times = sorted((seconds, text) for text in texts if (seconds := seconds_of(text)) is not None)
    if len(times) < 2:
        return slices
    began = {times[0][1]: times[0][1]}
    for (before, last), (now, text) in pairwise(times):
        began[text] = text if now - before > PAUSE_S else began[last]
    return [
        replace(
            one,
            setting=(
                *((w, began.get(t, t) if w == TIME else t) for w, t in one.setting),
                (TAKEN, dict(one.setting)[TIME]),
            ),
        )
        for one in slices
    ]


def _by_plane(slices: Group) -> list[Group]:
    """Split by size, spacing and orientation, and localizers from the others."""
    groups: list[Group] = []
    for one in slices:
        for group in groups:
            if _alike(group[0], one):
                group.append(one)
                break
        else:
            groups.append([one])
    return groups


def _alike(a: Slice, b: Slice) -> bool:
    same_grid = (a.pixels.rows, a.pixels.columns) == (b.pixels.rows, b.pixels.columns)
    same_grid = same_grid and a.localizer == b.localizer
    if (a.row, a.column, a.spacing_mm) == (b.row, b.column, b.spacing_mm):
        return same_grid
    turned = np.abs(np.subtract([a.row, a.column], [b.row, b.column])).max()
    scaled = np.abs(np.subtract(a.spacing_mm, b.spacing_mm)).max()
    return bool(same_grid and turned < SAME_DIRECTION and scaled < SAME_DIRECTION)


def _directions(slices: Iterable[Slice]) -> int:
    """Return how many directions the slices face, more than 1° apart."""
    seen: Group = []
    for one in slices:
        if all(_between_deg(one, other) > ALMOST_DEG for other in seen):
            seen.append(one)
    return len(seen)


def _between_deg(a: Slice, b: Slice) -> float:
    """Return the angle between the normals, whichever way they point."""
    return float(np.degrees(np.arccos(min(1.0, abs(float(normal_of(a) @ normal_of(b)))))))


def _by_phase(slices: Group) -> list[tuple[Group, tuple[str, ...]]]:
    """Split images that lie at the same places by what tells whole stacks of them apart.

    Each stack comes with a finding that names its value.
    """
    if not crowded(heights_mm(slices)):
        return [(slices, ())]
    for what, telling in tellings(slices):
        phases: dict[str, Group] = {}
        for one, said in zip(slices, telling, strict=True):
            phases.setdefault(said, []).append(one)
        if all(len(p) >= FEWEST and not crowded(heights_mm(p)) for p in phases.values()):
            head = f"one of {len(phases)} volumes at the same places, told apart by {what}"
            return [
                (phase, (f"{head}: {_listed([said])} here",) if what else ())
                for said, phase in phases.items()
            ]
    return [(slices, ())]


def _with_seams(part: Part) -> Part:
    """Return a part, with doubt where neighbouring slices of a CT were taken minutes apart."""
    if part.doubts or part.slices[0].localizer or not (seam := seams(part.slices)):
        return part
    return replace(part, doubts=(seam,))


def _by_setting(stack: Group) -> list[Part]:
    """Split where every part is a volume by itself; otherwise keep together and doubt."""
    differing = _differing(stack)
    if not differing:
        return [Part(stack, 0)]
    groups: dict[tuple[str, ...], Group] = {}
    for one in stack:
        said = dict(one.setting)
        groups.setdefault(tuple(said[what] for what in differing), []).append(one)
    named = "; ".join(f"{what} {_listed(values)}" for what, values in differing.items())
    if all(_even(group) for group in groups.values()):
        head = f"one of {len(groups)} volumes in one series, told apart by {named}"
        return [
            Part(group, 0, findings=(f"{head}; {_listed(values, ' and ')} here",))
            for values, group in groups.items()
        ]
    return [Part(stack, 0, doubts=(f"slices are not of one acquisition: they differ in {named}",))]


def _listed(values: Sequence[str], between: str = ", ") -> str:
    shown = [value.strip("(),") or "not said" for value in values[:SHOWN]]
    return between.join(shown) + (", …" if len(values) > SHOWN else "")


def _differing(stack: Group) -> dict[str, list[str]]:
    """Return what one volume has one of and this stack several, with its values."""
    found = {}
    for n, (what, _) in enumerate(stack[0].setting):
        values = sorted({one.setting[n][1] for one in stack})
        if what == TAKEN or len(set(values) - (set() if what in WOVEN else {""})) < 2:
            continue
        if what == "AcquisitionDate" and _days(values) <= SAME_DAYS:
            continue
        if what in MAY_FOLLOW and not _alternating(stack, n):
            continue
        if what in WOVEN and not is_woven(stack, n):
            continue
        found[what] = values
    return found


def _days(values: Sequence[str]) -> int:
    """Return how many days lie between the first and the last date (YYYYMMDD)."""
    days = []
    for text in values:
        try:
            days.append(date.fromisoformat(text))
        except ValueError:
            continue
    return (max(days) - min(days)).days if days else 0


def _alternating(stack: Group, n: int) -> bool:
    """Return whether a setting comes back along the stack after another one."""
    ordered = [stack[k].setting[n][1] for k in np.argsort(heights_mm(stack), kind="stable")]
    return len(list(groupby(ordered))) > len(set(ordered))


def _even(stack: Group) -> bool:
    """Return whether slices lie one regular step apart."""
    heights = np.sort(heights_mm(stack))
    if len(stack) < FEWEST or crowded(heights):
        return False
    step, counts = whole_steps(np.diff(heights))
    return step > 0 and bool(counts.max() == 1)


def _beside(part: Part, number: int, parts: Sequence[Part]) -> Part:
    """Return a part that names those split off, with doubt where one goes on where it ends."""
    total = sum(len(p.slices) for p in parts)
    findings, doubts = list(part.findings), list(part.doubts)
    for n, other in enumerate(parts):
        if n == number:
            continue
        if other.plane != part.plane:
            findings.append(
                f"{len(part.slices)} of {total} slices; part {n} has {len(other.slices)}, "
                f"{_difference(part.slices[0], other.slices[0])}"
            )
        if not part.localizer and not other.localizer and _goes_on(part.slices, other.slices):
            doubts.append(f"part {n} goes on where this one ends: an organ may be cut")
    return replace(part, findings=tuple(findings), doubts=tuple(doubts))


def _difference(one: Slice, other: Slice) -> str:
    """Return how the slices of another plane differ."""
    if other.localizer != one.localizer:
        return "as a localizer" if other.localizer else "not as a localizer"
    said = []
    turned = np.linalg.norm(np.subtract([one.row, one.column], [other.row, other.column]), axis=1)
    if turned.max() >= SAME_DIRECTION:
        degrees = np.degrees(2 * np.arcsin(min(1.0, float(turned.max()) / 2)))
        said.append(f"turned by {degrees:.1f}°")
    if (one.pixels.rows, one.pixels.columns) != (other.pixels.rows, other.pixels.columns):
        said.append(f"with {other.pixels.columns} by {other.pixels.rows} pixels")
    if np.abs(np.subtract(one.spacing_mm, other.spacing_mm)).max() >= SAME_DIRECTION:
        said.append(f"with pixels of {other.spacing_mm[0]:g} by {other.spacing_mm[1]:g} mm")
    return " and ".join(said)


def _goes_on(stack: Group, other: Group) -> bool:
    """Return whether another part begins, beyond either end, about a step away and in parallel."""
    if len(stack) < 2 or _between_deg(stack[0], other[0]) > ALMOST_DEG:
        return False
    normal = normal_of(stack[0])
    here, there = (np.sort([_centre_mm(s) @ normal for s in g]) for g in (stack, other))
    step = float(np.median(np.diff(here)))
    above, below = there[0] - here[-1], here[0] - there[-1]
    return bool(0 < max(above, below) <= NEXT_STEPS * step)


def _centre_mm(one: Slice) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return one.pixel_mm((one.pixels.columns - 1) // 2, (one.pixels.rows - 1) // 2)
