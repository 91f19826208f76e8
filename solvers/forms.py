"""Where compiled forms are kept, and how two processes do not compile the same one twice."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

COMPILER_FLAGS = ["-O2", "-g0"]


def cache_folder() -> Path:
    """Return the folder of compiled forms: ORGANTWIN_FORMS, else ``solvers/compiled/cache``."""
    named = os.environ.get("ORGANTWIN_FORMS")
    return Path(named) if named else Path(__file__).parent / "compiled" / "cache"


def compiled(form: Any) -> Any:
    """Return the DOLFINx form (or nested lists of them) of UFL `form`, from the cache if there."""
    from dolfinx import fem

    options = {
        "cache_dir": cache_folder(),
        "timeout": 600,
        "cffi_extra_compile_args": COMPILER_FLAGS,
    }
    with _alone():
        return fem.form(form, jit_options=options)


@contextmanager
def _alone() -> Iterator[None]:
    """Hold the cache's lock; clear what a killed compilation left, which would be waited for."""
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for source in folder.glob("libffcx_*.c"):
            if not source.with_suffix(".c.cached").exists():
                source.unlink()
        yield
