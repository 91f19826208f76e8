"""What a file of this folder says of the format it reads; adding a format is adding a file.

An image format has a constant ``IMAGES``, a label format a constant ``LABELS``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin.core.labelmap import CodedTerm
from organtwin.core.registry import registered
from organtwin.core.volume import Volume
from organtwin.core.watch import Watch
from organtwin.importing.elements import Wanted, merged
from organtwin.importing.found import Found, LabelSource, Series
from organtwin.importing.opening import Opened


@dataclass(frozen=True)
class Mask:
    """One structure as its file outlines it.

    Args:
        name: of the segment or region of interest.
        code: its coded term, None where the file gives none.
        voxels: (ni, nj, nk) bool on the Volume's grid.
        source_ml: its volume in mL in the file, where it may reach beyond the Volume.
        note: what a person has to know of it, one line; "" for nothing.
        foreign: it belongs to another frame of reference than the Volume, and has no voxels.
    """

    name: str
    code: CodedTerm | None
    voxels: NDArray[np.bool_]
    source_ml: float
    note: str = ""
    foreign: bool = False


@dataclass(frozen=True)
class ImageFormat:
    """A format of images.

    Args:
        name: of the file in this folder.
        wanted: the DICOM tags it needs of a header.
        claims: whether a file is of this format.
        series: groups the files it claimed; raises nothing (what is wrong becomes a refusal).
        read: makes the Volume of one of those Series.
    """

    name: str
    wanted: Wanted
    claims: Callable[[Opened], bool]
    series: Callable[[Sequence[Opened]], Found]
    read: Callable[[Series, Watch], Volume]


def _never(_: Opened) -> bool:
    return False


@dataclass(frozen=True)
class LabelFormat:
    """A format of labels.

    Args:
        name: its kind ("SEG", "RTSTRUCT", "NIFTI", "NRRD").
        wanted: the DICOM tags its source needs of a header.
        source: describes a file it claimed; raises UnreadableFile.
        masks: puts its structures on the grid of a Volume.
        may_be: whether a file can be read as labels when a person says that it is.
    """

    name: str
    wanted: Wanted
    claims: Callable[[Opened], bool]
    source: Callable[[Opened], LabelSource]
    masks: Callable[[LabelSource, Volume, Watch], tuple[Mask, ...]]
    may_be: Callable[[Opened], bool] = _never


@cache
def image_formats() -> Mapping[str, ImageFormat]:
    """Return every image format by name."""
    return _registered("IMAGES")


@cache
def label_formats() -> Mapping[str, LabelFormat]:
    """Return every label format by kind."""
    return _registered("LABELS")


@cache
def everything_wanted() -> Wanted:
    """Return the DICOM tags that any format needs of a header."""
    images, labels = image_formats().values(), label_formats().values()
    return merged(*(f.wanted for f in images), *(f.wanted for f in labels))


def _registered(constant: str) -> Mapping[str, Any]:
    import organtwin.importing as package

    return registered(package, constant)
