from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from organtwin.cli import main
from organtwin.core.watch import Watch
from organtwin.exporting.nifti import write_volume
from organtwin.importing import labels_at
from organtwin.organs import organ
from tests.segmenting.abdomen import LIVER_MM, TUMOUR_MM, abdomen, dice

FAT = (20.0, -60.0, -40.0)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("image") / "abdomen.nii.gz"
    write_volume(path, abdomen().volume, Watch())
    return path


def test_that_a_file_is_segmented_without_a_case(
    image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seeds, to = tmp_path / "seeds.json", tmp_path / "labels.nii.gz"
    points = {"liver": [LIVER_MM], "tumour-1": [TUMOUR_MM], "background": [FAT]}
    seeds.write_text(json.dumps({"points": points}))
    asked = ["segment", str(image), "--method", "grow-from-seeds", "--seeds", str(seeds)]
    assert main([*asked, "--to", str(to), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    labels, _ = labels_at(to, organ("liver"), watch=Watch())
    assert dice(labels.mask("liver"), abdomen().liver) > 0.9
    told = {s["name"]: s for s in said["structures"]}
    assert told["liver"]["values"] == [1, 101]
    assert told["liver"]["volume_ml"] == pytest.approx(labels.volume_ml("liver"))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("[1]", "object"),
        ("{", "cannot be read"),
        ('{"points": {"liver": [["a", 1, 2]]}}', "not a point"),
        ('{"frame": "mri"}', "frame"),
    ],
)
def test_that_bad_seeds_are_refused_and_nothing_is_written(
    image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], given: str, said: str
) -> None:
    seeds, to = tmp_path / "seeds.json", tmp_path / "labels.nii.gz"
    seeds.write_text(given)
    asked = ["segment", str(image), "--method", "grow-from-seeds", "--seeds", str(seeds)]
    assert main([*asked, "--to", str(to)]) == 2
    assert said in capsys.readouterr().err.replace("\n", " ")
    assert not to.exists()


def test_that_a_setting_that_is_not_there_is_refused(image: Path, tmp_path: Path) -> None:
    asked = ["segment", str(image), "--setting", "colour=3", "--to", str(tmp_path / "l.nii.gz")]
    assert main(asked) == 2


def test_that_every_method_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["methods", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert {"liver-ct", "grow-from-seeds"} <= {m["name"] for m in said["tables"]["Methods"]}


def test_that_labels_keep_the_grid_of_the_image(image: Path, tmp_path: Path) -> None:
    seeds, to = tmp_path / "seeds.json", tmp_path / "labels.nii.gz"
    seeds.write_text(
        json.dumps({"points": {"tumour-1": [TUMOUR_MM]}, "diameters_mm": {"tumour-1": 24}})
    )
    asked = ["segment", str(image), "--method", "tumour-click", "--seeds", str(seeds)]
    assert main([*asked, "--modality", "CT", "--to", str(to)]) == 0
    labels, _ = labels_at(to, organ("liver"), watch=Watch())
    assert np.allclose(labels.affine, abdomen().volume.affine, atol=1e-4)


@pytest.mark.parametrize("given", ["--earlier", "--labels", "--to"])
def test_that_carrying_labels_says_what_is_missing(
    image: Path, tmp_path: Path, given: str, capsys: pytest.CaptureFixture[str]
) -> None:
    needed = {"--earlier": str(image), "--labels": str(image), "--to": str(tmp_path / "l.nii.gz")}
    words = [word for name, value in needed.items() if name != given for word in (name, value)]
    assert main(["segment", str(image), "--method", "propagate", *words]) == 2
    assert f"{given} " in capsys.readouterr().err
