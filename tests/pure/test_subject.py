# SPDX-License-Identifier: GPL-3.0-or-later
"""One of several things is kept, through a clip, soft edges and all; a region's crop; a drawn mask."""

import functools

import cv2
import numpy as np
import pytest

from inference.subject import REACH, Pieces, at, crop, follow, kept, largest, masked, pieces

HEIGHT, WIDTH = 180, 320
Disc = tuple[float, float, float]
"""x, y, radius: pixels of the map."""


def map_of(*discs: Disc) -> np.ndarray:
    """Soft discs, whose edges fall from 1 to 0 over 6 pixels."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    map_ = np.zeros((HEIGHT, WIDTH), np.float32)
    for x, y, radius in discs:
        map_ = np.maximum(map_, np.clip((radius + 3 - np.hypot(columns - x, rows - y)) / 6, 0, 1))
    return map_


def share(x: float, y: float) -> tuple[float, float]:
    return x / WIDTH, y / HEIGHT


@functools.cache
def texture() -> np.ndarray:
    noise = cv2.GaussianBlur(np.random.default_rng(3).random((4 * HEIGHT, 4 * WIDTH), np.float32), (0, 0), 2)
    return cv2.normalize(noise, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)


def grey_of(*discs: Disc) -> np.ndarray:
    """Discs of a texture that moves with them over a texture that does not."""
    noise = texture()
    picture = noise[:HEIGHT, :WIDTH] // 2
    for number, (x, y, radius) in enumerate(discs):
        to = np.array([[1, 0, x - 400 - 200 * number], [0, 1, y - 350]], np.float32)
        moved = cv2.warpAffine(noise, to, (WIDTH, HEIGHT))
        inside = map_of((x, y, radius)) > 0.5
        picture[inside] = moved[inside]
    return picture


# The point


def test_the_piece_at_the_point_is_kept_whole_and_the_others_are_gone() -> None:
    one, two = (90, 90, 30), (220, 80, 40)
    both = map_of(one, two)
    for point, (stays, goes) in {share(95, 85): (one, two), share(200, 60): (two, one)}.items():
        found = kept(both, point)
        np.testing.assert_allclose(found, map_of(stays), atol=1e-6)
        assert not found[map_of(goes) > 0].any()


def test_a_soft_edge_is_not_cut_where_another_piece_is_near() -> None:
    """No step that the map itself has not, though the two skirts meet."""
    near = map_of((120, 90, 30), (185, 90, 30))
    assert len(pieces(near).areas) == 3 and near[90, 152] > 0
    found = kept(near, share(120, 90))
    steepest = [np.abs(np.diff(map_[90])).max() for map_ in (near, found)]
    assert steepest[1] < 2.5 * steepest[0]
    np.testing.assert_allclose(found[:, :150], near[:, :150], atol=1e-6)
    assert not found[:, 158:].any()


def test_things_that_touch_are_not_split() -> None:
    touching = map_of((120, 90, 30), (170, 90, 30))
    np.testing.assert_allclose(kept(touching, share(120, 90)), touching, atol=1e-6)


def test_haze_far_from_the_subject_goes_and_faint_hair_at_it_stays() -> None:
    map_ = map_of((120, 90, 30))
    map_[85:95, 151:160] = 0.2
    map_[20:40, 250:300] = 0.3
    found = kept(map_, share(120, 90))
    assert not found[20:40, 250:300].any()
    np.testing.assert_array_equal(found[85:95, 151:160], map_[85:95, 151:160])


def test_the_nearest_is_kept_but_not_a_speck_nor_what_is_far() -> None:
    beside = share(60, 90)
    map_ = map_of((100, 90, 25), (250, 90, 40))
    map_[88:91, 65:68] = 1
    np.testing.assert_array_equal(kept(map_, beside)[:, 70:], kept(map_of((100, 90, 25)), beside)[:, 70:])
    assert not kept(map_of((250, 90, 40)), share(60, 90)).any()
    assert not kept(map_of(), beside).any()
    assert not kept(map_, None).any()


# The largest


def clip_of(areas: list[tuple[float, float]]) -> list[Pieces]:
    """Two discs of these radii that go apart."""
    return [pieces(map_of((90 - n, 90, one), (230 + n, 90, two))) for n, (one, two) in enumerate(areas)]


def lead(clip: list[Pieces]) -> list[str]:
    """Which of the two is the largest, by frame, as a chunk of one frame finds it: no more is known than is needed."""
    points = []
    for frame in range(len(clip)):
        first = max(frame - REACH, 0)
        points.append(largest(clip[first : frame + REACH + 1], frame - first))
    return ["left" if point and point[0] < 0.5 else "right" for point in points]


def test_the_largest_does_not_change_for_a_few_frames() -> None:
    areas = [(30.0, 26.0)] * 12 + [(28.0, 31.0)] * 5 + [(30.0, 26.0)] * 12
    assert lead(clip_of(areas)) == ["left"] * len(areas)


def test_the_largest_changes_once_where_another_stays_larger() -> None:
    areas = [(30.0, 24.0)] * 15 + [(30.0, 36.0)] * 15
    found = lead(clip_of(areas))
    swaps = [frame for frame in range(1, 30) if found[frame] != found[frame - 1]]
    assert len(swaps) == 1 and abs(swaps[0] - 15) <= REACH
    assert (found[0], found[-1]) == ("left", "right")


def test_a_flash_is_not_the_largest_thing() -> None:
    flash = [pieces(map_of((80, 90, 25), *[(230, 90, 45)] * (frame in (9, 10)))) for frame in range(20)]
    assert set(lead(flash)) == {"left"}


def test_a_quick_thing_is_followed_though_it_does_not_overlap_itself() -> None:
    quick = [pieces(map_of((30 + 24 * n, 40, 10), (160, 130, 9))) for n in range(9)]
    point = largest(quick, 4)
    assert point
    assert abs(point[0] * WIDTH - 126) < 3
    assert point[1] < 0.5


def test_what_leaves_does_not_go_on_as_another_of_its_size() -> None:
    """The one on the right is a little larger, and gone after the fourth frame."""
    clip = [pieces(map_of((140, 90, 30), *[(215, 90, 32)] * (frame < 4))) for frame in range(20)]
    assert set(lead(clip)) == {"left"}


def test_the_largest_of_nothing_is_nothing() -> None:
    assert largest([pieces(map_of((90, 90, 30))), pieces(map_of()), pieces(map_of((90, 90, 30)))], 1) is None


def test_a_ring_is_kept_by_its_point_though_its_middle_is_another_thing() -> None:
    ring = map_of((160, 90, 70)) - map_of((160, 90, 50))
    map_ = ring + map_of((160, 90, 15))
    np.testing.assert_allclose(kept(map_, largest([pieces(map_)], 0))[:, :100], ring[:, :100], atol=1e-6)


# The path


def test_a_path_is_straight_between_its_points_and_stays_at_its_ends() -> None:
    path = ((10, 0.2, 0.4), (20, 0.6, 0.5))
    assert at(path, 15) == pytest.approx((0.4, 0.45))
    assert at(path, 3) == (0.2, 0.4) and at(path, 99) == (0.6, 0.5)
    assert at((), 5) is None


def passing(frame: int) -> tuple[Disc, Disc]:
    """The smaller one goes to the right, above the larger, which goes to the left. In the middle they touch."""
    return (70 + 6.0 * frame, 56, 24), (250 - 6.0 * frame, 107, 34)


@pytest.mark.parametrize("step", [1, 3])
@pytest.mark.parametrize(("which", "start"), [(0, 0), (1, 0), (0, 30), (0, 9)])
def test_a_picked_thing_is_followed_through_a_touch(which: int, start: int, step: int) -> None:
    frames = range(0, 31, step)
    maps = {frame: map_of(*passing(frame)) for frame in frames}
    assert any(len(pieces(map_).areas) == 2 for map_ in maps.values())  # they do touch
    greys = {frame: grey_of(*passing(frame)) for frame in frames}
    path = follow(maps, greys, start, share(*passing(start)[which][:2]))
    assert [number for number, *_ in path] == list(frames)
    for frame in range(31):
        apart = map_of(*passing(frame))
        if len(pieces(apart).areas) == 3:
            away = np.abs(kept(apart, at(path, frame)) - map_of(passing(frame)[which]))
            assert away.max() < 0.2 and away.mean() < 0.001  # where the soft edges of both meet


def test_a_path_ends_where_the_thing_leaves() -> None:
    def discs(frame: int) -> tuple[Disc, Disc]:
        return (200 + 14.0 * frame, 60, 20), (60, 130, 30)

    maps = {frame: map_of(*discs(frame)) for frame in range(16)}
    greys = {frame: grey_of(*discs(frame)) for frame in range(16)}
    path = follow(maps, greys, 0, share(200, 60))
    assert 8 <= path[-1][0] <= 10
    assert not kept(maps[15], at(path, 15)).any()


# A region


def test_a_crop_holds_the_region_and_a_margin_within_the_picture() -> None:
    part = crop(1080, 1920, (0.25, 0.5, 0.5, 0.75))
    assert (part.left, part.right, part.top, part.bottom) == (432, 1008, 513, 837)
    assert part.of(np.zeros((1080, 1920, 3), np.uint8)).shape == (324, 576, 3)
    assert part == crop(1080, 1920, (0.5, 0.75, 0.25, 0.5))
    assert part.inside((0.375, 0.625)) == pytest.approx((0.5, 0.5))


@pytest.mark.parametrize("region", [(0, 0, 1, 1), (-3, -1, 4, 2)])
def test_the_whole_picture_is_no_crop(region: tuple[float, float, float, float]) -> None:
    matte = np.full((90, 160), 200, np.uint8)
    part = crop(90, 160, region)
    assert part.of(matte).shape == matte.shape
    np.testing.assert_array_equal(part.pasted(matte), matte)


@pytest.mark.parametrize("length", [50, 64, 100, 1000])
@pytest.mark.parametrize("place", [-1.0, 0.0, 0.01, 0.5, 0.98, 1.0, 2.0])
@pytest.mark.parametrize("size", [0.0, 0.02, 0.5])
def test_a_crop_is_never_too_narrow_nor_outside(length: int, place: float, size: float) -> None:
    part = crop(length, length, (place, place, place + size, place + size))
    assert 0 <= part.left < part.right <= length
    assert part.right - part.left >= min(64, length)
    assert part.left <= part.box[2] < part.box[3] <= part.right
    whole = part.pasted(part.of(np.full((length, length), 255, np.uint8)))
    assert (whole[part.box[0] : part.box[1], part.box[2] : part.box[3]] == 255).all()


def test_what_is_pasted_is_soft_only_where_it_was_cut_out() -> None:
    """The region touches the picture's left and lower rim."""
    part = crop(400, 600, (0.0, 0.5, 0.5, 1.0))
    whole = part.pasted(np.full(part.of(np.zeros((400, 600))).shape, 255, np.uint8))
    assert (whole[200:, :300] == 255).all()
    assert not whole[: part.top].any() and not whole[:, part.right :].any()
    right, above = whole[399, 300 : part.right].astype(int), whole[part.top : 200, 0].astype(int)
    assert (np.diff(right) < 0).all() and right[0] > 230 and right[-1] < 25
    assert (np.diff(above) > 0).all() and above[-1] > 230 and above[0] < 25


# A mask


def test_masks_include_exclude_and_limit() -> None:
    matte = np.array([[0, 0, 100, 255, 255, 255]], np.uint8)
    mask = np.array([[0, 200, 60, 0, 55, 255]], np.uint8)
    np.testing.assert_array_equal(masked(matte, mask, "INCLUDE"), [[0, 200, 100, 255, 255, 255]])
    np.testing.assert_array_equal(masked(matte, mask, "EXCLUDE"), [[0, 0, 100, 255, 200, 0]])
    np.testing.assert_array_equal(masked(matte, mask, "LIMIT"), [[0, 0, 60, 0, 55, 255]])
    with pytest.raises(ValueError, match="no mode"):
        masked(matte, mask, "NONE")
