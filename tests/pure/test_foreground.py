# SPDX-License-Identifier: GPL-3.0-or-later
"""Edges without the old background's colour, on pictures whose alpha and foreground are known."""

from collections.abc import Generator

import cv2
import numpy as np
import pytest

from inference import foreground as by_planes

HEIGHT, WIDTH = 390, 501  # no multiples of anything
RADIUS = 90


def foreground(picture: np.ndarray, matte: np.ndarray) -> np.ndarray:
    """With red, green and blue side by side."""
    planes = list(cv2.split(picture))
    by_planes.clean(planes, matte, np.full_like(matte, 255))
    return cv2.merge(planes)


@pytest.fixture
def threads() -> Generator[None, None, None]:
    """OpenCV's number of threads is put back."""
    before = cv2.getNumThreads()
    yield
    cv2.setNumThreads(before)


def disc(softness: float, x: float = 240, y: float = 200) -> np.ndarray:
    """A matte, (HEIGHT, WIDTH) uint8, that falls from 255 to 0 within `softness` pixels at a circle."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    inside = (RADIUS - np.hypot(rows - y, columns - x)) / softness + 0.5
    return np.rint(255 * np.clip(inside, 0, 1)).astype(np.uint8)


def subject(dx: float = 0) -> np.ndarray:
    """A red that turns to blue, (HEIGHT, WIDTH, 3) float32."""
    part = np.clip((np.arange(WIDTH, dtype=np.float32) - dx - 120) / 240, 0, 1)[None, :, None]
    return (
        np.array((190, 40, 30), np.float32) * (1 - part)
        + np.array((40, 60, 170), np.float32) * part
        + np.zeros((HEIGHT, 1, 1), "f4")
    )


def scenery(base: tuple[int, int, int], contrast: float) -> np.ndarray:
    """A background with a texture, (HEIGHT, WIDTH, 3) float32."""
    texture = cv2.GaussianBlur(np.random.default_rng(3).standard_normal((HEIGHT, WIDTH)), (0, 0), 4)
    return np.clip(np.array(base, np.float32) + contrast * (texture / texture.std())[..., None], 0, 255).astype(
        np.float32
    )


def over(colour: np.ndarray, matte: np.ndarray, behind: np.ndarray | tuple[int, int, int]) -> np.ndarray:
    """The composite, float32."""
    alpha = matte[..., None].astype(np.float32) / 255
    return alpha * colour.astype(np.float32) + (1 - alpha) * np.asarray(behind, np.float32)


def shown(colour: np.ndarray, matte: np.ndarray, behind: np.ndarray) -> np.ndarray:
    return np.rint(over(colour, matte, behind)).astype(np.uint8)


@pytest.mark.parametrize(("softness", "mean"), [(3, 1.5), (12, 2.0), (60, 3.0)])
@pytest.mark.parametrize("base", [(235, 240, 245), (12, 10, 15), (60, 160, 50)], ids=["bright", "dark", "green"])
def test_no_rim_of_the_old_background_is_left(softness: float, mean: float, base: tuple[int, int, int]) -> None:
    """Over any new background a soft edge looks as it should within a few of 255; the picture's own colour is off by
    12 to 25 on the mean, and by 36 to 53 at worst."""
    matte, true = disc(softness), subject()
    picture = shown(true, matte, scenery(base, 12))
    # The new background cancels out of the difference of two composites with one matte.
    wanted = over(true, matte, (0, 0, 0))
    soft = (matte > 0) & (matte < 255)
    kept = np.abs(over(picture, matte, (0, 0, 0)) - wanted)[soft]
    left = np.abs(over(foreground(picture, matte), matte, (0, 0, 0)) - wanted)[soft]
    assert left.mean() < mean < kept.mean() / 4
    assert left.max() < kept.max() / 2


def test_the_picture_is_kept_where_the_matte_is_opaque_and_far_away() -> None:
    matte = disc(10, x=130)
    picture = shown(subject(), matte, scenery((200, 210, 220), 15))
    before = picture.copy()
    colour = foreground(picture, matte)
    np.testing.assert_array_equal(picture, before)
    assert (colour.dtype, colour.shape) == (np.uint8, picture.shape)
    np.testing.assert_array_equal(colour[matte == 255], picture[matte == 255])
    np.testing.assert_array_equal(colour[:, -50:], picture[:, -50:])


@pytest.mark.parametrize("softness", [0.01, 10])
def test_the_subjects_colour_goes_on_outside_for_filters(softness: float) -> None:
    """Of a hard edge too: half of a filter's weight may lie outside."""
    matte = disc(softness)
    colour = foreground(shown(subject(), matte, scenery((240, 240, 240), 5)), matte)
    outside = (matte == 0) & (cv2.dilate(matte, np.ones((9, 9), np.uint8)) > 0)
    away = np.abs(colour.astype(np.float32) - subject())[outside]
    assert away.mean() < 6


