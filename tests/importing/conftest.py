"""Tiny DICOM series written to order beside a test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.slices import written

Write = Callable[..., list[Path]]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return what writes slices at given positions along z (or in space) into a folder."""

    def writer(places: Sequence[Any], *, folder: str = "dicom", **said: Any) -> list[Path]:
        return written(tmp_path / folder, places, **said)

    return writer
