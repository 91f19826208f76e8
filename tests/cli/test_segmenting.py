from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from organtwin.cli import main
from organtwin.core.errors import BadArgument
from organtwin.core.watch import Watch
from organtwin.exporting.nifti import write_volume, write_voxels
from organtwin.importing import labels_at
from organtwin.organs import organ
from organtwin.segmenting import method
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
    assert told["liver"]["geometry_ml"] > 0
    made = said["provenance"]
    assert made == json.loads((tmp_path / "labels.nii.gz.json").read_text())
    of = {"image": image, "seeds": seeds, "file": to}
    assert made["sha256"] == {n: sha256(p.read_bytes()).hexdigest() for n, p in of.items()}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("[1]", "object"),
        ("{", "cannot be read"),
        ('{"points": {"liver": [["a", 1, 2]]}}', "not a point"),
        ('{"frame": "mri"}', "frame"),
        ('{"points": {"liver": [[1, 2, 3]], "liver": [[1, 2, 3]]}}', "twice"),
        ('{"visit": 1}', "seeds hold no visit"),
        ('{"points": {"Liver": [[1, 2, 3]]}}', "nearly"),
        ('{"points": {"tumor-1": [[1, 2, 3]]}}', "tumour-1"),
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


def clicked(tmp_path: Path, **more: Any) -> str:
    path = tmp_path / "seeds.json"
    seeds = {"points": {"tumour-1": [TUMOUR_MM]}, "diameters_mm": {"tumour-1": 24}}
    path.write_text(json.dumps(seeds | more))
    return str(path)


def test_that_no_input_and_no_other_file_is_written_over(
    image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there, same = tmp_path / "there.nii.gz", tmp_path / "same.nii.gz"
    there.write_bytes(b"mine")
    same.hardlink_to(image)
    asked = ["segment", str(image), "--method", "tumour-click", "--seeds", clicked(tmp_path)]
    for to, more in ((there, []), (same, ["--replace"]), (image, ["--replace"])):
        before = to.read_bytes()
        assert main([*asked, "--to", str(to), *more]) == 2
        assert to.read_bytes() == before
    assert "ask for --replace" in capsys.readouterr().err.replace("\n", " ")
    assert main([*asked, "--to", str(there), "--replace"]) == 0
    assert there.read_bytes() != b"mine"


def test_that_labels_so_far_lose_nothing_to_a_new_structure(
    image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    so_far, to = tmp_path / "so-far.nii.gz", tmp_path / "labels.nii.gz"
    names, affine = {1: "liver"}, abdomen().volume.affine
    write_voxels(so_far, abdomen().liver.astype(np.uint8), affine, names=names, watch=Watch())
    seeds = tmp_path / "s.json"
    seeds.write_text(json.dumps({"points": {"abscess": [TUMOUR_MM]}}))
    asked = ["segment", str(image), "--method", "threshold", "--seeds", str(seeds), "--json"]
    assert main([*asked, "--labels", str(so_far), "--to", str(to)]) == 0
    said = json.loads(capsys.readouterr().out)
    liver = next(s for s in said["structures"] if s["name"] == "liver")
    assert liver["volume_ml"] == pytest.approx(abdomen().liver.sum() * abdomen().volume.voxel_ml)
    assert said["changed"][0]["name"] == "abscess"


@pytest.fixture
def case(image: Path, tmp_path: Path) -> str:
    made = str(tmp_path / "case")
    assert main(["import", str(image), "--case", made, "--taken-as", "CT"]) == 0
    return made


def test_that_seeds_are_of_one_visit_and_labels_are_not_found_anew_unasked(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["segment", case, "--method", "tumour-click", "--json", "--seeds", clicked(tmp_path)]
    assert main(asked) == 2
    assert "--visit N" in json.loads(capsys.readouterr().out)["error"]["advice"]
    assert main([*asked, "--visit", "0"]) == 0
    row = json.loads(capsys.readouterr().out)["tables"]["Structures"][0]
    assert row["geometry ± mL"] > 0
    assert main(["segment", case, "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["class"] == "WouldReplace"


def test_that_seeds_of_a_case_have_a_frame_too(case: str, tmp_path: Path) -> None:
    x, y, z = TUMOUR_MM
    seeds = clicked(tmp_path, frame="RAS", points={"tumour-1": [(-x, -y, z)]})
    assert (
        main(["segment", case, "--visit", "0", "--method", "tumour-click", "--seeds", seeds]) == 0
    )


def test_that_an_image_without_numbers_is_refused_with_how_many(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    voxels = np.zeros((6, 6, 6), np.float32, order="F")
    voxels[2:4, 3, 4] = np.nan, np.inf
    write_voxels(tmp_path / "x.nii.gz", voxels, np.eye(4), watch=Watch())
    asked = ["segment", str(tmp_path / "x.nii.gz"), "--to", str(tmp_path / "l.nii.gz"), "--json"]
    assert main(asked) == 2
    said = json.loads(capsys.readouterr().out)["error"]["what"]
    assert said.startswith("2 voxels (0.93%)")
    assert said.endswith("index (2, 3, 4)")


def test_that_every_failure_is_told_in_json(
    image: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["segment", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["class"] == "BadArgument"
    monkeypatch.setattr("organtwin.cli.segmenting.segment_image", lambda *_: 1 / 0)
    assert main(["segment", str(image), "--json"]) == 1
    assert "ZeroDivisionError" in json.loads(capsys.readouterr().out)["error"]["what"]


@pytest.mark.parametrize(
    ("method", "given", "more", "said"),
    [
        ("tumour-click", {"diameters_mm": {"tumour-1": 999}}, [], "300 mm at most"),
        ("threshold", {}, ["lowest=90", "highest=10"], "range is empty"),
    ],
)
def test_that_what_cannot_be_is_said_so(
    image: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    *,
    method: str,
    given: dict[str, Any],
    more: list[str],
    said: str,
) -> None:
    words = [word for pair in more for word in ("--setting", pair)]
    asked = ["segment", str(image), "--method", method, "--seeds", clicked(tmp_path, **given)]
    assert main([*asked, *words, "--to", str(tmp_path / "l.nii.gz")]) == 2
    assert said in capsys.readouterr().err.replace("\n", " ")


def test_that_a_ct_without_a_modality_is_taken_for_what_the_method_needs() -> None:
    assert {method(name).modality for name in ("liver-ct", "vessels")} == {"CT"}


def test_that_a_name_for_a_segment_is_checked(image: Path, tmp_path: Path) -> None:
    so_far = tmp_path / "so-far.nii.gz"
    liver = abdomen().liver.astype(np.uint8)
    write_voxels(so_far, liver, abdomen().volume.affine, names={1: "x"}, watch=Watch())
    with pytest.raises(BadArgument, match="nearly"):
        labels_at(so_far, organ("liver"), names={"1": "Liver"}, watch=Watch())
