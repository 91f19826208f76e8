from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import meshio
import numpy as np
import pytest

from organtwin.cli import main
from organtwin.core.watch import Watch
from organtwin.exporting.nifti import write_voxels
from tests.meshing.labelmaps import phantom

VALUES = {1: 5, 101: 30}


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file whose liver has the value 5 and whose tumour has 30; voxels of 5 mm."""
    made = phantom(np.diag([5.0, 5.0, 5.0, 1.0]), tube_radius_mm=0.0)
    kept = np.where(made.labels == 102, 1, made.labels)
    voxels = np.zeros_like(made.labels)
    for label, value in VALUES.items():
        voxels[kept == label] = value
    path = tmp_path_factory.mktemp("labels") / "labels.nii.gz"
    write_voxels(path, voxels, made.affine, names={5: "liver", 30: "tumour-1"}, watch=Watch())
    return path


@pytest.fixture(scope="module")
def made(labels: Path) -> tuple[Path, dict[str, Any]]:
    to = labels.with_name("mesh.vtu")
    with pytest.MonkeyPatch.context() as patch:
        said: list[str] = []
        patch.setattr("sys.stdout.write", said.append)
        patch.setattr("sys.stdout.flush", lambda: None)
        plane = ["--cut-plane=-30,-10,0,1,0.5,0.3"]
        assert main(["mesh", str(labels), "--to", str(to), *plane, "--json"]) == 0
    return to, json.loads("".join(said))


def test_that_a_file_of_labels_is_meshed_without_a_case(made: tuple[Path, dict[str, Any]]) -> None:
    to, said = made
    mesh = meshio.read(to)
    assert said["file"] == str(to)
    assert said["tetrahedra"] == len(mesh.cells_dict["tetra"])
    assert said["inverted"] == 0
    assert said["min_dihedral_deg"] > 8.0


def test_that_regions_have_the_values_of_the_file(made: tuple[Path, dict[str, Any]]) -> None:
    to, said = made
    mesh = meshio.read(to)
    regions = mesh.cell_data_dict["region"]["tetra"]
    told = {s["name"]: s for s in said["structures"]}
    assert np.unique(regions).tolist() == [5, 30]
    assert told["tumour-1"]["region"] == 30
    assert told["tumour-1"]["tetrahedra"] == np.count_nonzero(regions == 30)


def test_that_each_structure_says_volumes_and_distance(made: tuple[Path, dict[str, Any]]) -> None:
    told = {s["name"]: s for s in made[1]["structures"]}
    liver = told["liver"]
    assert liver["mesh_ml"] == pytest.approx(liver["voxels_ml"], rel=0.01)
    assert liver["hausdorff95_voxels"] == pytest.approx(liver["hausdorff95_mm"] / 5.0)
    assert liver["hausdorff95_voxels"] < 1.0
    assert liver["watertight"]
    assert told["tumour-1"]["within"] == "liver"


def test_that_a_cut_mesh_is_written_in_two_parts(made: tuple[Path, dict[str, Any]]) -> None:
    """The plane goes through the middle of the tumour."""
    told = made[1]["cut"]
    parts = [told[name] for name in ("remnant", "specimen")]
    assert sum(part["volume_ml"] for part in parts) == pytest.approx(made[1]["mesh_ml"], rel=1e-3)
    assert all(part["structures"]["tumour-1"] > 1.0 for part in parts)
    mesh = meshio.read(parts[1]["files"][0])
    assert "liver.cut" in mesh.field_data
    assert mesh.field_data["tumour-1"].tolist() == [30, 3]
    assert told["min_dihedral_deg"] > 8.0


def test_that_no_edges_are_aimed_below_the_smallest(
    made: tuple[Path, dict[str, Any]], labels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes = ["--edge-mm", "12", "--smallest-edge-mm", "12"]
    assert (
        main(["mesh", str(labels), "--to", str(labels.with_name("c.vtu")), *sizes, "--json"]) == 0
    )
    told = json.loads(capsys.readouterr().out)
    assert told["provenance"]["settings"]["smallest_edge_mm"] == 12.0
    assert told["tetrahedra"] < 0.5 * made[1]["tetrahedra"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ([], "--to"),
        (["--to", "mesh.msh"], ".vtu"),
        (["--to", "m.vtu", "--edge-mm", "liver=x"], "length"),
        (["--to", "m.vtu", "--target", "3"], "tetrahedra"),
        (["--to", "m.vtu", "--smallest-edge-mm", "9"], "smallest edge"),
        (["--to", "m.vtu", "--cut-plane", "1,2,3"], "six numbers"),
        (["--to", "m.vtu", "--edge-mm", "spleen=3"], "tumour-1"),
    ],
)
def test_that_what_cannot_be_is_refused_before_meshing(
    labels: Path, capsys: pytest.CaptureFixture[str], more: list[str], said: str
) -> None:
    assert main(["mesh", str(labels), *more]) == 2
    assert said in capsys.readouterr().err.replace("\n", " ")


def test_that_a_file_that_is_no_labels_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.nii").write_bytes(b"no")
    assert main(["mesh", str(tmp_path / "x.nii"), "--to", str(tmp_path / "m.vtu")]) == 2
    assert not (tmp_path / "m.vtu").exists()
