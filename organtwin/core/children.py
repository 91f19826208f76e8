"""How processes of our own are started: never with code from the folder somebody works in.

``python -m`` would look for modules in the current folder first, and that may be a CD or stick that
a patient brought: a `json.py` there would run. Option -P (Python 3.11) leaves that folder out.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def command(module: str, *arguments: str) -> list[str]:
    """Return the command line that runs a module of ours; give it `environment()` as well."""
    return [sys.executable, "-P", "-m", module, *arguments]


def environment() -> dict[str, str]:
    """Return this process's environment, with our code and no folder that depends on where we are.

    Processes that the child starts itself leave the current folder out as well.
    """
    root = str(Path(__file__).resolve().parents[2])
    known = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    paths = [root, *(path for path in known if Path(path).is_absolute() and path != root)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONSAFEPATH": "1"}


def safe_folder() -> str:
    """Return a folder to start children in: the interpreter's own, where nothing foreign lies."""
    return sys.prefix
