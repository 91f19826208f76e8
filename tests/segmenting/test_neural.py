from __future__ import annotations

import json
from pathlib import Path

import pytest

from organtwin.core.errors import BadArgument, BadInput, Stopped
from organtwin.core.watch import Watch
from organtwin.organs import organ
from organtwin.segmenting import Request, method, methods
from organtwin.segmenting.model_page import pages, whole_pages
from tests.segmenting.abdomen import abdomen, dice
from tests.segmenting.tiny_model import write_model

LIVER = organ("liver")


@pytest.fixture(scope="module")
def provided(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def model(provided: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "models" / "tiny"
    folder.mkdir(parents=True)
    for file in provided.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    monkeypatch.setenv("ORGANTWIN_MODELS", str(tmp_path / "models"))
    return folder


def changed(model: Path, **fields: object) -> None:
    page = json.loads((model / "model.json").read_text())
    (model / "model.json").write_text(json.dumps(page | fields))


@pytest.mark.parametrize("flipped", [False, True])
def test_that_a_model_trained_on_phantoms_finds_another_ones_liver(
    model: Path, flipped: bool
) -> None:
    phantom = abdomen(seed=99, flipped=flipped)
    labels = method("neural:tiny").labelled(Request(phantom.volume, LIVER), Watch())
    assert dice(labels.mask("liver"), phantom.liver) > 0.9
    assert labels.mask("tumour-1")[phantom.tumour].mean() > 0.8


def test_that_the_journal_can_name_the_model_by_its_hash(model: Path) -> None:
    page = json.loads((model / "model.json").read_text())
    assert page["sha256"] in methods()["neural:tiny"].made_by


def test_that_a_network_other_than_promised_is_not_run(model: Path) -> None:
    (model / "model.onnx").write_bytes((model / "model.onnx").read_bytes() + b"\0")
    with pytest.raises(BadInput, match="SHA-256"):
        method("neural:tiny").labelled(Request(abdomen().volume, LIVER), Watch())


def test_that_a_damaged_network_is_not_offered(model: Path) -> None:
    assert "neural:tiny" in methods(whole=True)
    (model / "model.onnx").write_bytes((model / "model.onnx").read_bytes() + b"more")
    assert "neural:tiny" not in methods(whole=True)
    assert whole_pages()[1][0][1].what.startswith("damaged")


def test_that_what_is_no_network_is_refused(model: Path) -> None:
    import hashlib

    (model / "model.onnx").write_bytes(b"nothing")
    changed(model, sha256=hashlib.sha256(b"nothing").hexdigest())
    with pytest.raises(BadInput, match="ONNX Runtime refused"):
        method("neural:tiny").labelled(Request(abdomen().volume, LIVER), Watch())


def test_that_scores_other_than_the_page_says_are_refused(model: Path) -> None:
    changed(model, labels=[{"structure": "background"}, {"structure": "liver"}])
    with pytest.raises(BadInput, match="does not say"):
        method("neural:tiny").labelled(Request(abdomen().volume, LIVER), Watch())


def test_that_an_image_of_another_modality_is_refused(model: Path) -> None:
    with pytest.raises(BadArgument, match="MR"):
        method("neural:tiny").labelled(Request(abdomen(modality="MR").volume, LIVER), Watch())


def test_that_a_model_stops_when_asked(model: Path) -> None:
    asked = iter([False] * 6)
    watch = Watch(asked_to_stop=lambda: next(asked, True))
    with pytest.raises(Stopped):
        method("neural:tiny").labelled(Request(abdomen().volume, LIVER), watch)


def test_that_scores_too_large_to_hold_are_refused_before_they_are_made(model: Path) -> None:
    changed(model, spacing_mm=[0.1, 0.1, 0.1])
    with pytest.raises(BadArgument, match="8 GiB"):
        method("neural:tiny").labelled(Request(abdomen().volume, LIVER), Watch())


@pytest.mark.parametrize(
    "fields",
    [
        {"organtwin_model": 2},
        {"name": "../up"},
        {"spacing_mm": [0, 1, 1]},
        {"window": [5, 5]},
        {"patch": [4096, 4096, 4096]},
        {"overlap": float("nan")},
        {"labels": [{"structure": "liver"}, {"structure": "liver"}]},
        {"labels": "liver"},
        {"sha256": "0"},
        {"title": "Liver\x1b[2J"},
        {"labels": [{"structure": "a"}, {"structure": "b", "code": ["1", "SCT", "x" * 65]}]},
    ],
)
def test_that_a_wrong_page_is_told_and_leaves_the_others(
    model: Path, fields: dict[str, object]
) -> None:
    changed(model, **fields)
    found, refused = pages()
    assert found == ()
    assert [folder for folder, _ in refused] == [model]
    assert "liver-ct" in methods()
