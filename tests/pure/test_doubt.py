# SPDX-License-Identifier: GPL-3.0-or-later
"""Faulty frames are found and named, and motion, cuts, entrances and noise are not taken for faults."""

import functools
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from inference.doubt import (
    CHANGES,
    EMPTIES,
    FILLS,
    JUMPS,
    SPLITS,
    UNDECIDED,
    Facts,
    doubtful,
    facts,
    from_text,
)

HEIGHT, WIDTH, FRAMES = 270, 480, 60
Disc = tuple[float, float, float]


def matte_of(*discs: Disc) -> np.ndarray:
    """Discs (x, y, radius), whose edges fall over 4 pixels."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    alpha = np.zeros((HEIGHT, WIDTH), np.float32)
    for x, y, radius in discs:
        alpha = np.maximum(alpha, np.clip((radius - np.hypot(columns - x, rows - y)) / 4 + 0.5, 0, 1))
    return np.rint(255 * alpha).astype(np.uint8)


def still(_frame: int) -> Disc:
    return 240, 140, 70


def slow(frame: int) -> Disc:
    return 140 + 3.0 * frame, 140 + 10 * np.sin(frame / 5), 60 + frame / 4


def fast(frame: int) -> Disc:
    """Round the picture in 16 frames, 47 pixels a frame."""
    return 240 + 160 * np.cos(frame * np.pi / 8), 135 + 80 * np.sin(frame * np.pi / 8), 34


def small(frame: int) -> Disc:
    """.7% of the picture."""
    return 100 + 2.0 * frame, 100, 17


def shakes(frame: int) -> Disc:
    """Never quite the same, by 4 pixels of 1080p and 2% of the area, as a network's answers are not."""
    x, y, radius = np.random.default_rng(frame).normal((240, 140, 70), (1.0, 1.0, 0.7))
    return x, y, radius


def enters(frame: int) -> Disc:
    """In at 25 pixels a frame, and out again."""
    return -120 + 25.0 * frame, 140, 80


MOVES = (still, slow, fast, small, shakes)
Move = Callable[[int], Disc]


@functools.cache
def mattes(move: Move) -> dict[int, tuple[np.ndarray, Facts]]:
    """By source frame, from 100 on."""
    clip = {100 + frame: matte_of(move(frame)) for frame in range(FRAMES)}
    return {frame: (matte, facts(matte)) for frame, matte in clip.items()}


def with_faults(move: Move, faults: dict[int, Callable[[np.ndarray], np.ndarray]]) -> dict[int, str]:
    """What is told of a clip whose mattes are altered at some frames."""
    known = {frame: fine for frame, (_, fine) in mattes(move).items()}
    return doubtful(known | {frame: facts(fault(mattes(move)[frame][0])) for frame, fault in faults.items()})


def told(clip: dict[int, np.ndarray]) -> dict[int, str]:
    return doubtful({frame: facts(matte) for frame, matte in clip.items()})


@pytest.mark.parametrize("move", [*MOVES, enters])
def test_a_whole_clip_is_not_doubted(move: Move) -> None:
    assert with_faults(move, {}) == {}


def empty(matte: np.ndarray) -> np.ndarray:
    return np.zeros_like(matte)


def filled(matte: np.ndarray) -> np.ndarray:
    return np.full_like(matte, 255)


def noise(matte: np.ndarray) -> np.ndarray:
    """As the map of a network that saw nothing, once each is stretched to 0..1."""
    map_ = np.random.default_rng(8).integers(0, 256, (180, 320), np.uint8)
    return cv2.resize(map_, matte.shape[::-1], interpolation=cv2.INTER_CUBIC)


