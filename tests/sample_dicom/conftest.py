"""The sample patient's scripts are not installed: put the checkout's root on the path."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))


@pytest.fixture(scope="session")
def sample() -> Path:
    return ROOT / "sample_dicom"


@pytest.fixture(scope="session")
def truth(sample: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((sample / "truth" / "truth.json").read_text("utf-8"))
    return found
