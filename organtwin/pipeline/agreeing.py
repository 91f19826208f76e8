"""Two label maps → how they agree: of visits, of visits in the baseline's frame, of files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from organtwin.core.case import Case, ObjectStore
from organtwin.core.errors import Missing, NoImages
from organtwin.core.labelmap import LabelMap
from organtwin.core.volume import Volume
from organtwin.core.watch import Watch
from organtwin.measuring import Agreement, compared
from organtwin.measuring.agreement import same_grid
from organtwin.organs import organ

OTHER_FRAME: Final = (
    "the two belong to different frames of reference: where they lie is not comparable unless the "
    "patient did not move; compare labels carried to the baseline instead"
)
WITHHELD: Final = "mm and mL withheld: the geometry of {} is in doubt"
RESAMPLED: Final = "on another grid: what both share is counted by its nearest voxels"


@dataclass(frozen=True, eq=False)
class Side:
    """One of two label maps.

    Args:
        title: for a person.
        grade: of the geometry it rests on.
        frame_uid: its FrameOfReferenceUID, "" where nothing says so.
        notes: what reading it had to say.
    """

    title: str
    labels: LabelMap
    grade: str = "good"
    frame_uid: str = ""
    notes: tuple[str, ...] = ()


def side_of_visit(case: Case, store: ObjectStore, visit: int, *, carried: bool = False) -> Side:
    """Return the labels of a visit; `carried`: those carried to the baseline's grid.

    Raises:
        Missing: there are none.
    """
    here = case.visit(visit)
    wanted = here.baseline_labels if carried else here.labels
    if not wanted:
        raise Missing(
            f"day {here.day:g} has no labels" + " in the baseline's frame" * carried,
            advice="register it to the baseline first" if carried else "segment it first",
        )
    volume: Volume = store.get(here.volume)
    frame: Volume = store.get(case.visit(0).volume) if carried else volume
    title = f"day {here.day:g}" + ", carried to the baseline" * carried
    return Side(title, store.get(wanted), volume.geometry.grade, frame.frame_uid)


def side_of_file(
    path: Path,
    case_organ: str,
    watch: Watch,
    *,
    names: Mapping[str, str] | None = None,
    images: Path | None = None,
    on: Volume | None = None,
) -> Side:
    """Return the labels of a file on its own grid, else on that of the images it was drawn on.

    Args:
        images: where those lie, the file's own folder when not said.
        on: taken for them where they are not found.

    Raises:
        As `importing.labels_at`.
    """
    from organtwin.importing import labels_at

    wanted, notes = organ(case_organ), list[str]()
    try:
        labels, grid = labels_at(
            path, wanted, beside=images, names=names, watch=watch, notice=notes.append
        )
    except NoImages:
        if on is None:
            raise
        labels, grid = labels_at(path, wanted, on=on, names=names, watch=watch, notice=notes.append)
    return Side(path.name, labels, grid.geometry.grade, grid.frame_uid, tuple(notes))


def agreements(
    first: Side, second: Side, watch: Watch, *, pairs: Mapping[str, str] | None = None
) -> tuple[tuple[Agreement, ...], tuple[str, ...]]:
    """Return how structures of one name agree, and what a person has to know."""
    found = compared(first.labels, second.labels, watch, pairs=pairs)
    notes = [f"{side.title}: {note}" for side in (first, second) for note in side.notes]
    notes += [WITHHELD.format(s.title) for s in (first, second) if s.grade == "withheld"]
    if first.frame_uid and second.frame_uid and first.frame_uid != second.frame_uid:
        notes.append(OTHER_FRAME)
    ours, theirs = first.labels, second.labels
    shape = ours.labels.shape
    if theirs.labels.shape != shape or not same_grid(ours.affine, theirs.affine, shape):
        notes.append(f"{second.title} is {RESAMPLED}")
    notes += _alone(first, second, pairs or {})
    if "withheld" not in (first.grade, second.grade):
        notes += [line for one in found for line in _outside(one, first, second)]
    return found, tuple(notes)


def _outside(one: Agreement, first: Side, second: Side) -> Iterator[str]:
    """Yield a line for each side of a structure that reaches out of the other's images."""
    for ml, side, other in (
        (one.first_beyond_ml, first, second),
        (one.second_beyond_ml, second, first),
    ):
        if ml:
            yield (
                f"{ml:.3g} mL of {one.structure} of {side.title} lie outside the images of "
                f"{other.title}, where it can have no label: that counts as disagreement"
            )


