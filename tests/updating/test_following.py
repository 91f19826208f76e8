"""Labels carried to a later image from the images alone: a phantom moves, its tumour grows."""

from dataclasses import replace

import numpy as np
import pytest

from organtwin.core.errors import BadArgument, EmptyLabel, MisplacedLabel, Stopped
from organtwin.core.labelmap import LabelMap, stacked
from organtwin.core.volume import Volume, to_lps
from organtwin.core.watch import Watch
from organtwin.organs import tumour
from organtwin.updating.bending import Fineness
from organtwin.updating.carrying import propagated
from organtwin.updating.finding import shifts
from organtwin.updating.following import Followed, follow
from tests.phantoms import ellipsoid
from tests.segmenting.abdomen import dice
from tests.updating.test_registration import AFFINE, Attended, attended, bent, unbent

AWAY = np.array([300.0, -150.0, 420.0])
SLICES = slice(0, 44)
HASTY = Fineness(control_mm=(80.0,), iterations=(9,), share=0.06, around_mm=10.0)


@pytest.fixture(scope="module")
def visits() -> tuple[Attended, Attended]:
    return attended(lambda p: p, 10.0, 1), attended(unbent, 14.0, 2)


@pytest.fixture(scope="module")
def elsewhere(visits: tuple[Attended, Attended]) -> Attended:
    """The second visit on another table position, without its uppermost slices."""
    affine = AFFINE.copy()
    affine[:3, 3] += AWAY
    labels = LabelMap(visits[1].labels.labels[..., SLICES], affine, visits[1].labels.structures)
    voxels = visits[1].volume.voxels[..., SLICES]
    return Attended(replace(visits[1].volume, voxels=voxels, affine=affine), labels)


@pytest.fixture(scope="module")
def found(visits: tuple[Attended, Attended], elsewhere: Attended) -> Followed:
    first = visits[0]
    return follow(first.volume, first.labels, elsewhere.volume, watch=Watch(), fineness=HASTY)


@pytest.fixture(scope="module")
def carried(visits: tuple[Attended, Attended], elsewhere: Attended, found: Followed) -> LabelMap:
    return propagated(visits[0].labels, found.registration, elsewhere.volume)


def test_that_an_organ_is_found_wherever_the_table_stood(
    carried: LabelMap, elsewhere: Attended
) -> None:
    assert dice(carried.mask("liver"), elsewhere.labels.mask("liver")) > 0.97


def test_that_vessels_are_carried_with_it(carried: LabelMap, elsewhere: Attended) -> None:
    assert dice(carried.mask("portal-vein"), elsewhere.labels.mask("portal-vein")) > 0.6


def test_that_a_tumour_is_carried_as_it_was(carried: LabelMap) -> None:
    """A ball of 10 mm: 4.19 mL, 11.49 at the later visit, where the breath takes 8.5 % of any
    volume there (1 - 8 w 57 / 45² + 2 w 20 / 45², w = 0.405 as in `bent`): 3.83 mL.
    Interpolation on voxels of 2.4 × 2.4 × 3 mm takes up to a tenth of so small a ball.
    """
    assert carried.volume_ml("tumour-1") == pytest.approx(3.83, rel=0.13)


def test_that_it_says_how_well_the_images_agree(found: Followed) -> None:
    assert found.likeness > 0.9
    assert found.registration.residual_mm < 1.0
    assert 0.9 < found.inside <= 1.0


def test_that_what_lies_beneath_another_is_carried(
    visits: tuple[Attended, Attended], elsewhere: Attended, found: Followed, carried: LabelMap
) -> None:
    plain = visits[0].labels
    masks = {s.name: plain.mask(s.name) for s in plain.structures}
    masks["tumour-2"] = masks["tumour-1"].copy()
    masks["tumour-2"][: int(np.argwhere(masks["tumour-1"])[:, 0].mean())] = False
    both = stacked(masks, (*plain.structures, tumour(2, "liver")), AFFINE, overlapping=True)
    moved = propagated(both, found.registration, elsewhere.volume)
    assert moved.volume_ml("tumour-1") == pytest.approx(carried.volume_ml("tumour-1"), rel=0.02)


def test_that_an_organ_of_another_size_is_refused() -> None:
    first = attended(lambda p: p, 10.0, 1, scale=0.6)
    index = np.stack(np.meshgrid(*map(np.arange, first.labels.labels.shape), indexing="ij"), -1)
    small = ellipsoid((0, 0, 0), (12, 9, 27))(to_lps(first.labels.affine, index))
    hu = np.where(small, 100, -90).astype(np.int16)
    with pytest.raises((MisplacedLabel, BadArgument)):
        follow(
            first.volume, first.labels, replace(first.volume, voxels=hu),
            watch=Watch(), fineness=HASTY,
        )  # fmt: skip


def test_that_another_modality_is_refused(visits: tuple[Attended, Attended]) -> None:
    other = replace(visits[1].volume, modality="MR", unit="1")
    with pytest.raises(BadArgument, match="MR"):
        follow(visits[0].volume, visits[0].labels, other, watch=Watch())


def test_that_an_even_image_is_refused(visits: tuple[Attended, Attended]) -> None:
    even: Volume = replace(visits[1].volume, voxels=np.zeros((40, 40, 40), np.int16))
    with pytest.raises(MisplacedLabel, match="nowhere"):
        follow(visits[0].volume, visits[0].labels, even, watch=Watch())


def test_that_without_labels_there_is_nothing_to_carry(visits: tuple[Attended, Attended]) -> None:
    bare = LabelMap(np.zeros(visits[0].volume.voxels.shape, np.uint8), AFFINE, ())
    with pytest.raises(EmptyLabel):
        follow(visits[0].volume, bare, visits[1].volume, watch=Watch())


def test_that_it_stops_on_request(visits: tuple[Attended, Attended]) -> None:
    told: list[float] = []
    watch = Watch(lambda fraction, _: told.append(fraction), lambda: len(told) > 3)
    with pytest.raises(Stopped):
        follow(visits[0].volume, visits[0].labels, visits[1].volume, watch=watch)


def test_that_a_piece_correlates_most_where_it_was_cut_out() -> None:
    image = np.random.default_rng(3).normal(size=(20, 18, 16))
    piece, mask = 3.0 * image[5:11, 4:9, 7:12] + 8.0, np.ones((6, 5, 5), bool)
    alike = shifts(piece, mask, image, np.ones(image.shape, bool))
    best = np.unravel_index(int(np.argmax(alike)), alike.shape)
    assert np.subtract(best, (5, 4, 4)).tolist() == [5, 4, 7]
    assert alike[best] == pytest.approx(1.0)


def test_that_the_rigid_part_goes_where_the_table_went(found: Followed) -> None:
    centre = np.zeros((1, 3))
    moved = centre @ found.registration.rigid[:3, :3].T + found.registration.rigid[:3, 3]
    assert np.linalg.norm(moved - bent(centre) - AWAY) < 10.0
