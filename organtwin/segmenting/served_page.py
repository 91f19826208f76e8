"""The page of a model that runs on a server (MONAI Label): where it is, and what it answers.

A folder with ``model.json`` alone, in one of `model_page.model_folders`::

    {"organtwin_model": 1, "name": "liver-server", "title": "Liver on CT", "version": "2.1",
     "licence": "Apache-2.0", "source": "who runs it, from which images it was trained",
     "server": "https://models.hospital.example:8000", "model": "segmentation_liver",
     "modality": "CT", "unit": "HU", "most_seconds": 300,
     "labels": [{"value": 1, "structure": "liver", "code": ["10200004", "SCT", "Liver"]}]}

The network is off unless ``ORGANTWIN_ALLOW_NETWORK=1``: without it such a page is refused. Without
TLS (http) a server has to be this very computer.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from organtwin.core.labelmap import CodedTerm
from organtwin.segmenting.page_fields import NAME, Fields

ALLOW: Final = "ORGANTWIN_ALLOW_NETWORK"
ABOUT: Final = ("organtwin_model", "name", "title", "version", "licence", "source")
KNOWN: Final = {*ABOUT, "server", "model", "modality", "unit", "most_seconds", "labels"}
MODEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
HOST: Final = re.compile(r"[A-Za-z0-9.:-]{1,253}")
PATH: Final = re.compile(r"(/[A-Za-z0-9._-]+)*/?")
OWN: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True)
class ServedPage:
    """What the page of a served model says.

    Args:
        server: its address, without what identifies somebody.
        model: its name there.
        most_s: how long the whole may take.
        values: of the voxels of each of `labels` in the server's answer.
        labels: structure and coded term.
    """

    name: str
    title: str
    version: str
    licence: str
    source: str
    server: str
    model: str
    modality: str
    unit: str
    most_s: float
    values: tuple[int, ...]
    labels: tuple[tuple[str, CodedTerm | None], ...]

    @property
    def host(self) -> str:
        """Name (and port) of the server."""
        return urlsplit(self.server).netloc

    @property
    def made_by(self) -> str:
        """What the journal says of it."""
        return f"model {self.model} {self.version} on {self.host}, licence {self.licence}"


def served_page_of(read: Fields) -> ServedPage:
    """Return a page from its fields; raises BadInput, also where the network is off."""
    if unknown := sorted(set(read.said) - KNOWN):
        raise read.wrong(unknown[0][:50], "is no field of a served model")
    page = ServedPage(
        read.text("name", NAME.fullmatch),
        read.text("title"),
        read.text("version"),
        read.text("licence"),
        read.text("source"),
        read.text("server", _is_server).rstrip("/"),
        read.text("model", MODEL.fullmatch),
        read.text("modality"),
        read.text("unit"),
        read.number("most_seconds", 1.0, 3600.0),
        _values(read),
        read.labels(1),
    )
    if os.environ.get(ALLOW) != "1":
        raise read.wrong("server", f"is on the network, which is off; {ALLOW}=1 allows it")
    return page


def _is_server(address: str) -> bool:
    """Return whether it is https, or http of this computer, of a host and a plain path only."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return False
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in OWN)
    plain = not (parts.query or parts.fragment or "@" in parts.netloc) and port != 0
    known = HOST.fullmatch(parts.hostname or "") and PATH.fullmatch(parts.path)
    return bool(safe and plain and known)


def _values(read: Fields) -> tuple[int, ...]:
    said: Any = read.said.get("labels")
    entries = said if isinstance(said, list) else []
    found = [one.get("value") if isinstance(one, dict) else None for one in entries]
    values = tuple(v for v in found if type(v) is int and 1 <= v <= 255)
    if len(values) < len(found):
        raise read.wrong("labels", "need the value of each structure's voxels, 1 to 255")
    if len(set(values)) != len(values):
        raise read.wrong("labels", "name a value twice")
    return values