@pytest.mark.parametrize("level", [0, 255])
def test_nothing_is_done_where_nothing_or_all_is_seen(level: int) -> None:
    picture = np.random.default_rng(4).integers(0, 256, (70, 90, 3), np.uint8)
    np.testing.assert_array_equal(foreground(picture, np.full((70, 90), level, np.uint8)), picture)


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (7, 5), (129, 127), (64, 1024)])
def test_any_size_and_any_matte(size: tuple[int, int]) -> None:
    random = np.random.default_rng(5)
    picture = random.integers(0, 256, (*size, 3), np.uint8)
    matte = random.choice(np.array((0, 1, 128, 254, 255), np.uint8), size)
    colour = foreground(picture, matte)
    np.testing.assert_array_equal(colour[matte == 255], picture[matte == 255])
    one = np.full((*size, 3), 77, np.uint8)
    assert np.abs(foreground(one, matte).astype(int) - 77).max() <= 1  # one colour is one colour, whatever the matte


def test_the_same_bits_from_any_memory_and_any_threads(threads: None) -> None:
    matte = disc(25)
    picture = shown(subject(), matte, scenery((220, 90, 90), 40))
    cv2.setNumThreads(1)
    expected = foreground(picture, matte)
    cv2.setNumThreads(4)
    np.testing.assert_array_equal(foreground(picture, matte), expected)
    *planes, alpha = (np.dstack((picture, matte))[..., channel] for channel in range(4))
    planes = [np.vstack((plane, plane))[: len(plane)] for plane in planes]
    by_planes.clean(planes, alpha, np.full_like(alpha, 1))
    np.testing.assert_array_equal(cv2.merge(planes), expected)


def test_what_is_far_away_does_not_bleed_in() -> None:
    """A window that lights up beside the subject."""
    matte = disc(12, x=130)
    behind = scenery((70, 80, 90), 10)
    lit = behind.copy()
    lit[:, 300:] = 255
    one, two = (over(foreground(shown(subject(), matte, b), matte), matte, (0, 0, 0)) for b in (behind, lit))
    assert np.abs(one - two).max() < 1


def test_grain_is_not_enlarged() -> None:
    """What grain the picture has at an edge, the composite has, and not more."""
    matte, deviation = disc(30), 6.0
    picture = shown(subject(), matte, scenery((200, 200, 60), 10))
    grain = np.random.default_rng(6).standard_normal(picture.shape) * deviation
    noisy = np.clip(np.rint(picture + grain), 0, 255).astype(np.uint8)
    calm, rough = (over(foreground(p, matte), matte, (0, 0, 0)) for p in (picture, noisy))
    soft = (matte > 0) & (matte < 255)
    assert 1 < (rough - calm)[soft].std() < deviation  # nor is it gone


def test_a_subject_that_moves_keeps_its_colour() -> None:
    """Wherever it stands on the levels' grid: its edges would flicker."""
    seen = []
    for dx in range(9):
        matte = disc(10, x=200 + dx)
        colour = foreground(shown(subject(dx), matte, np.full((HEIGHT, WIDTH, 3), 235, "f4")), matte)
        seen.append(over(colour, matte, (0, 0, 0))[:, 80 + dx : 320 + dx])
    soft = (disc(10, x=200)[:, 80:320] % 255) > 0
    change = np.std(seen, axis=0)[soft]
    assert change.mean() < 0.25
    assert change.max() < 2
