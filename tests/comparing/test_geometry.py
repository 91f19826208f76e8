"""Volumes, margins and vessels against closed forms."""

import math

import numpy as np
import pytest

from organtwin.actions import Effect, effect_of
from organtwin.comparing import Anatomy, anatomy_of, removal_of, removed_distance, removed_labels
from organtwin.comparing.margins import margin_quantities
from organtwin.comparing.remnant import remnant_quantities
from organtwin.comparing.surfaces import surface_points_mm
from organtwin.comparing.trees import cut_tree, tree_of
from organtwin.comparing.vessels import vessel_quantities, vessel_warnings
from organtwin.core.errors import BadArgument, EmptyLabel
from organtwin.core.labelmap import LabelMap
from organtwin.core.scenario import Action, Quantity
from organtwin.core.volume import to_index, to_lps
from organtwin.organs import tumour
from tests.phantoms import LIVER, PORTAL, ball, either, painted, tube

TUMOUR = tumour(1, "liver")
BALL = painted(
    {LIVER: ball((0.3, 0.2, 0.1), 40), TUMOUR: ball((10.3, 0.4, -0.2), 12)},
    half_mm=(48, 48, 48),
    spacing_mm=(1.6, 1.6, 2.0),
)
ANATOMY = anatomy_of(BALL, "liver")


def plane(offset_mm: float, day: float = 0.0) -> Effect:
    """Remove what lies beyond x = offset."""
    arguments = {"point_mm": (offset_mm, 0, 0), "normal": (1, 0, 0)}
    return effect_of(Action("resect", day, arguments), BALL)


def zone(target_mm: tuple[float, float, float], along: float, across: float) -> Effect:
    """Destroy a spheroid along x."""
    x, y, z = target_mm
    arguments = {
        "entry_mm": (x - 60, y, z),
        "target_mm": target_mm,
        "zone_along_mm": along,
        "zone_across_mm": across,
    }
    return effect_of(Action("ablate", 0.0, arguments), BALL)


def row(quantities: tuple[Quantity, ...], name: str) -> Quantity:
    return next(q for q in quantities if q.name == name)


@pytest.mark.parametrize("offset", [-10.0, 0.0, 7.3, 25.0])
def test_that_a_plane_takes_the_cap_of_a_ball(offset: float) -> None:
    """Cap of height h: π h² (3 r - h) / 3, r = 40 mm, h = 40.3 - offset; within 0.5 %."""
    height = 40.3 - offset
    cap_ml = math.pi * height**2 * (120 - height) / 3 / 1000
    found = remnant_quantities(ANATOMY, removal_of((plane(offset),), ANATOMY))
    assert row(found, "removed volume").value == pytest.approx(cap_ml, rel=5e-3)


def test_that_an_oblique_plane_through_the_centre_takes_half_of_a_ball() -> None:
    arguments = {"point_mm": (0.3, 0.2, 0.1), "normal": (1, -2, 3)}
    removal = removal_of((effect_of(Action("resect", 0, arguments), BALL),), ANATOMY)
    half_ml = 2 / 3 * math.pi * 40**3 / 1000
    assert row(remnant_quantities(ANATOMY, removal), "removed volume").value == pytest.approx(
        half_ml, rel=3e-3
    )


def test_that_a_zone_inside_the_organ_has_the_volume_of_its_ellipsoid() -> None:
    """4/3 π a b²."""
    found = remnant_quantities(ANATOMY, removal_of((zone((0.7, 3.1, 1.2), 18, 12),), ANATOMY))
    assert row(found, "removed volume").value == pytest.approx(
        4 / 3 * math.pi * 18 * 12**2 / 1000, rel=3e-3
    )


def test_that_remnant_and_removed_add_up_to_the_organ_without_its_tumours() -> None:
    removal = removal_of((plane(-5.0),), ANATOMY)
    found = remnant_quantities(ANATOMY, removal)
    tumour_ml = BALL.volume_ml("tumour-1")
    total = row(found, "remnant volume").value + row(found, "removed volume").value
    assert total == pytest.approx(row(found, "liver volume").value, abs=1e-3)
    assert row(found, "remnant fraction").value == pytest.approx(
        100 * row(found, "remnant volume").value / (row(found, "liver volume").value - tumour_ml),
        rel=1e-9,
    )


