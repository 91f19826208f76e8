"""Threshold: what shows between two values and hangs together with the seeds.

Without values said, each structure's range is what its seeds and the voxels beside them show: the
2nd to 98th percentile, widened by their robust sd, so that one voxel off in a line does not matter.
Parts joined by less than twice `opening_mm` count as apart (opening by reconstruction; Serra 1982).
Voxels with "background" seeds belong to nothing; where a structure comes to hold more than a tenth
of them, no range parts it from what is around it, and it is refused.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.core.errors import BadArgument
from organtwin.core.labelmap import LabelMap
from organtwin.core.watch import Watch
from organtwin.segmenting import Method, Request
from organtwin.segmenting.frame import Flags, Floats, Spacing
from organtwin.segmenting.marks import Voxels, answered, asked, some_structure
from organtwin.segmenting.morphology import dilated, eroded
from organtwin.segmenting.seeds import BACKGROUND
from solvers.contract import Parameter

ANY = 1e6
LEAK = 0.1
NONE = np.zeros((0, 3), np.intp)


def segment(request: Request, watch: Watch) -> LabelMap:
    """Label every structure that has seeds by its range; labels so far of other names stay.

    Raises:
        BadArgument: no seeds in a structure, some outside the image, an empty range, or one that
            holds what is around the structure too.
        EmptyLabel: nothing in the range holds a seed.
        MisplacedLabel: a vessel or tumour lies outside the organ.
    """
    here = asked(request)
    marks = here.marks()
    some_structure(marks)
    said = request.settings
    outside, masks = marks.get(BACKGROUND, NONE), {}
    for number, name in enumerate(n for n in marks if n != BACKGROUND):
        watch.tell(number / len(marks), f"{name}: between two values")
        low, high = suggested(here.image, marks[name])
        low = low if said["lowest"] <= -ANY else said["lowest"]
        high = high if said["highest"] >= ANY else said["highest"]
        if low > high:
            raise BadArgument(
                f"no value of {name} lies between lowest {low:g} and highest {high:g}",
                where="settings",
                advice="the range is empty: say a lowest below the highest, or let the seeds say",
            )
        shown = here.image >= low
        shown &= here.image <= high
        found = held(
            shown,
            marks[name],
            here.frame.spacing_mm,
            opening_mm=said["opening_mm"],
            pieces=int(said["pieces"]),
        )
        _refuse_leak(name, (low, high), found[tuple(outside.T)])
        found[tuple(outside.T)] = False
        masks[name] = found
    watch.tell(1.0, "done")
    return answered(here, masks)


def _refuse_leak(name: str, limits: tuple[float, float], taken: Flags) -> None:
    """Raise BadArgument where more than a tenth of the seeds around is held too."""
    share = float(taken.mean()) if taken.size else 0.0
    if share > LEAK:
        low, high = limits
        raise BadArgument(
            f"{name} between {low:.0f} and {high:.0f} holds {share:.0%} of the seeds around it too",
            where="seeds",
            advice="its values do not set it apart: use random-walker, or say a narrower range or "
            "a wider opening",
        )


def suggested(image: Floats, seeds: Voxels) -> tuple[float, float]:
    """Return the lowest and highest value that seeds (n, 3) and their neighbours speak for."""
    first = np.maximum(seeds.min(axis=0) - 1, 0)
    box = tuple(slice(a, b + 2) for a, b in zip(first, seeds.max(axis=0), strict=True))
    near = np.zeros(image[box].shape, bool)
    near[tuple((seeds - first).T)] = True
    values = image[box][ndimage.binary_dilation(near)]
    low, high = np.percentile(values, (2.0, 98.0))
    spread = 1.4826 * float(np.median(np.abs(values - np.median(values))))
    return float(low) - spread, float(high) + spread


def held(
    shown: Flags, seeds: Voxels, spacing_mm: Spacing, *, opening_mm: float, pieces: int
) -> Flags:
    """Keep the parts of a mask that hold seeds, or the largest ones.

    Args:
        seeds: the structure's own, (n, 3).
        pieces: how many of the largest to keep; 0 for those with seeds.
    """
    core = eroded(shown, opening_mm, spacing_mm) if opening_mm > 0.0 else shown
    parts, count = ndimage.label(core)
    if pieces:
        sizes = np.bincount(parts.ravel(), minlength=count + 1)
        sizes[0] = 0
        kept = np.argsort(sizes)[::-1][:pieces]
    else:
        kept = _met(parts, seeds, opening_mm, spacing_mm)
    chosen = np.zeros(count + 1, bool)
    chosen[kept] = True
    chosen[0] = False
    found: Flags = chosen[parts]
    return shown & dilated(found, opening_mm, spacing_mm) if opening_mm > 0.0 else found


def _met(
    parts: NDArray[np.integer], seeds: Voxels, reach_mm: float, spacing_mm: Spacing
) -> NDArray[np.intp]:
    """Numbers of the parts within reach of seeds."""
    if reach_mm <= 0.0:
        return np.unique(parts[tuple(seeds.T)]).astype(np.intp)
    marked = np.zeros(parts.shape, bool)
    marked[tuple(seeds.T)] = True
    return np.unique(parts[dilated(marked, reach_mm, spacing_mm)]).astype(np.intp)


SETTINGS = (
    Parameter(
        "lowest", "value of the image", -ANY, ANY,
        f"the lowest value that belongs to the structure; {-ANY:g}: what the seeds show",
        "percentiles of the seeds' surroundings", -ANY,
    ),
    Parameter(
        "highest", "value of the image", -ANY, ANY,
        f"the highest value that belongs to the structure; {ANY:g}: what the seeds show",
        "percentiles of the seeds' surroundings", ANY,
    ),
    Parameter(
        "opening_mm", "mm", 0.0, 20.0, "bridges narrower than twice this are cut",
        "unsourced, set your own; 0 cuts nothing", 0.0,
    ),
    Parameter(
        "pieces", "1", 0.0, 100.0, "keep so many of the largest parts; 0: those that hold seeds",
        "seeds say which part is meant", 0.0,
    ),
)  # fmt: skip
METHOD = Method("threshold", "Between two values, around the seeds", "seeded", segment, SETTINGS)
