# SPDX-License-Identifier: GPL-3.0-or-later
"""Mattes follow the picture's edges, and nothing else of the picture."""

import cv2
import numpy as np
import pytest

from inference import edges

HEIGHT, WIDTH = 540, 960
SUBJECT, BEHIND = (200, 90, 60), (40, 80, 110)


def composite(alpha: np.ndarray, subject: object = SUBJECT, behind: object = BEHIND, grain: int = 0) -> np.ndarray:
    """(H, W, 3) uint8 of an alpha (H, W) in 0..1; with grain of deviation 2, another for each number."""
    picture = alpha[..., None] * np.asarray(subject, float) + (1 - alpha[..., None]) * np.asarray(behind, float)
    picture += 2.0 * np.random.default_rng(grain).standard_normal((*alpha.shape, 1))
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def network(alpha: np.ndarray) -> np.ndarray:
    """A map as U2-Net answers: small, its edge soft over several cells and half a cell off."""
    height, width = alpha.shape
    scale = 320 / max(height, width)
    size = round(width * scale), round(height * scale)
    small = cv2.resize(alpha.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    move = np.array(((1.0, 0, 0.5), (0, 1, 0.5)))
    small = cv2.warpAffine(small, move, size, borderMode=cv2.BORDER_REPLICATE)
    return cv2.GaussianBlur(small, (0, 0), 1.2).clip(0, 1)


def matte(map_: np.ndarray, picture: np.ndarray) -> np.ndarray:
    """Of red, green and blue side by side."""
    return edges.matte(map_, list(cv2.split(picture)))


def enlarged(map_: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    return cv2.resize(map_, alpha.shape[::-1], interpolation=cv2.INTER_CUBIC).clip(0, 1) * 255


def disc(height: int = HEIGHT, width: int = WIDTH, radius: float = 150.0) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.clip(radius + 0.5 - np.hypot(y - height / 2, x - width / 2), 0, 1)


def off(found: np.ndarray, alpha: np.ndarray) -> float:
    """The mean error, of 255."""
    return float(np.abs(found - 255.0 * alpha).mean())


@pytest.mark.parametrize("size", [(540, 960), (541, 958), (960, 540), (300, 300), (1081, 1919)])
def test_an_edge_is_where_the_picture_has_it(size: tuple[int, int]) -> None:
    """Though the map's is soft and a little off. Also where cells reach over the rim, and where they are pixels."""
    alpha = disc(*size, radius=min(size) / 3)
    map_ = network(alpha)
    found = matte(map_, composite(alpha))
    assert (found.shape, found.dtype) == (size, np.uint8)
    assert off(found, alpha) < 0.4 * off(enlarged(map_, alpha), alpha)


def test_an_edge_is_straight_up_to_the_rim() -> None:
    """The last cells lie partly outside."""
    alpha = np.zeros((547, 965))
    alpha[:, 480:] = 1
    found = matte(network(alpha), composite(alpha))
    assert off(found[-5:], alpha[-5:]) < 2 * off(found[200:300], alpha[200:300])
    assert (found[:, 440] == 0).all() and (found[:, -1] == 255).all() and (found[-1, 520:] == 255).all()


def test_hairs_are_told_from_the_gaps_between() -> None:
    """Two cells wide, six apart, out of a straight edge; the map shows little more than a ramp."""
    alpha = np.zeros((HEIGHT, WIDTH))
    alpha[300:] = 1
    alpha[280:300, np.arange(WIDTH) % 24 < 6] = 1
    map_ = network(alpha)

    def contrast(found: np.ndarray) -> float:
        tuft, hairs = found[285:297].astype(float), alpha[285:297] == 1
        return float(tuft[hairs].mean() - tuft[~hairs].mean())

    found = matte(map_, composite(alpha))
    assert contrast(found) > 1.5 * contrast(enlarged(map_, alpha))
    assert off(found, alpha) < 0.65 * off(enlarged(map_, alpha), alpha)


def test_a_background_like_the_subject_stays_out_of_the_matte() -> None:
    """Both are of one mottled stuff: the picture tells nothing, and its mottles are no edges."""
    alpha = disc()
    random = np.random.default_rng(3)
    mottles = cv2.GaussianBlur(random.standard_normal((HEIGHT, WIDTH, 3)), (0, 0), 4)
    stuff = 120 + 30 * mottles / mottles.std()
    map_ = network(alpha)
    plain = matte(map_, np.full((HEIGHT, WIDTH, 3), 120, np.uint8))
    found = matte(map_, composite(alpha, stuff, stuff))
    soft = (plain > 25) & (plain < 230)
    assert np.abs(found[soft] - plain[soft].astype(float)).mean() < 25


def test_where_the_picture_tells_nothing_the_map_is_enlarged() -> None:
    alpha = disc()
    map_ = network(alpha)
    found = matte(map_, np.full((HEIGHT, WIDTH, 3), 120, np.uint8))
    assert off(found, enlarged(map_, alpha) / 255) < 1
    assert np.abs(found - enlarged(map_, alpha)).max() < 30


def test_grain_is_not_printed_into_an_edge() -> None:
    """It is new in each frame: what it does to alpha flickers."""
    alpha = cv2.GaussianBlur(disc(), (0, 0), 12)
    map_ = network(alpha)
    one, two = (matte(map_, composite(alpha, grain=number)).astype(float) for number in (1, 2))
    soft = (alpha > 0.2) & (alpha < 0.8)
    assert np.abs(one - two)[soft].mean() < 2


def test_a_soft_edge_stays_soft() -> None:
    """Motion blur, 60 pixels of it, is no hard edge with a fringe."""
    alpha = cv2.blur(disc(), (60, 1))
    found = matte(network(alpha), composite(alpha))
    soft = (alpha > 0.25) & (alpha < 0.75)
    assert off(found[soft], alpha[soft]) < 25
    assert np.percentile(found[soft], 5) > 20 and np.percentile(found[soft], 95) < 245


def test_there_is_no_haze() -> None:
    """A network that is nearly sure is believed: nothing of a busy background, nothing missing of a busy subject."""
    alpha = disc()
    random = np.random.default_rng(4)
    picture = random.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    found = matte(0.05 + 0.93 * network(alpha), picture)
    assert (found[disc(radius=190) == 0] == 0).all()
    assert (found[disc(radius=110) == 1] == 255).all()


def test_no_subject_is_seen_through() -> None:
    """Of a balloon's stripe in the sky's colour the network is less sure; it is far from every edge."""
    alpha, stripe = disc(), disc(radius=50)
    picture = composite(alpha, np.where(stripe[..., None] > 0, BEHIND, SUBJECT))
    found = matte(network(alpha - 0.15 * stripe), picture)
    assert (found[disc(radius=110) == 1] == 255).all()
    hole = matte(network(alpha - stripe), picture)
    assert (hole[disc(radius=35) == 1] == 0).all()


@pytest.mark.parametrize("value", [0.0, 0.06, 0.98, 1.0])
def test_an_even_map_makes_an_even_matte(value: float) -> None:
    picture = np.random.default_rng(5).integers(0, 256, (200, 331, 3), np.uint8)
    found = matte(np.full((97, 160), value, np.float32), picture)
    assert (found == (255 if value > 0.5 else 0)).all()


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (1, 700), (700, 1), (9, 16)])
def test_small_and_narrow_pictures(size: tuple[int, int]) -> None:
    random = np.random.default_rng(6)
    picture = random.integers(0, 256, (*size, 3), np.uint8)
    assert matte(random.random((32, 32), np.float32), picture).shape == size


def test_threads_and_runs_make_no_difference_and_nothing_given_is_changed() -> None:
    alpha = disc()
    map_, picture = network(alpha), composite(alpha)
    before = map_.copy(), picture.copy()
    threads = cv2.getNumThreads()
    try:
        found = []
        for number in (1, 4, 1):
            cv2.setNumThreads(number)
            found.append(matte(map_, picture))
    finally:
        cv2.setNumThreads(threads)
    assert np.array_equal(found[0], found[1]) and np.array_equal(found[0], found[2])
    assert np.array_equal(map_, before[0]) and np.array_equal(picture, before[1])


def test_what_is_far_away_makes_no_difference() -> None:
    """Only the part of a picture where a map is undecided is worked on: its limits are not seen."""
    small = np.zeros((HEIGHT, WIDTH))
    small[40:200, 50:250] = 1
    both = small.copy()
    both[330:500, 700:900] = 1
    texture = np.random.default_rng(7).integers(0, 60, (HEIGHT, WIDTH, 3))
    picture = composite(both, np.add(SUBJECT, texture - 30), np.add(BEHIND, texture - 30))
    alone, together = (matte(network(alpha), picture)[:280, :480].astype(int) for alpha in (small, both))
    assert np.abs(alone - together).max() <= 1
