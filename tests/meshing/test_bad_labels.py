"""Labels that make no mesh are refused with what, where and what to do."""

from __future__ import annotations

import numpy as np
import pytest

from organtwin.core.errors import BadArgument, BadMesh, EmptyLabel, MisplacedLabel
from organtwin.core.labelmap import LabelMap, Structure
from organtwin.core.organmesh import OrganMesh
from organtwin.core.watch import Watch
from organtwin.meshing import Sizes, checked, mesh_labels
from organtwin.organs import TUMOUR_CODE, tumour
from tests.meshing.conftest import Meshed
from tests.meshing.labelmaps import ORGAN_SIZES, STRUCTURES, phantom, with_tumour

MIDDLE = tuple(n // 2 for n in phantom().labels.shape)
INSIDE = tuple(slice(m - 6, m - 5) for m in MIDDLE)


def refused(labels: LabelMap) -> None:
    mesh_labels(labels, ORGAN_SIZES, Watch())


def test_that_a_tumour_of_one_voxel_is_named_with_its_size() -> None:
    with pytest.raises(BadMesh, match=r"tumour-1 has 1 voxel; .* at least 8.*segment tumour-1"):
        refused(with_tumour(INSIDE))


def test_that_a_region_of_one_cell_is_refused(plain: Meshed) -> None:
    mesh = plain[1]
    regions = np.where(np.isin(mesh.regions, [101, 102]), 1, mesh.regions)
    regions[np.flatnonzero(mesh.regions == 101)[0]] = 101
    one = OrganMesh(mesh.points, mesh.tetrahedra, regions, mesh.structures[:3])
    with pytest.raises(BadMesh, match=r"tumour-1 has 1 cell; .*remove tumour-1"):
        checked(one)


def test_that_an_empty_label_is_named() -> None:
    whole = phantom()
    empty = np.where(whole.labels == 102, 1, whole.labels).astype(np.uint8, order="F")
    with pytest.raises(EmptyLabel, match="tumour-2 has no voxels"):
        refused(LabelMap(empty, whole.affine, whole.structures))


def test_that_an_empty_organ_is_named() -> None:
    empty = np.zeros((9, 9, 9), dtype=np.uint8, order="F")
    with pytest.raises(EmptyLabel, match="liver has no voxels"):
        refused(LabelMap(empty, np.eye(4), STRUCTURES[:1]))


def test_that_a_tumour_outside_the_liver_is_misplaced() -> None:
    with pytest.raises(MisplacedLabel, match="tumour-1 lies outside"):
        refused(with_tumour((slice(1, 5), slice(1, 5), slice(1, 5))))


def test_that_a_tumour_that_belongs_to_nothing_is_misplaced() -> None:
    whole = phantom()
    stray = Structure("tumour-2", 102, "tumour", TUMOUR_CODE, (1.0, 0.0, 0.0), "spleen")
    with pytest.raises(MisplacedLabel, match="tumour-2 is not within liver"):
        refused(LabelMap(whole.labels, whole.affine, (*STRUCTURES[:3], stray)))


def test_that_labels_without_an_organ_are_refused() -> None:
    whole = phantom()
    with pytest.raises(BadArgument, match="one organ, not 0"):
        refused(LabelMap(whole.labels, whole.affine, (tumour(1, "liver"),)))


def test_that_an_organ_in_two_halves_is_refused() -> None:
    whole = phantom()
    halves = np.array(whole.labels, order="F")
    halves[MIDDLE[0] - 1 : MIDDLE[0] + 1] = 0
    with pytest.raises(BadMesh, match="liver is in 2 pieces"):
        refused(LabelMap(halves, whole.affine, whole.structures))


@pytest.mark.parametrize("alone", [True, False])
def test_that_a_mesh_too_large_is_refused_before_it_is_made(alone: bool) -> None:
    tiny = Sizes(organ_edge_mm=0.1, tumour_edge_mm=0.1, smallest_edge_mm=0.1, organ_alone=alone)
    with pytest.raises(BadArgument, match=r"Sizes.*(points on the surfaces|too many).*mesh with"):
        mesh_labels(phantom(), tiny, Watch())


def test_that_sizes_no_mesh_can_have_are_refused() -> None:
    with pytest.raises(BadArgument):
        Sizes(tumour_edge_mm=0.0)
