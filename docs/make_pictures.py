"""Makes the pictures of the README and the docs: the real window on the sample patient.

``make pictures`` runs the main job into ``out/pictures`` (unless it is there) and photographs the
pages.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"
DEMO = ROOT / "out" / "pictures"
PAGES = {"window": "compare", "segment": "segment", "update": "update"}


def main() -> None:
    """Run the main job where needed, then photograph the window page by page."""
    if not (DEMO / "audit.zip").exists():
        subprocess.run(
            [sys.executable, "-m", "organtwin.cli", "demo", "--to", str(DEMO), "--replace"],
            cwd=ROOT,
            check=True,
        )
    PICTURES.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        command = [sys.executable, "-m", "organtwin", str(DEMO / "case"), "--page", page]
        picture = PICTURES / f"{name}.png"
        command += ["--size", "1440x900", "--screenshot", str(picture)]
        subprocess.run(command, cwd=ROOT, check=True, timeout=300)
    shutil.copy(DEMO / "comparison.png", PICTURES / "comparison.png")


if __name__ == "__main__":
    main()
