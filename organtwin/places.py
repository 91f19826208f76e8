"""Where this program keeps what is not a case: the user's own data folder and nowhere else."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_data_path


def own_folder() -> Path:
    """Return the user's data folder of OrganTwin; it may not exist yet."""
    return Path(user_data_path("organtwin", appauthor=False))


def keep_caches_there() -> None:
    """Point the caches of libraries into the own folder, unless somebody chose other places."""
    caches = own_folder() / "cache"
    os.environ.setdefault("MPLCONFIGDIR", str(caches / "matplotlib"))
    os.environ.setdefault("PYVISTA_USERDATA_PATH", str(caches / "pyvista"))
    os.environ.setdefault("MESA_SHADER_CACHE_DIR", str(caches / "mesa"))
