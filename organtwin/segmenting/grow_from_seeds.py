"""Several structures at once from a few points or lines each: they grow until they meet.

Every voxel goes to the structure that reaches it at least cost (`growth`), evened out and drawn at
the half-maximum surface (`field`). Works in any modality, and quickly: `growing.Growing` keeps what
it knows for a further scribble. Coarser than "random-walker" where an organ is large.
"""

from __future__ import annotations

from organtwin.core.labelmap import LabelMap
from organtwin.core.watch import Watch
from organtwin.segmenting import Method, Request
from organtwin.segmenting.growing import Growing


def segment(request: Request, watch: Watch) -> LabelMap:
    """Label every structure that has points or scribbles; labels so far of other names stay.

    A name that is none of the organ's structures and not "tumour-n" becomes one of kind "other".

    Raises:
        BadArgument: no seeds in a structure or around it, or some outside the image.
        EmptyLabel: a structure came out empty.
        MisplacedLabel: a vessel or tumour lies outside the organ.
    """
    return Growing(request, watch).labels()


METHOD = Method(
    "grow-from-seeds", "Several structures grown from points and lines", "seeded", segment
)