def test_that_nothing_removed_leaves_all() -> None:
    assert row(remnant_quantities(ANATOMY, None), "remnant fraction").value == 100.0


def test_that_the_volume_interval_is_the_area_times_the_border_s_uncertainty() -> None:
    """sd = 4 π r² · half a voxel; 90 % = ± 1.645 sd; within 3 %."""
    volume = row(remnant_quantities(ANATOMY, None), "liver volume")
    assert volume.high is not None
    sd = 4 * math.pi * 40**2 * 0.5 * ANATOMY.voxel_mm / 1000
    assert volume.high - volume.value == pytest.approx(1.645 * sd, rel=0.03)


def test_that_surface_points_lie_on_the_ball_within_half_a_voxel() -> None:
    points = surface_points_mm(BALL.mask("tumour-1"), BALL.affine)
    radius = np.linalg.norm(points - (10.3, 0.4, -0.2), axis=1)
    assert abs(radius.mean() - 12) < 0.15
    assert abs(radius - 12).max() < 0.5 * ANATOMY.voxel_mm


@pytest.mark.parametrize("offset", [-13.0, -8.4, -4.1])
def test_that_the_margin_of_a_ball_to_a_plane_is_its_gap(offset: float) -> None:
    """Ball centre x = 10.3, radius 12: gap = 10.3 - 12 - offset; within 0.4 voxels."""
    found = margin_quantities(ANATOMY, removal_of((plane(offset),), ANATOMY))
    assert row(found, "minimal margin").value == pytest.approx(-1.7 - offset, abs=0.6)


def test_that_a_plane_through_a_tumour_gives_how_far_it_reaches_beyond() -> None:
    found = margin_quantities(ANATOMY, removal_of((plane(5.0),), ANATOMY))
    assert row(found, "minimal margin").value == pytest.approx(-6.7, abs=0.6)
    assert 0 < row(found, "removed part").value < 100


def test_that_a_tumour_left_in_place_has_no_margin_but_says_so() -> None:
    found = margin_quantities(ANATOMY, removal_of((plane(30.0),), ANATOMY))
    assert [q.name for q in found] == ["removed part"]
    assert (found[0].value, found[0].basis) == (0.0, "not removed")


def test_that_a_concentric_zone_has_its_margin_all_around() -> None:
    found = margin_quantities(ANATOMY, removal_of((zone((10.3, 0.4, -0.2), 18, 18),), ANATOMY))
    assert row(found, "minimal margin").value == pytest.approx(6.0, abs=0.6)


def test_that_a_coarsened_distance_map_carries_a_plane_without_loss() -> None:
    found = removed_distance((plane(7.3),), BALL)
    assert found is not None
    grid, affine = found
    index = np.argwhere(np.ones(grid.shape, bool))[::97]
    np.testing.assert_allclose(grid[tuple(index.T)], 7.3 - to_lps(affine, index)[:, 0], atol=1e-4)


def test_that_the_distance_map_covers_the_organ_with_room() -> None:
    found = removed_distance((plane(7.3),), BALL)
    assert found is not None
    corners = to_index(found[1], np.array([[-50.0, -50, -50], [50, 50, 50]]))
    assert (corners[0] >= -1e-9).all()
    assert (corners[1] <= np.array(found[0].shape) - 1).all()


def test_that_removals_on_two_days_are_refused() -> None:
    with pytest.raises(BadArgument, match="different days"):
        removed_distance((plane(7.3), plane(9.0, day=30.0)), BALL)


def test_that_waiting_removes_nothing() -> None:
    assert removed_distance((Effect(),), BALL) is None
    assert removed_labels((Effect(),), BALL) is None


def test_that_removed_voxels_lie_beyond_the_plane_in_the_organ() -> None:
    found = removed_labels((plane(0.1),), BALL)
    assert found is not None
    points = to_lps(BALL.affine, np.argwhere(found.labels))
    assert points[:, 0].min() > 0.1
    assert not (found.labels.astype(bool) & ~BALL.mask("liver")).any()


def test_that_an_organ_without_voxels_is_refused() -> None:
    with pytest.raises(EmptyLabel):
        anatomy_of(LabelMap(np.zeros((4, 4, 4), np.uint8), np.eye(4), (LIVER,)), "liver")


