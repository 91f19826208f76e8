"""The real sets of `../shared/data`; tests leave no trace in the home of whoever runs them."""

import gc
import os
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[1].parent / "shared" / "data"
os.environ.setdefault("ORGANTWIN_NO_INDEX", "1")


def pytest_collection_finish() -> None:
    """Never again look for garbage among the modules and tests that stay to the end."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip(f"the real image sets are not there ({SHARED})")
    return SHARED