def halved(matte: np.ndarray) -> np.ndarray:
    """The left half of the subject is lost."""
    matte = matte.copy()
    columns = np.flatnonzero(matte.any(axis=0))
    matte[:, : (columns[0] + columns[-1]) // 2] = 0
    return matte


def hazy(matte: np.ndarray) -> np.ndarray:
    return matte // 2


FAULTS = (empty, filled, noise, halved, hazy)
REASONS: dict[Callable[[np.ndarray], np.ndarray], set[str]] = {
    empty: {EMPTIES},
    filled: {FILLS},
    noise: {FILLS, UNDECIDED, JUMPS, SPLITS},
    halved: {JUMPS},
    hazy: {UNDECIDED, JUMPS},
}


@pytest.mark.parametrize("length", [1, 3])
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("move", MOVES)
def test_a_fault_is_told_once_at_its_first_frame(
    move: Move, fault: Callable[[np.ndarray], np.ndarray], length: int
) -> None:
    found = with_faults(move, dict.fromkeys(range(118, 118 + length), fault))
    assert list(found) == [118]
    assert found[118] in REASONS[fault]


@pytest.mark.parametrize("move", MOVES)
def test_a_second_piece_for_three_frames_is_told(move: Move) -> None:
    def split(matte: np.ndarray) -> np.ndarray:
        return np.maximum(matte, matte_of((430, 230, 14)))

    assert with_faults(move, dict.fromkeys((118, 119, 120), split)) == {118: SPLITS}


def test_another_thing_is_told_where_it_is_taken_for_the_subject() -> None:
    assert with_faults(slow, {118: lambda _: matte_of((400, 60, 62))}) == {118: JUMPS}


def test_a_cut_is_told_once() -> None:
    clip = {frame: matte_of(slow(frame) if frame < 20 else (380, 90, 80)) for frame in range(FRAMES)}
    assert told(clip) == {20: CHANGES}


def test_a_subject_that_is_lost_for_good_is_told_once() -> None:
    clip = {frame: matte_of(slow(frame)) if frame < 20 else empty(matte_of()) for frame in range(FRAMES)}
    assert list(told(clip)) == [20]


def test_a_second_subject_that_comes_to_stay_is_not_a_fault() -> None:
    clip = {frame: matte_of(slow(frame), *[(430, 40, 14)] * (frame > 15)) for frame in range(FRAMES)}
    assert told(clip) == {}


def test_grain_on_an_empty_clip_is_not_a_fault() -> None:
    grain = np.random.default_rng(9)
    clip = {frame: (grain.random((HEIGHT, WIDTH)) ** 8 * 12).astype(np.uint8) for frame in range(FRAMES)}
    assert told(clip) == {}


def test_two_faults_are_two() -> None:
    assert with_faults(slow, {110: empty, 125: filled}) == {110: EMPTIES, 125: FILLS}


def test_a_crowd_of_faults_is_told_once_and_does_not_hide_one_far_from_it() -> None:
    lost = dict.fromkeys(range(102, 131, 7), empty)
    found = with_faults(slow, lost | {150: filled})
    assert list(found) == [102, 150]
    assert "5 faults in 29 frames" in found[102]
    assert found[150] == FILLS


def test_frames_that_lie_far_apart_are_not_compared() -> None:
    """Two trims of a source, with nothing known of the frames between."""
    clip = {frame: matte_of((100, 100, 50)) for frame in range(20)}
    clip |= {frame: matte_of((350, 180, 70)) for frame in range(400, 420)}
    assert told(clip) == {}


@pytest.mark.parametrize("frames", [0, 1, 2, 3])
def test_few_frames_are_no_trouble(frames: int) -> None:
    assert told({frame: matte_of(still(frame)) for frame in range(frames)}) == {}


# Facts


def test_facts_say_what_is_there() -> None:
    matte = np.zeros((1080, 1920), np.uint8)
    matte[270:540, 480:960] = 255
    matte[800:900, 1600:1700] = 255
    matte[0:3, 0:3] = 255
    matte[540:560, 480:960] = 128
    found = facts(matte)
    assert found.area == pytest.approx(matte.mean() / 255, abs=1e-4)
    y, x = (np.average(np.arange(side), weights=matte.sum(axis=1 - axis)) for axis, side in enumerate(matte.shape))
    assert found.middle == pytest.approx((x / 1920, y / 1080), abs=0.001)
    assert found.pieces == 2
    assert found.soft == pytest.approx(20 * 480 / matte.size, abs=0.001)
    thumbnail = np.frombuffer(found.thumbnail, np.uint8).reshape(9, 16)
    assert thumbnail[3, 6] == 255 and thumbnail[3, 12] == 0


@pytest.mark.parametrize("size", [(1, 1), (3, 5000), (1920, 1080), (333, 77)])
@pytest.mark.parametrize("value", [0, 1, 255])
def test_facts_survive_as_text_at_any_size(size: tuple[int, int], value: int) -> None:
    found = facts(np.full(size, value, np.uint8))
    text = found.to_text()
    assert from_text(text) == found
    assert text.isascii() and len(text) < 400


def test_facts_are_the_same_however_the_matte_lies_in_memory() -> None:
    matte = matte_of((200, 140, 60), (400, 50, 20))
    wide = np.zeros((HEIGHT, WIDTH + 40), np.uint8)
    wide[:, 20:-20] = matte
    assert facts(wide[:, 20:-20]) == facts(matte)


GOOD = Facts(0.5, (0.25, 0.75), 2, 0.1, bytes(range(144))).to_text()


@pytest.mark.parametrize(
    "text",
    [
        "",
        None,
        7,
        [GOOD],
        GOOD + "\n",
        GOOD[:-1],
        GOOD + "A",
        " " + GOOD,
        GOOD.replace("0.50000", "1.50000"),
        GOOD.replace("0.50000", "-0.5000"),
        GOOD.replace("0.50000", "nan"),
        GOOD.replace("0.50000", "0.\N{ARABIC-INDIC DIGIT FIVE}0000"),
        GOOD.replace(" 2 ", " 222222222 "),
        GOOD[:-4] + "====",
        GOOD * 10000,
    ],
)
def test_anything_else_is_refused(text: object) -> None:
    assert from_text(GOOD).pieces == 2
    with pytest.raises(ValueError, match="facts"):
        from_text(text)
