"""Models on a server that a hospital configures (MONAI Label), as methods: off unless allowed.

The image leaves this computer, as NIfTI without anybody's name or date; `organtwin.served` sends it
and takes the answer in a process of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from organtwin.core.errors import EmptyLabel
from organtwin.core.labelmap import LabelMap
from organtwin.core.temporary import private_folder
from organtwin.core.watch import Watch
from organtwin.segmenting import Method, Request
from organtwin.segmenting.beside import Beside, run_beside
from organtwin.segmenting.model_page import pages, require_kind
from organtwin.segmenting.neural import added
from organtwin.segmenting.seeds import BACKGROUND
from organtwin.segmenting.served_page import ServedPage

PREFIX: Final = "organtwin-served-"
GRACE_S: Final = 30.0
"""For starting the process and reading what came."""


def served_methods() -> Mapping[str, Method]:
    """Return a method "served:NAME" for each model on a server that may be asked."""
    found = (
        Method(
            f"served:{page.name}",
            f"{page.title} (sends the image to {page.host})",
            "automatic",
            partial(segment, page),
            modality=page.modality,
            made_by=page.made_by,
        )
        for page in pages()[0]
        if isinstance(page, ServedPage)
    )
    return MappingProxyType({method.name: method for method in found})


def segment(page: ServedPage, request: Request, watch: Watch) -> LabelMap:
    """Label what a server finds; labels so far of other names stay.

    Raises:
        BadArgument: an image of another modality or unit.
        BadInput: the server gives no answer that can be used.
        EmptyLabel: it finds nothing.
        Stopped: asked to stop.
    """
    require_kind(request.volume, page)
    watch.tell(0.0, f"sending the image to {page.host}")
    with private_folder(PREFIX) as folder:
        owner, said = _answer(page, request, folder, watch)
        masks = {
            name: owner == number
            for number, (name, _) in enumerate(page.labels, start=1)
            if name != BACKGROUND and (owner == number).any()
        }
    request.note(f"sent SHA-256 {said['sent']}, received SHA-256 {said['received']}")
    if not masks:
        raise EmptyLabel(f"{page.name} finds nothing in this image", where="segment")
    return added(masks, page.labels, request)


def _answer(
    page: ServedPage, request: Request, folder: Path, watch: Watch
) -> tuple[Any, Mapping[str, Any]]:
    """Return (i, j, k) uint8, the number of a label of the page, and what the process said."""
    volume = request.volume
    voxels = volume.voxels
    if voxels.dtype not in (np.int16, np.float32):
        voxels = voxels.astype(np.float32)
    (folder / "image").write_bytes(voxels.tobytes(order="F"))
    asked = {
        "folder": str(folder),
        "shape": volume.voxels.shape,
        "dtype": voxels.dtype.str,
        "affine": volume.affine.tolist(),
        **{k: asdict(page)[k] for k in ("server", "model", "most_s", "values")},
    }
    most = page.most_s + GRACE_S
    beside = Beside("organtwin.served", page.name, page.host, silence_s=most, most_s=most)
    said = run_beside(beside, asked, watch)
    owner = np.fromfile(folder / "labels", np.uint8).reshape(volume.voxels.shape, order="F")
    return owner, said