def _alone(first: Side, second: Side, pairs: Mapping[str, str]) -> list[str]:
    """Return a line for each side that has structures which the other does not have."""
    ours, theirs = ({s.name for s in side.labels.structures} for side in (first, second))
    without = (ours - theirs - set(pairs), theirs - ours - set(pairs.values()))
    return [
        f"only in {side.title}: {', '.join(sorted(names))}"
        for side, names in zip((first, second), without, strict=True)
        if names
    ]


def as_json(one: Agreement, *, withheld: bool) -> dict[str, Any]:
    """Return the numbers of an Agreement as plain values; mm, mL, %."""
    far = None if withheld else one.distances
    return {
        "structure": one.structure,
        "dice": one.dice,
        "first_ml": None if withheld else one.first_ml,
        "second_ml": None if withheld else one.second_ml,
        "difference_percent": one.difference_percent,
        "hd95_mm": far and far.percentile_mm(95.0),
        "hausdorff_mm": far and far.hausdorff_mm,
        "mean_mm": far and far.mean_mm,
        "shift_mm": far and far.shift_mm,
        "first_beyond_ml": None if withheld else one.first_beyond_ml,
        "second_beyond_ml": None if withheld else one.second_beyond_ml,
    }


def surface_map(found: Sequence[Agreement]) -> dict[str, NDArray[Any]]:
    """Return the second's surfaces as one, each point with its signed distance from the first.

    "points" (n, 3) float64 LPS mm, "triangles" (f, 3) int64, "signed_mm" (n,) float64, negative
    where the second falls short, "structure" (n,) int64, the number of the structure in `found`.
    """
    points, triangles, signed, numbers, before = [], [], [], [], 0
    for number, one in enumerate(found):
        if one.distances is not None:
            shell = one.distances.second
            points.append(shell.points)
            triangles.append(shell.triangles + before)
            signed.append(one.distances.second_mm)
            numbers.append(np.full(len(shell.points), number))
            before += len(shell.points)
    if not points:
        raise Missing("no structure has a surface in both", advice="choose other labels")
    return {
        "points": np.concatenate(points),
        "triangles": np.concatenate(triangles),
        "signed_mm": np.concatenate(signed),
        "structure": np.concatenate(numbers),
    }


def told(
    case: Case, store: ObjectStore, sides: Sequence[Mapping[str, Any]], *, to: Path, watch: Watch
) -> dict[str, Any]:
    """Return how two sides agree as plain values, their distances in the file `to` (.npz).

    Args:
        sides: two of {"visit", "carried"} and {"file"}.
    """
    shown = next((case.visit(side["visit"]).volume for side in sides if "visit" in side), "")
    on: Volume | None = store.get(shown) if shown else None
    first, second = (
        side_of_file(Path(side["file"]), case.organ, watch.part(0.1 * n, 0.1 * n + 0.1), on=on)
        if "file" in side
        else side_of_visit(case, store, side["visit"], carried=bool(side.get("carried")))
        for n, side in enumerate(sides)
    )
    found, notes = agreements(first, second, watch.part(0.2, 0.95))
    withheld = "withheld" in (first.grade, second.grade)
    drawn = not withheld and any(one.distances is not None for one in found)
    if drawn:
        to.parent.mkdir(parents=True, exist_ok=True)
        np.savez(to, allow_pickle=False, **surface_map(found))
    return {
        "structures": [as_json(one, withheld=withheld) for one in found],
        "notes": list(notes),
        "out": str(to) if drawn else "",
    }
