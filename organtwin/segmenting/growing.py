"""Growing: structures grown from seeds that are kept, so that a further scribble is quick.

What is kept: the image in patient axes, the field around the seeds, what each name's growth costs
and the outlines drawn. A further scribble grows its own name anew and draws only the outlines
that then differ; how the other names' costs follow from how it looks now is left as it was, so that
the method asked with all seeds at once may differ by voxels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.core.labelmap import LabelMap
from organtwin.core.watch import Watch
from organtwin.segmenting import Request
from organtwin.segmenting.appearance import appearance_of
from organtwin.segmenting.field import Field, field_of
from organtwin.segmenting.frame import Flags, Floats
from organtwin.segmenting.growth import costs_of, shares_of
from organtwin.segmenting.marks import Marks, answered, asked, both_sides
from organtwin.segmenting.necks import bulk
from organtwin.segmenting.seeds import BACKGROUND, Seeds

MOST_VOXELS = 300_000
EVEN = 0.7
Bulks = dict[str, tuple[int, Flags, Flags]]


class Growing:
    """Structures grown from the seeds of a request, and from further ones.

    Args:
        request: its volume, organ and labels so far stay; its seeds are the first ones.
        watch: told while the first answer is made.

    Raises:
        BadArgument: no seeds in a structure or around it, or some outside the image.
    """

    def __init__(self, request: Request, watch: Watch) -> None:
        self._here = asked(request)
        self._marks: Marks = self._here.marks()
        both_sides(self._marks)
        self._field = self._fresh()
        self._restart(watch)

    def add(self, seeds: Seeds, watch: Watch) -> LabelMap:
        """Grow on with further seeds (only the new ones) and return the labels.

        Raises:
            BadArgument: a seed lies outside the image; nothing was changed.
            Stopped: somebody asked to stop; ask again with the same seeds.
        """
        new = self._here.marks(seeds)
        both = {**self._marks}
        for name, voxels in new.items():
            old = both.get(name)
            both[name] = voxels if old is None else np.unique(np.concatenate((old, voxels)), axis=0)
        self._marks = both
        if any(not self._field.holds(voxels) for voxels in new.values()):
            self._field = self._fresh()
            self._restart(watch)
        else:
            self._field = self._field.marked(both)
            self._grow(set(new), watch)
        return self.labels()

    def labels(self) -> LabelMap:
        """Return the labels so far with the structures grown.

        Raises:
            EmptyLabel: a structure came out empty.
            MisplacedLabel: a vessel or tumour lies outside the organ.
        """
        return answered(self._here, self._outlines, self._field.box)

    def _fresh(self) -> Field:
        here = self._here
        return field_of(here.image, here.frame.spacing_mm, self._marks, most=MOST_VOXELS)

    def _restart(self, watch: Watch) -> None:
        self._costs: dict[str, Floats] = {}
        self._coarse: dict[str, Flags] = {}
        self._bulks: Bulks = {}
        self._outlines: dict[str, Flags] = {}
        self._grow(set(self._marks), watch)

    def _grow(self, names: set[str], watch: Watch) -> None:
        field = self._field
        looks = appearance_of(field.image, field.marks)
        for number, name in enumerate(sorted(names)):
            watch.tell(0.6 * number / len(names), f"growing {name}")
            self._costs[name] = costs_of(field, looks, name)
        watch.tell(0.6, "drawing borders")
        owner = owned(shares_of(self._costs, looks), field, known=self._bulks)
        for name in self._marks:
            if name != BACKGROUND:
                self._draw(name, owner == list(self._costs).index(name))

    def _draw(self, name: str, coarse: Flags) -> None:
        before = self._coarse.get(name)
        if before is None or not np.array_equal(before, coarse):
            self._outlines[name] = self._field.outlined(coarse)
            self._coarse[name] = coarse


def owned(
    shares: dict[str, Floats], field: Field, even: float = EVEN, *, known: Bulks | None = None
) -> NDArray[np.intp]:
    """Return the number of the name each voxel of the field goes to, in the order of `shares`.

    Shares are evened out over 0.7 voxels; seeds keep their name; what does not hang together with
    seeds of its name, or by a neck only (`necks`), is background.

    Args:
        known: what was kept of which mask from how many seeds by name, taken where it still holds.
    """
    known = {} if known is None else known
    soft = [ndimage.gaussian_filter(s, even) if even else s for s in shares.values()]
    owner = np.argmax(soft, axis=0)
    for number, name in enumerate(shares):
        owner[tuple(field.marks[name].T)] = number
    nobody = list(shares).index(BACKGROUND)
    for number, name in enumerate(shares):
        if name != BACKGROUND:
            whole, seeds = owner == number, field.marks[name]
            before = known.get(name)
            if before is None or before[0] != len(seeds) or not np.array_equal(before[1], whole):
                known[name] = before = len(seeds), whole, bulk(whole, seeds, field)
            owner[whole & ~before[2]] = nobody
    return owner
