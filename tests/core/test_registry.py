"""Adding is one new file."""

import importlib
import shutil
import sys
from pathlib import Path

import pytest

from organtwin.core.errors import BadArgument
from organtwin.core.registry import registered

THING = "from types import SimpleNamespace\nTHING = SimpleNamespace(name={!r})\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    package = tmp_path / "shelf_for_test"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "first.py").write_text(THING.format("first"))
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield package
    for name in [n for n in sys.modules if n.startswith("shelf_for_test")]:
        del sys.modules[name]
    shutil.rmtree(package)


def test_that_a_dropped_file_is_found(folder: Path) -> None:
    (folder / "second.py").write_text(THING.format("second"))
    assert list(registered(importlib.import_module("shelf_for_test"), "THING")) == [
        "first",
        "second",
    ]


def test_that_a_duplicate_name_is_refused(folder: Path) -> None:
    (folder / "copy.py").write_text(THING.format("first"))
    with pytest.raises(BadArgument, match="two files register 'first'"):
        registered(importlib.import_module("shelf_for_test"), "THING")
