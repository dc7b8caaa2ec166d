# SPDX-License-Identifier: GPL-3.0-or-later
"""Flicker goes, what is real stays, and nothing crosses a cut: on pictures whose alpha is known."""

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from inference import keyframes, steady

HEIGHT, WIDTH, FRAMES, AT = 180, 320, 9, 4
SIDE = 60  # of the subject


def texture(seed: int, height: int, width: int, low: int = 0, high: int = 255) -> np.ndarray:
    """(height, width) float32 grey in low..high, blotches of some pixels."""
    noise = np.random.default_rng(seed).random((height, width), np.float32)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3), None, low, high, cv2.NORM_MINMAX)


class Shot:
    """A textured square that goes to the right over a textured background that goes to the left."""

    def __init__(self, seed: int = 1, speed: int = 3, seen: range = range(FRAMES)) -> None:
        """speed: pixels a frame. seen: frames in which the square is there."""
        behind, subject = texture(seed, HEIGHT, WIDTH + FRAMES, 0, 170), texture(seed + 1, SIDE, SIDE, 60, 255)
        self.looks, self.truth = [], []
        for frame in range(FRAMES):
            grey, alpha = behind[:, frame : frame + WIDTH].copy(), np.zeros((HEIGHT, WIDTH), np.float32)
            if frame in seen:
                square = slice(50, 50 + SIDE), slice(70 + speed * frame, 70 + speed * frame + SIDE)
                grey[square], alpha[square] = subject, 1.0
            self.looks.append(keyframes.look(np.repeat(grey[None], 3, 0)))
            self.truth.append(cv2.GaussianBlur(alpha, (0, 0), 1.5))  # as soft as a network's maps


def flickering(truth: list[np.ndarray]) -> list[np.ndarray]:
    """Maps as a network gives them that changes its mind in blotches."""
    maps = []
    for frame, true in enumerate(truth):
        doubt = texture(100 + frame, HEIGHT, WIDTH, -1, 1) * np.float32(0.5)
        maps.append(np.clip(true + doubt * cv2.dilate(true, np.ones((9, 9))), 0, 1))
    return maps


def steps(looks: list[keyframes.Look]) -> dict[int, steady.Step | None]:
    return {frame: steady.step(looks[frame], looks[frame + 1]) for frame in range(len(looks) - 1)}


def filtered(looks: list[keyframes.Look], maps: list[np.ndarray]) -> list[np.ndarray]:
    ways = steps(looks)
    return [steady.steady(frame, dict(enumerate(maps)), ways) for frame in range(len(maps))]


def error(maps: list[np.ndarray], truth: list[np.ndarray]) -> float:
    return float(np.abs(np.subtract(maps, truth)).mean())


def flicker(maps: list[np.ndarray], truth: list[np.ndarray]) -> float:
    """Mean over pairs of neighbours of the root of the mean squared change of the error: dtSSD."""
    changes = np.diff(np.subtract(maps, truth), axis=0)
    return float(np.sqrt((changes**2).mean(axis=(1, 2))).mean())


def test_flicker_goes_and_the_error_with_it() -> None:
    shot = Shot()
    maps = flickering(shot.truth)
    found = filtered(shot.looks, maps)
    assert flicker(found, shot.truth) < 0.55 * flicker(maps, shot.truth)
    assert error(found, shot.truth) < 0.8 * error(maps, shot.truth)


@pytest.mark.parametrize("speed", [0, 3, 8])
def test_a_true_map_stays_sharp_and_in_place(speed: int) -> None:
    """No lag, no trail behind and none before: as near at the subject's two sides as anywhere."""
    shot = Shot(speed=speed)
    found = filtered(shot.looks, shot.truth)
    assert error(found, shot.truth) < 0.0005
    assert np.abs(np.subtract(found, shot.truth)).max() < 0.3


