"""Real labels on real images: read, exported, read again."""

from pathlib import Path

import numpy as np
import pytest

from organtwin.core.labelmap import LabelMap
from organtwin.core.volume import Volume
from organtwin.core.watch import Watch
from organtwin.exporting import Made, Material
from organtwin.exporting.header import Header
from organtwin.importing import read_labels, read_volume, scan
from organtwin.organs import organ
from tests.exporting.visits import complaints, written

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data" / "ccth-a01-abdomen"
SETS = {
    "RTSTRUCT of an abdomen": (SHARED / "CT_images", SHARED / "RTstruct.dcm"),
    "SEG of the sample patient": (
        ROOT / "sample_dicom" / "images" / "day000",
        ROOT / "sample_dicom" / "truth" / "day000_seg.dcm",
    ),
}
LIVER = organ("liver")


def labels_in(path: Path, volume: Volume) -> LabelMap:
    found = scan(path, Watch()).labels[0]
    return read_labels(found, volume, LIVER, names=None, watch=Watch())


@pytest.fixture(scope="module", params=SETS)
def visit(request: pytest.FixtureRequest) -> Material:
    images, labels = SETS[request.param]
    if not images.is_dir():
        pytest.skip(f"the real image sets are not there ({images})")
    series = scan(images, Watch()).usable()[0]
    volume = read_volume(series, Watch())
    header = Header(series.identity, series.origin)
    made = Made("SEMIAUTOMATIC", "unknown", known=False)
    return Material(header, LIVER, volume, labels_in(labels, volume), made)


def test_that_every_slice_is_known_as_its_image(visit: Material) -> None:
    assert len(visit.measured()) == visit.volume.voxels.shape[2]


@pytest.mark.parametrize("name", ["seg", "rtstruct"])
def test_that_real_labels_come_back_identical(visit: Material, name: str, tmp_path: Path) -> None:
    path = written(name, visit, tmp_path)[0]
    back = labels_in(path, visit.volume)
    assert np.array_equal(back.labels, visit.labels.labels)
    assert [s.name for s in back.structures] == [s.name for s in visit.labels.structures]
    assert complaints(path) == []
    if name == "seg":
        assert back.structures == visit.labels.structures
