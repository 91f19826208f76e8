"""One run of the demo for all stories, begun beside the other tests: it takes minutes."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


class Run:
    """The demo with few members, in a path with a space and an umlaut."""

    def __init__(self) -> None:
        self.place = tempfile.TemporaryDirectory(prefix="Fluß demo ")
        self.to = Path(self.place.name) / "out"
        command = [sys.executable, "-m", "organtwin.cli", "demo", "--to", str(self.to)]
        self.said = Path(self.place.name, "said")
        with self.said.open("wb") as said:
            self.process = subprocess.Popen(
                [*command, "--members", "16"], cwd=ROOT, stdout=said, stderr=subprocess.STDOUT
            )

    def end(self) -> None:
        """Stop what still runs and remove what it wrote."""
        self.process.kill()
        self.process.wait()
        self.place.cleanup()


RUN = pytest.StashKey[Run]()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Begin the demo as soon as it is known that a test wants it."""
    wanted = any("demo" in getattr(item, "fixturenames", ()) for item in session.items)
    if wanted and not session.config.option.collectonly:
        session.config.stash[RUN] = Run()


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the demo, also when nobody came to ask for it."""
    if RUN in config.stash:
        config.stash[RUN].end()


@pytest.fixture(scope="session")
def demo(pytestconfig: pytest.Config) -> Path:
    """Where the demo wrote, once it ended well."""
    run = pytestconfig.stash[RUN]
    status = run.process.wait()
    assert status == 0, run.said.read_text("utf-8")[-6000:]
    return run.to
