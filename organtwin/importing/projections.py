"""Images made by projecting many sections into one (MIP, MinIP), which show no section of tissue.

Their values are the highest or lowest along a line, so volumes, distances along the line and
densities measured in them are wrong. Means over neighbouring sections are thick sections and those
over a breath are what treatments are planned on: neither is meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from organtwin.importing.elements import Elements

KINDS: Final = frozenset(["MIP", "MINIP", "MNIP", "MAX_IP", "MIN_IP", "PROJECTION IMAGE"])
"""Values of ImageType in use (value 3 on is the maker's own, PS3.3 C.7.6.1.1.2)."""
TECHNIQUES: Final = frozenset(["MAX_IP", "MIN_IP", "VOLUME_RENDER", "SURFACE_RENDER", "CURVED_MPR"])
"""Of VolumeBasedCalculationTechnique (PS3.3 C.8.16.2.1.3): what is no plane of sections."""
WORD: Final = re.compile(r"(?<![a-z0-9])(t?mip|mnip|(max|min)[ -]?ip)s?(?![a-z0-9])")


def projected(headers: Iterable[Elements]) -> str:
    """Return why images are no sections, by the first header that says so; "" when none does.

    The name of the series counts where the images do not say that they are ORIGINAL: "Liver for
    MIP" is what projections are made of (PS3.3 C.7.6.1.1.2, value 1).
    """
    for said in headers:
        told = KINDS.intersection(kind.upper() for kind in said.texts("ImageType"))
        told |= TECHNIQUES.intersection(said.texts("VolumeBasedCalculationTechnique"))
        if told:
            return f"a projection, not sections (the header says {min(told)})"
        if "ORIGINAL" in said.texts("ImageType")[:1]:
            continue
        if found := WORD.search(said.text("SeriesDescription").casefold().replace("_", " ")):
            return f"a projection, not sections (SeriesDescription says '{found[0].strip()}')"
    return ""
