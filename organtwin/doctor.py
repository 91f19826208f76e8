"""What is missing on this machine, and how to mend it."""

from __future__ import annotations

import ctypes.util
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from organtwin.core import children

PACKAGES = (
    "numpy", "scipy", "pydicom", "highdicom", "SimpleITK", "skimage", "gdcm", "openjpeg",
    "jpeg_ls", "pyvista", "vtkmodules", "mmgpy", "PySide6", "contourpy", "matplotlib",
    "reportlab", "jinja2", "cryptography", "rich", "platformdirs", "dolfinx_solver",
)  # fmt: skip
LIBRARIES = {
    "EGL": "libegl1",
    "GL": "libgl1",
    "xkbcommon-x11": "libxkbcommon-x11-0",
    "xcb-cursor": "libxcb-cursor0",
    "xcb-icccm": "libxcb-icccm4",
    "xcb-keysyms": "libxcb-keysyms1",
    "xcb-shape": "libxcb-shape0",
    "fontconfig": "libfontconfig1",
    "dbus-1": "libdbus-1-3",
}
MEMORY_GIB, DISK_GIB = 6, 5


@dataclass(frozen=True)
class Finding:
    """One thing looked at: `ok`, what was found, and how to mend it when it is not ok."""

    name: str
    ok: bool
    found: str
    mend: str = ""


def examine() -> Iterator[Finding]:
    """Look at everything a session needs, one finding after another."""
    for look in (_python, _packages, _libraries, _compiler, _solver, _pictures, _memory, _disk):
        yield look()
    yield _shared_memory()
    yield _display()


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("Python", sys.version_info >= (3, 12), version, "install Python 3.12 or later")


def _packages() -> Finding:
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    return Finding(
        "Python packages",
        not missing,
        f"missing: {', '.join(missing)}" if missing else f"all {len(PACKAGES)} are there",
        "remove the folder .venv and start again: it is made anew",
    )


def _libraries() -> Finding:
    if not sys.platform.startswith("linux"):
        return Finding("System libraries", True, f"not needed on {sys.platform}")
    missing = [deb for name, deb in LIBRARIES.items() if ctypes.util.find_library(name) is None]
    return Finding(
        "System libraries",
        not missing,
        f"missing: {', '.join(missing)}" if missing else "Qt and VTK find theirs",
        "apt-get install " + " ".join(missing),
    )


def _compiler() -> Finding:
    found = shutil.which("cc") or shutil.which("gcc")
    return Finding(
        "C compiler",
        True,
        found or "none; the solver then runs only forms compiled before",
    )


def _solver() -> Finding:
    try:
        said = subprocess.run(
            children.command("solvers", "describe"),
            env=children.environment(),
            cwd=children.safe_folder(),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        kinds = ", ".join(json.loads(said.stdout)["kinds"])
    except (OSError, ValueError, KeyError, subprocess.SubprocessError) as error:
        return Finding("Solvers", False, str(error)[:200], "set up again: make run")
    return Finding("Solvers", True, kinds)


def _pictures() -> Finding:
    """VTK may end the process where there is no OpenGL, so it is asked in another one."""
    code = "import pyvista; p = pyvista.Plotter(off_screen=True); p.add_mesh(pyvista.Sphere()); "
    code += "assert p.screenshot(None, return_img=True).std() > 0"
    ended = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=children.safe_folder(),
        capture_output=True,
        check=False,
    )
    return Finding(
        "Pictures without a display",
        ended.returncode == 0,
        "VTK draws" if ended.returncode == 0 else "VTK cannot draw here",
        "apt-get install libegl1 libgl1 libgl1-mesa-dri",
    )


def _memory() -> Finding:
    gib = _memory_gib()
    return Finding(
        "Memory",
        gib >= MEMORY_GIB,
        f"{gib:.0f} GiB",
        f"{MEMORY_GIB} GiB or more are advised for a whole abdomen",
    )


def _memory_gib() -> float:
    if hasattr(os, "sysconf"):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return float("inf")


def _disk() -> Finding:
    gib = shutil.disk_usage(Path.home()).free / 2**30
    return Finding("Free disk", gib >= DISK_GIB, f"{gib:.0f} GiB", f"free {DISK_GIB} GiB or more")


def _shared_memory() -> Finding:
    """MPI ends its whole process when it may not write shared memory."""
    folder = Path("/dev/shm")
    if not folder.exists():
        return Finding("Shared memory", sys.platform == "win32", "no /dev/shm", "mount /dev/shm")
    try:
        with tempfile.TemporaryFile(dir=folder):
            return Finding("Shared memory", True, "writable")
    except OSError as error:
        return Finding("Shared memory", False, str(error), "make /dev/shm writable (mode 1777)")


def _display() -> Finding:
    display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    needed = sys.platform.startswith("linux")
    return Finding(
        "Display",
        True,
        display or ("none: the command line works, the window does not" if needed else "native"),
    )