@pytest.mark.parametrize("wrong", [0.0, 1.0])
def test_what_one_frame_alone_says_is_mended(wrong: float) -> None:
    """A hole in the subject, a ghost in the background."""
    shot = Shot()
    maps = [true.copy() for true in shot.truth]
    place = (slice(70, 90), slice(100, 120)) if wrong == 0 else (slice(130, 150), slice(250, 270))
    assert np.abs(shot.truth[AT][place] - wrong).min() > 0.99
    maps[AT][place] = wrong
    found = filtered(shot.looks, maps)
    assert np.abs(found[AT] - shot.truth[AT])[place].mean() < 0.05
    assert error(found, shot.truth) < 0.002  # and it is not handed to the neighbours


def test_two_frames_in_succession_are_mended_at_speed() -> None:
    """What both leave out is known two steps away."""
    shot = Shot(speed=8)
    maps = [true.copy() for true in shot.truth]
    for frame in (AT, AT + 1):
        left = 70 + 8 * frame
        maps[frame][65:95, left + 15 : left + 45] = 0.0
    found = filtered(shot.looks, maps)
    assert error(found, shot.truth) < 0.65 * error(maps, shot.truth)
    assert np.subtract(maps, found).max() < 0.5  # the two beside them lose little


def test_a_subject_is_there_from_its_first_frame_to_its_last() -> None:
    shot = Shot(seen=range(3, 6))
    found = filtered(shot.looks, shot.truth)
    for frame in range(FRAMES):
        subject = shot.truth[frame] > 0.99
        assert found[frame][subject].size == 0 or found[frame][subject].mean() > 0.97
        assert found[frame][shot.truth[frame] < 0.01].mean() < 0.002


def test_nothing_crosses_a_cut() -> None:
    first, second = Shot(1), Shot(20)
    looks = first.looks[:AT] + second.looks[AT:]
    maps = flickering(first.truth[:AT] + second.truth[AT:])
    ways = steps(looks)
    assert [frame for frame, way in ways.items() if way is None] == [AT - 1]
    found = filtered(looks, maps)
    others = [np.full_like(map_, np.nan) for map_ in maps]
    for kept in (slice(None, AT), slice(AT, None)):
        alone = list(others)
        alone[kept] = maps[kept]
        assert np.array_equal(filtered(looks, alone)[kept], found[kept])


def test_black_is_no_cut_from_black_but_from_a_picture() -> None:
    black = keyframes.look(np.zeros((3, HEIGHT, WIDTH), np.float32))
    assert steady.step(black, black) is not None
    assert steady.step(black, Shot().looks[0]) is None


def test_pictures_of_other_sizes_are_other_shots() -> None:
    shot = Shot()
    small = keyframes.look(np.ascontiguousarray(shot.looks[1].planes[:, :96]))
    assert steady.step(shot.looks[0], small) is None
    found = steady.steady(0, {0: shot.truth[0], 1: shot.truth[1][:96]}, {0: None})
    assert np.array_equal(found, shot.truth[0])


def test_the_frames_around_are_enough() -> None:
    """A farm's chunk has no others, and gives the same bits."""
    shot = Shot()
    maps = flickering(shot.truth)
    found = filtered(shot.looks, maps)
    for at in range(FRAMES):
        around = steady.around(at, FRAMES - 1)
        ways = {frame: steady.step(shot.looks[frame], shot.looks[frame + 1]) for frame in around[:-1]}
        alone = steady.steady(at, {frame: maps[frame] for frame in around}, ways)
        assert np.array_equal(alone, found[at])


def test_threads_give_the_same_bits() -> None:
    shot = Shot()
    before, after = shot.looks[:-1], shot.looks[1:]
    alone = [steady.step(*pair) for pair in zip(before, after, strict=True)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(steady.step, before * 4, after * 4))
    for one, other in zip(alone * 4, together, strict=True):
        assert one is not None and other is not None
        for way, same in ((one.onward, other.onward), (one.back, other.back)):
            assert np.array_equal(way.places, same.places)
            assert np.array_equal(way.trust, same.trust)
