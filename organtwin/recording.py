"""Run a step on an open case, show its progress, and record it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from organtwin.casefolder import CaseFolder
from organtwin.printing import Printer


def step(folder: CaseFolder, name: str, arguments: Mapping[str, Any], printer: Printer) -> float:
    """Run a step on an open case and record it; returns the seconds it took."""
    from organtwin.pipeline import run_step

    start = time.perf_counter()
    with printer.progress(name) as watch:
        case, done = run_step(name, folder.case, folder, arguments=arguments, watch=watch)
        folder.append(case, done)
    seconds = time.perf_counter() - start
    printer.step(name, done.summary, seconds)
    return seconds
