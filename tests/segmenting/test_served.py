"""A model on a server: off unless allowed, and held against every answer a server may give."""

from __future__ import annotations

import gzip
import hashlib
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from organtwin.cli import main
from organtwin.core.errors import BadArgument, BadInput, EmptyLabel, Stopped
from organtwin.core.watch import Watch
from organtwin.organs import organ
from organtwin.segmenting import Request, method, methods
from organtwin.segmenting.model_page import pages
from organtwin.served import labelled
from tests.segmenting.abdomen import abdomen, dice
from tests.segmenting.label_server import Served, serving

LIVER = organ("liver")
PAGE = {
    "organtwin_model": 1, "name": "far", "title": "Liver on CT", "version": "2", "licence": "MIT",
    "source": "a fake", "model": "segmentation_liver", "modality": "CT", "unit": "HU",
    "most_seconds": 20, "labels": [{"value": 1, "structure": "liver"}],
}  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("served")) as served:
        yield served


@pytest.fixture(autouse=True)
def page(server: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    server.how = "well"
    path = tmp_path / "models" / "far" / "model.json"
    path.parent.mkdir(parents=True)
    monkeypatch.setenv("ORGANTWIN_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("ORGANTWIN_ALLOW_NETWORK", "1")
    path.write_text(json.dumps(PAGE | {"server": server.address}))
    return path


def changed(page: Path, **fields: object) -> None:
    page.write_text(json.dumps(json.loads(page.read_text()) | fields))


def asked(**more: object) -> Request:
    return Request(abdomen().volume, LIVER, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("how", ["well", "multipart"])
def test_that_what_a_server_finds_are_labels(server: Served, how: str) -> None:
    server.how = how
    labels = method("served:far").labelled(asked(), Watch())
    phantom = abdomen()
    assert dice(labels.mask("liver"), phantom.liver & ~phantom.tumour) > 0.6


def test_that_the_journal_can_say_what_was_sent(server: Served) -> None:
    notes: list[str] = []
    method("served:far").labelled(asked(note=notes.append), Watch())
    assert hashlib.sha256(server.images[-1]).hexdigest() in notes[0]


def test_that_nothing_but_voxels_and_their_place_is_sent(server: Served) -> None:
    """348 bytes of header, 4 of flags, the voxels; described as "image", no name or date."""
    method("served:far").labelled(asked(), Watch())
    sent = gzip.decompress(server.images[-1])
    assert len(sent) == 352 + abdomen().volume.voxels.size * 2
    assert sent[148:228].rstrip(b"\0") == b"image"
    assert sent[4:40].strip(b"\0") == b""


def test_that_its_title_says_where_the_image_goes(server: Served) -> None:
    assert server.address.removeprefix("http://") in methods()["served:far"].title


def test_that_it_is_off_unless_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ORGANTWIN_ALLOW_NETWORK")
    assert "served:far" not in methods()
    assert "ORGANTWIN_ALLOW_NETWORK=1" in str(pages()[1][0][1])


def test_that_models_left_out_are_listed_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ORGANTWIN_ALLOW_NETWORK")
    assert main(["methods", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["tables"]["Models that cannot be used"]
    assert "network" in row["why"]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("redirect", "not followed"),
        ("page", "no MONAI Label server"),
        ("unknown", "has no model"),
        ("giant", "larger than 256 MiB"),
        ("garbage", "cannot be used"),
        ("fails", "HTTP 500"),
        ("cut", "voxels, the image"),
        ("moved", "lies elsewhere"),
        ("other", "value 7"),
    ],
)
def test_that_a_bad_answer_is_refused_with_the_reason(
    server: Served, tmp_path: Path, how: str, said: str
) -> None:
    server.how = how
    (tmp_path / "image").write_bytes(np.full(512, 100, np.int16).tobytes())
    job = {"server": server.address, "model": "segmentation_liver", "most_s": 20, "values": [1]}
    grid = {"shape": (8, 8, 8), "dtype": "<i2", "affine": np.diag([3.0, 3.0, 3.0, 1.0]).tolist()}
    with pytest.raises(BadInput, match=said) as refused:
        labelled(job | grid | {"folder": str(tmp_path)})
    assert "patient" not in str(refused.value)
    assert not (tmp_path / "labels").exists()


def test_that_a_slow_server_is_given_up(server: Served, page: Path) -> None:
    server.how = "slow"
    changed(page, most_seconds=1)
    with pytest.raises(BadInput, match="in time"):
        method("served:far").labelled(asked(), Watch())


def test_that_a_server_that_is_down_is_told(page: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    changed(page, server=f"http://127.0.0.1:{port}")
    with pytest.raises(BadInput, match="cannot be reached"):
        method("served:far").labelled(asked(), Watch())


def test_that_a_server_without_a_certificate_is_not_spoken_to(server: Served, page: Path) -> None:
    changed(page, server=server.address.replace("http:", "https:"))
    with pytest.raises(BadInput, match="cannot be reached"):
        method("served:far").labelled(asked(), Watch())


def test_that_nothing_found_is_said(server: Served) -> None:
    server.how = "nothing"
    with pytest.raises((EmptyLabel, BadInput)):
        method("served:far").labelled(asked(), Watch())


def test_that_another_modality_is_not_sent(server: Served) -> None:
    before = len(server.images)
    with pytest.raises(BadArgument, match="MR"):
        method("served:far").labelled(Request(abdomen(modality="MR").volume, LIVER), Watch())
    assert len(server.images) == before


def test_that_it_stops_when_asked() -> None:
    told = iter([False] * 3)
    with pytest.raises(Stopped):
        method("served:far").labelled(asked(), Watch(asked_to_stop=lambda: next(told, True)))


@pytest.mark.parametrize(
    "fields",
    [
        {"server": "http://models.example"},
        {"server": "https://name:word@models.example"},
        {"server": "https://models.example/?q=1"},
        {"server": "file:///etc/hosts"},
        {"server": "https://models.example:99999999"},
        {"model": "../admin"},
        {"labels": [{"structure": "liver"}]},
        {"labels": [{"value": 0, "structure": "liver"}]},
        {"labels": "liver"},
        {"most_seconds": 0},
        {"sha256": "0" * 64},
    ],
)
def test_that_a_wrong_page_is_refused(page: Path, fields: dict[str, object]) -> None:
    changed(page, **fields)
    assert pages()[0] == ()
    assert len(pages()[1]) == 1
