"""A worker whose codecs are broken in the ways codecs are: told by the name of the file."""

import os
import sys
import time
from pathlib import Path
from typing import Any

from organtwin.importing import labelling, pixels, scanning, worker

HEADER = scanning.opened
DECODED = pixels.FrameReader._decoded


def _misbehave(name: str) -> None:
    if "abort" in name:
        os.abort()
    if "endless" in name:
        while True:
            time.sleep(0.01)
    if "greedy" in name:
        bytearray(2**45)


def _header(path: Path, tree: Any, repeats: Any = None) -> Any:
    if "header" in path.name:
        _misbehave(path.name)
    return HEADER(path, tree, repeats)


def _said_to_be_labels(path: Path, tree: Any) -> Any:
    if "labels" in path.name:
        _misbehave(path.name)
    return HEADER(path, tree)


def _decoded(reader: pixels.FrameReader, code: bytes) -> Any:
    if "pixels" in reader.pixels.path.name:
        _misbehave(reader.pixels.path.name)
    return DECODED(reader, code)


if __name__ == "__main__":
    scanning.opened = _header
    labelling.opened = _said_to_be_labels
    pixels.FrameReader._decoded = _decoded
    sys.exit(worker.main())
