"""Neural models that a hospital provides, as methods: image in, labels out, nothing trained here.

The image is resampled to the spacing that the model was trained on (linear; averaged over whole
voxels first where that is coarser), `inference` runs the network in a process of its own, and its
scores are interpolated linearly on the image's grid, where the highest wins.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from scipy import ndimage

from organtwin.core.errors import BadArgument, EmptyLabel
from organtwin.core.labelmap import CodedTerm, LabelMap, Structure
from organtwin.core.temporary import private_folder
from organtwin.core.watch import Watch
from organtwin.segmenting import Method, Request
from organtwin.segmenting.beside import Beside, run_beside
from organtwin.segmenting.coarse import block_mean, coarse_spacing
from organtwin.segmenting.composed import composed
from organtwin.segmenting.frame import Flags, Floats, Spacing, frame_of
from organtwin.segmenting.marks import hold
from organtwin.segmenting.model_page import ModelPage, pages, require_kind, whole_pages
from organtwin.segmenting.naming import kept_of, named, numbered_by_place, overlap
from organtwin.segmenting.seeds import BACKGROUND

PREFIX: Final = "organtwin-model-"
MOST_SCORE_BYTES: Final = 8 * 2**30
"""Of the 12 GiB that `inference` may have."""


def neural_methods(*, whole: bool = False) -> Mapping[str, Method]:
    """Return a method "neural:NAME" for each model there is, or that is whole."""
    found = (
        Method(
            f"neural:{page.name}",
            f"{page.title} (neural model, {page.licence})",
            "automatic",
            partial(segment, page),
            modality=page.modality,
            made_by=page.made_by,
        )
        for page in (whole_pages() if whole else pages())[0]
        if isinstance(page, ModelPage)
    )
    return MappingProxyType({method.name: method for method in found})


def segment(page: ModelPage, request: Request, watch: Watch) -> LabelMap:
    """Label what a model knows; labels so far of other names stay.

    Raises:
        BadArgument: an image of another modality or unit.
        BadInput: the network is not the one that its page names, or cannot be run.
        EmptyLabel: it finds nothing.
        Stopped: asked to stop.
    """
    volume = request.volume
    require_kind(volume, page)
    frame = frame_of(volume.affine)
    _check_size(frame.turned(volume.voxels).shape, frame.spacing_mm, page)
    watch.tell(0.0, f"preparing the image for {page.name}")
    whole = np.ascontiguousarray(frame.turned(volume.voxels))
    seen = _window(_resampled(whole, frame.spacing_mm, page.spacing_mm), page)
    with private_folder(PREFIX) as folder:
        scores = _scores(seen, page, folder, watch.part(0.1, 0.8))
        owner = _winner(
            scores, whole.shape, frame.spacing_mm, page=page, watch=watch.part(0.8, 1.0)
        )
    masks = {
        name: frame.back(owner == number)
        for number, (name, _) in enumerate(page.labels)
        if name != BACKGROUND and (owner == number).any()
    }
    if not masks:
        raise EmptyLabel(f"{page.name} finds nothing in this image", where="segment")
    return added(masks, page.labels, request)


def added(
    masks: Mapping[str, Flags],
    said: Sequence[tuple[str, CodedTerm | None]],
    request: Request,
) -> LabelMap:
    """Return the labels so far with what was found instead of what had the same name."""
    codes, found = dict(said), numbered_by_place(masks, request.labels)
    structures = tuple(
        _coded(structure, codes) for structure in named(found, request.organ, request.labels)
    )
    kept, old = kept_of(request.labels, but=found)
    whole = old | found
    hold(whole, structures, kept)
    return composed(whole, (*kept, *structures), request, overlapping=overlap(request.labels))


def _coded(structure: Structure, codes: Mapping[str, Any]) -> Structure:
    code = codes.get(structure.name)
    return structure if code is None or structure.kind != "other" else replace(structure, code=code)


def _check_size(shape: tuple[int, ...], spacing_mm: Spacing, page: ModelPage) -> None:
    """Raise BadArgument where the scores would not fit into what the process may have."""
    voxels = 1.0
    for n, has, wanted in zip(shape, spacing_mm, page.spacing_mm, strict=True):
        voxels *= max(1.0, n * has / wanted)
    if 4.0 * voxels * len(page.labels) > MOST_SCORE_BYTES:
        raise BadArgument(
            f"{page.name} gives more than {MOST_SCORE_BYTES >> 30} GiB of scores for this image",
            where="segment",
            advice="cut the image to the organ, or use a model of coarser voxels",
        )


def _resampled(image: Any, spacing_mm: Spacing, wanted_mm: Spacing) -> Floats:
    """Return the image at another spacing; its first voxel begins at the same corner."""
    i, j, k = (max(1, int(w / s + 1e-6)) for w, s in zip(wanted_mm, spacing_mm, strict=True))
    coarse = block_mean(image, (i, j, k))
    has_mm = coarse_spacing(spacing_mm, (i, j, k))
    size = [
        max(1, round(n * s / w)) for n, s, w in zip(image.shape, spacing_mm, wanted_mm, strict=True)
    ]
    scale = [w / h for w, h in zip(wanted_mm, has_mm, strict=True)]
    result: Floats = ndimage.affine_transform(
        coarse, scale, [0.5 * r - 0.5 for r in scale], size, np.float32, 1, "nearest"
    )
    return result


def _window(image: Floats, page: ModelPage) -> Floats:
    low, high = page.window
    shown: Floats = np.clip((image - low) / (high - low), 0.0, 1.0).astype(np.float32)
    return shown


def _winner(
    scores: Floats, shape: tuple[int, ...], spacing_mm: Spacing, *, page: ModelPage, watch: Watch
) -> Any:
    """Return (i, j, k) uint8 on the image's grid: number of the label with the highest score."""
    scale = [s / w for s, w in zip(spacing_mm, page.spacing_mm, strict=True)]
    shift = [0.5 * r - 0.5 for r in scale]
    best = np.zeros(shape, np.uint8)
    most = np.full(shape, -np.inf, np.float32)
    for number, score in enumerate(scores):
        watch.tell(number / len(scores), "placing what was found")
        here = ndimage.affine_transform(score, scale, shift, shape, np.float32, 1, "nearest")
        higher = here > most
        best[higher], most[higher] = number, here[higher]
    return best


def _scores(image: Floats, page: ModelPage, folder: Path, watch: Watch) -> Floats:
    """Return (n, i, j, k) float32, mapped from a file in `folder`."""
    (folder / "image").write_bytes(image.tobytes())
    asked = {
        "network": str(page.network),
        "sha256": page.sha256,
        "image": str(folder / "image"),
        "scores": str(folder / "scores"),
        "shape": image.shape,
        "patch": page.patch,
        "overlap": page.overlap,
        "labels": len(page.labels),
        "threads": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1,
    }
    beside = Beside("organtwin.segmenting.inference", page.name, str(page.network))
    run_beside(beside, asked, watch)
    scores: Floats = np.memmap(
        folder / "scores", np.float32, "r", shape=(len(page.labels), *image.shape)
    )
    return scores
