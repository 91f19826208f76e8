"""The page that comes with a neural model: what it takes, what it gives, whose it is.

A model is a folder with ``model.json`` and ``model.onnx`` in one of the folders of `model_folders`.
The page is a JSON object::

    {"organtwin_model": 1, "name": "liver-3mm", "title": "Liver on CT", "version": "2.1",
     "licence": "Apache-2.0", "source": "who made it, from which images, how good it was found",
     "sha256": "of model.onnx", "modality": "CT", "unit": "HU", "spacing_mm": [3, 3, 3],
     "window": [-150, 250], "patch": [64, 64, 64], "overlap": 0.25,
     "labels": [{"structure": "background"},
                {"structure": "liver", "code": ["10200004", "SCT", "Liver"]}]}

Its network takes float32 (1, 1, i, j, k), the values of the window as 0..1, axes growing to the
left, the back and the head (LPS), and gives scores (1, n, i, j, k), the highest wins; n labels.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from organtwin.core.errors import BadArgument, BadInput
from organtwin.core.labelmap import CodedTerm
from organtwin.core.volume import Volume
from organtwin.places import own_folder
from organtwin.segmenting.page_fields import HASH, NAME, Fields
from organtwin.segmenting.served_page import ServedPage, served_page_of

PAGE: Final = "model.json"
NETWORK: Final = "model.onnx"
VERSION: Final = 1
MOST_BYTES: Final = 2**20
MOST_MODELS: Final = 100
FOLDERS: Final = "ORGANTWIN_MODELS"


@dataclass(frozen=True)
class ModelPage:
    """What a model's page says.

    Args:
        network: file of the network.
        sha256: of that file, hexadecimal; it is checked before each use.
        spacing_mm: voxel size along L, P, S that it was trained on.
        window: values that become 0 and 1; what lies beyond is cut off.
        patch: voxels that it looks at in one go.
        overlap: of neighbouring patches, as a part of a patch.
        labels: structure and coded term of each of its scores, in order; "background" for none.
    """

    network: Path
    name: str
    title: str
    version: str
    licence: str
    source: str
    sha256: str
    modality: str
    unit: str
    spacing_mm: tuple[float, float, float]
    window: tuple[float, float]
    patch: tuple[int, int, int]
    overlap: float
    labels: tuple[tuple[str, CodedTerm | None], ...]

    @property
    def made_by(self) -> str:
        """What the journal says of it."""
        return f"model {self.name} {self.version}, SHA-256 {self.sha256}, licence {self.licence}"


def model_folders() -> tuple[Path, ...]:
    """Return where models are looked for: what ``ORGANTWIN_MODELS`` lists, and the user's own."""
    listed = [Path(p) for p in os.environ.get(FOLDERS, "").split(os.pathsep) if p]
    return (*(path for path in listed if path.is_absolute()), own_folder() / "models")


def pages() -> tuple[tuple[ModelPage | ServedPage, ...], tuple[tuple[Path, BadInput], ...]]:
    """Return the page of every model there is, and the folders whose page cannot be used, and why.

    Of two models of one name the first folder's is taken, the other is refused.
    """
    found: dict[str, ModelPage | ServedPage] = {}
    refused: list[tuple[Path, BadInput]] = []
    files = [page for folder in model_folders() for page in sorted(folder.glob(f"*/{PAGE}"))]
    for file in files[:MOST_MODELS]:
        try:
            page = page_of(file.parent)
            if page.name in found:
                raise BadInput(f"there is another model {page.name!r}", where=str(file.parent))
            found[page.name] = page
        except BadInput as error:
            refused.append((file.parent, error))
    return tuple(found.values()), tuple(refused)


def whole_pages() -> tuple[tuple[ModelPage | ServedPage, ...], tuple[tuple[Path, BadInput], ...]]:
    """Return `pages`, with models whose network is not the one that its page names refused."""
    found, refused = pages()
    damaged = {id(p): p.network for p in found if isinstance(p, ModelPage) and not _is_whole(p)}
    why = [
        (path.parent, BadInput("damaged: its network is not the one its page names", str(path)))
        for path in damaged.values()
    ]
    return tuple(p for p in found if id(p) not in damaged), (*refused, *why)


def _is_whole(page: ModelPage) -> bool:
    try:
        found = page.network.stat()
        return _sha256(page.network, found.st_mtime_ns, found.st_size) == page.sha256
    except OSError:
        return False


@functools.lru_cache(maxsize=MOST_MODELS)
def _sha256(network: Path, changed_ns: int, size: int) -> str:
    """Return the SHA-256 of a file; it is read again when it has changed."""
    del changed_ns, size
    with network.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def page_of(folder: Path) -> ModelPage | ServedPage:
    """Return the page of the model in a folder; raises BadInput, naming what is wrong in it.

    One that names a server is served (`served_page`), any other has its network beside it.
    """
    file = folder / PAGE
    try:
        if file.stat().st_size > MOST_BYTES:
            raise BadInput("a model's page of more than 1 MiB", where=str(file))
        said = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(f"a model's page that cannot be read ({error})", where=str(file)) from error
    read = Fields(said if isinstance(said, dict) else {}, str(file))
    if said.get("organtwin_model") != VERSION if isinstance(said, dict) else True:
        raise read.wrong("organtwin_model", f"has to be {VERSION}")
    if "server" in read.said:
        return served_page_of(read)
    page = ModelPage(
        folder / NETWORK,
        read.text("name", NAME.fullmatch),
        read.text("title"),
        read.text("version"),
        read.text("licence"),
        read.text("source"),
        read.text("sha256", HASH.fullmatch),
        read.text("modality"),
        read.text("unit"),
        read.three("spacing_mm", 0.1, 20.0),
        read.window(),
        read.patch(),
        read.number("overlap", 0.0, 0.75),
        read.labels(),
    )
    if not page.network.is_file():
        raise BadInput(f"a model without its {NETWORK}", where=str(folder))
    return page


def require_kind(volume: Volume, page: ModelPage | ServedPage) -> None:
    """Raise BadArgument unless an image is of the modality and unit that a model is for."""
    if (volume.modality, volume.unit) != (page.modality, page.unit):
        raise BadArgument(
            f"{page.name} is for {page.modality} in {page.unit}, "
            f"not {volume.modality or 'an unknown modality'} in {volume.unit}",
            where="segment",
        )