def forked() -> Anatomy:
    """A trunk of radius 5 along -x..0 that forks into two of radius 3 at the origin."""
    shape = either(
        tube((-35, 0, 0.4), (0, 0, 0.4), 5.0),
        tube((0, 0, 0.4), (30, 20, 0.4), 3.0),
        tube((0, 0, 0.4), (30, -20, 0.4), 3.0),
    )
    labels = painted(
        {LIVER: ball((0, 0, 0), 45), PORTAL: shape},
        half_mm=(48, 48, 48),
        spacing_mm=(1.5, 1.5, 1.5),
    )
    return anatomy_of(labels, "liver")


FORKED = forked()


def test_that_a_cut_beyond_a_fork_crosses_both_branches() -> None:
    found = vessel_quantities(FORKED, removal_of((plane(15.0),), FORKED))
    assert row(found, "vessel crossings").value == 2


def test_that_the_calibre_at_a_cut_is_the_branch_s_diameter() -> None:
    found = vessel_quantities(FORKED, removal_of((plane(15.0),), FORKED))
    assert row(found, "largest calibre cut").value == pytest.approx(6.0, abs=0.9)


def test_that_what_lies_beyond_the_cut_is_off_its_trunk() -> None:
    """Two tubes of radius 3 from x = 15 to 30 along (3, 2): 2 · π 9 · 15 · √13/3 and round ends
    of half a ball each: 1.02 + 0.11 mL; within 6 %."""
    found = vessel_quantities(FORKED, removal_of((plane(15.0),), FORKED))
    closed_ml = (2 * math.pi * 9 * 15 * math.sqrt(13) / 3 + 4 / 3 * math.pi * 27) / 1000
    assert row(found, "tree cut from its trunk").value == pytest.approx(closed_ml, rel=0.06)
    assert row(found, "tree left without trunk").value == 0.0


def test_that_taking_the_trunk_orphans_the_branches_that_stay() -> None:
    tree = FORKED.trees[0]
    cut = cut_tree(tree, tree.points_mm[:, 0] < 8.0)
    assert cut.trunk_removed
    assert cut.left_without_trunk_ml == pytest.approx(
        (tree.points_mm[:, 0] >= 8.0).sum() * tree.voxel_ml
    )


def test_that_a_cut_elsewhere_passes_no_vessel() -> None:
    cut = cut_tree(FORKED.trees[0], np.zeros(len(FORKED.trees[0].points_mm), bool))
    assert (cut.crossings, cut.calibre_mm, cut.from_trunk_ml) == (0, 0.0, 0.0)


@pytest.mark.parametrize("radius", [2.0, 3.0, 5.0])
def test_that_the_calibre_of_an_oblique_tube_is_its_diameter(radius: float) -> None:
    labels = painted(
        {LIVER: ball((0, 0, 0), 40), PORTAL: tube((-20, -9, 4), (20, 11, -7), radius)},
        half_mm=(42, 42, 42),
        spacing_mm=(1.5, 1.5, 1.5),
    )
    tree = tree_of("portal-vein", labels.mask("portal-vein"), labels.affine)
    assert np.median(tree.calibre_mm) == pytest.approx(2 * radius, abs=0.75)


def test_that_a_zone_sees_the_wide_vessel_beside_it() -> None:
    """Zone border at y = 22 - 12 = 10, trunk wall at y = 5: 5 mm apart."""
    found = vessel_quantities(FORKED, removal_of((zone((-20.0, 22.0, 0.0), 12, 12),), FORKED))
    assert row(found, "distance to vessels over 3 mm").value == pytest.approx(5.0, abs=0.8)


def test_that_a_zone_over_a_wide_vessel_is_said_to_contain_it() -> None:
    lines = vessel_warnings(FORKED, removal_of((zone((-20.0, 5.0, 0.0), 12, 12),), FORKED))
    assert any(w.startswith("the zone contains the portal-vein (") for w in lines)
    assert any("bile duct injury" in w for w in lines)


def test_that_a_zone_beside_a_wide_vessel_does_not_contain_it() -> None:
    lines = vessel_warnings(FORKED, removal_of((zone((-20.0, 22.0, 0.0), 12, 12),), FORKED))
    assert not any("contains" in w for w in lines)


def test_that_a_wide_vessel_cut_is_warned_of() -> None:
    lines = vessel_warnings(FORKED, removal_of((plane(15.0),), FORKED))
    assert any(w.startswith("the cut crosses the portal-vein, up to") for w in lines)
