"""A method's answer: its masks over each other, and what of them had to be cut off."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from organtwin.core.labelmap import LabelMap, Structure, stacked
from organtwin.core.volume import voxel_ml_of
from organtwin.segmenting import Request
from organtwin.segmenting.remarks import Remark

LEAST_SHARE = 0.005
"""Less cut off is told, but not to be looked at; unsourced."""


def composed(
    masks: Mapping[str, NDArray[np.bool_]],
    structures: tuple[Structure, ...],
    request: Request,
    *,
    overlapping: bool,
) -> LabelMap:
    """Paint masks over each other on the image's grid (`stacked`), and note what is cut off.

    A structure ends where the one that contains it ends; `Request.note` is told how much of each
    lay outside, so that no volume shrinks unsaid.

    Args:
        masks: structure name → (ni, nj, nk) bool.
        overlapping: whether a structure keeps the voxels that another is painted over.

    Raises:
        EmptyLabel: a mask has no voxels.
        MisplacedLabel: more than a tenth of a structure lies outside the one that contains it.
    """
    labels = stacked(dict(masks), structures, request.volume.affine, overlapping=overlapping)
    for one in structures:
        if one.within in masks:
            tell_cut(masks, one.name, one.within, request)
    return labels


def tell_cut(
    masks: Mapping[str, NDArray[np.bool_]], name: str, outer: str, request: Request
) -> None:
    """Note how much of one of the masks lies outside another, if anything does."""
    outside = int(np.count_nonzero(masks[name] & ~masks[outer]))
    if outside:
        cut_ml = outside * voxel_ml_of(request.volume.affine)
        share = outside / int(np.count_nonzero(masks[name]))
        what = f"was cut by {cut_ml:.2g} mL ({share:.1%}) outside {outer}"
        request.note(f"{name} {what}")
        if share >= LEAST_SHARE:
            request.remark(Remark(name, "border", what, cut_ml, "mL"))
