"""What docs/segmenting.md tells to write works as written."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from organtwin.cli.propagating import PROPAGATE
from organtwin.core.watch import Watch
from organtwin.organs import organ
from organtwin.segmenting import Request, method, methods
from organtwin.segmenting.model_page import PAGE, pages
from organtwin.segmenting.seeds import seeds_of
from tests.segmenting.abdomen import LIVER_MM, TUMOUR_MM, abdomen, dice

MANUAL = (Path(__file__).parents[2] / "docs" / "segmenting.md").read_text("utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```json {kind}\n(.*?)```", MANUAL, re.DOTALL)


@pytest.mark.parametrize("text", blocks("seeds"))
def test_that_every_example_of_seeds_lies_in_what_it_names(text: str) -> None:
    volume = abdomen().volume
    seeds = seeds_of(json.loads(text), volume.affine)
    middle = {"liver": LIVER_MM, "tumour-1": TUMOUR_MM}
    for name in set(seeds.names) & set(middle):
        away = seeds.places(name, 1.0) - middle[name]
        assert (away**2).sum(axis=1).max() <= 60.0**2


def test_that_a_line_across_a_tumour_finds_it() -> None:
    phantom = abdomen()
    asked = Request(phantom.volume, organ("liver"), seeds_of(json.loads(blocks("seeds")[0])))
    labels = method("tumour-click").labelled(asked, Watch())
    assert dice(labels.mask("tumour-1"), phantom.tumour) > 0.85


@pytest.mark.parametrize("text", blocks("page"))
def test_that_every_example_of_a_page_is_read(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "one"
    folder.mkdir()
    (folder / PAGE).write_text(text)
    (folder / "model.onnx").write_bytes(b"")
    monkeypatch.setenv("ORGANTWIN_MODELS", str(tmp_path))
    monkeypatch.setenv("ORGANTWIN_ALLOW_NETWORK", "1")
    assert [page.name for page in pages()[0]] == [json.loads(text)["name"]]


def test_that_every_method_is_told_of() -> None:
    own = {name for name in methods() if ":" not in name}
    assert [name for name in sorted({*own, PROPAGATE}) if f"`{name}`" not in MANUAL] == []
