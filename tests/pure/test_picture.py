# SPDX-License-Identifier: GPL-3.0-or-later
"""Colours of decoded pictures are Blender's, and what the network sees is made of the same."""

from fractions import Fraction

import av
import av.filter
import cv2
import numpy as np
import pytest

from inference import picture
from inference.picture import Decoded, Pixels
from inference.planes import planes

FORMATS = """yuv420p yuv422p yuv444p yuvj420p yuv420p10le yuv444p12le nv12 p010le gray pal8 yuva420p yuva444p12le ya8
gbrp gbrap gbrp10le rgb24 rgba rgb48le rgb555le"""
HEIGHT, WIDTH = 98, 161


def noise(name: str, height: int = HEIGHT, width: int = WIDTH) -> av.VideoFrame:
    """A frame of a format, of random bytes."""
    random = np.random.default_rng(8)
    frame = av.VideoFrame(width, height, name)
    for plane in frame.planes:
        plane.update(random.integers(0, 256, plane.buffer_size // 2 * 2, np.uint8).tobytes()[: plane.buffer_size])
    frame.time_base = Fraction(1, 25)
    return frame


def smooth(name: str, height: int, width: int) -> av.VideoFrame:
    """A frame of 8 bits in luma and chroma, of colours that are all between black and white and nowhere change fast."""
    frame = av.VideoFrame(width, height, name)
    for number, plane in enumerate(planes(frame)):
        y, x = np.mgrid[: plane.shape[0], : plane.shape[1]] / np.array(plane.shape)[:, None, None]
        plane[:] = np.rint(128 + (40 if number == 0 else 20) * np.sin(5 * x + 3 * number) * np.cos(4 * y - number))
    return frame


def decoded(frame: av.VideoFrame, channels: int = 3, turn: int = 0) -> Decoded:
    return Decoded(frame, (frame.height, frame.width), channels, turn)


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("name", FORMATS.split())
def test_colour_is_the_same_by_planes(name: str, channels: int) -> None:
    """The bits are those of swscale's RGB with samples side by side, which Blender shows."""
    frame = noise(name)
    graph = av.filter.Graph()
    options = f"{WIDTH}:{HEIGHT}:{picture.CONVERSION}"
    if not frame.format.is_rgb:
        options += f":in_color_matrix=bt601:in_range={'full' if name.startswith('yuvj') else 'limited'}"
    graph.link_nodes(
        graph.add_buffer(width=WIDTH, height=HEIGHT, format=frame.format, time_base=frame.time_base),
        graph.add("scale", options),
        graph.add("format", {3: "rgb24", 4: "rgba"}[channels]),
        graph.add("buffersink"),
    )
    graph.configure()
    graph.vpush(frame)
    wanted = graph.vpull().to_ndarray()
    found = decoded(frame, channels)
    assert len(found.planes()) == channels
    assert found.pixels().flags.c_contiguous
    np.testing.assert_array_equal(found.pixels(), wanted)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
@pytest.mark.parametrize("matrix", [1, 5, 9])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("name", ["yuv420p", "yuvj420p", "yuv422p", "yuv444p", "yuva420p"])
def test_the_network_sees_the_colours_of_the_image(name: str, full: bool, matrix: int, turn: int) -> None:
    """Of a picture at once reduced, and of a part of it, as of the same with its colours made before. A wrong matrix,
    range or turn is off by 10 and more."""
    frame = smooth(name, 270, 482)
    frame.colorspace = matrix
    frame.color_range = picture.FULL_RANGE if full else 1
    at_once = decoded(frame, turn=turn)
    before = Pixels(at_once.pixels())
    assert (at_once.height, at_once.width) == (before.height, before.width)
    assert at_once.in_luma
    for part in (None, (slice(31, 200), slice(60, 241)), (slice(0, 268), slice(1, 100))):
        found, wanted = at_once.reduced(90, 160, part), before.reduced(90, 160, part)
        assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype) == ((3, 90, 160), np.float32)
        assert np.abs(found - wanted).mean() < 0.4
        assert np.abs(found - wanted).max() < 3


def test_ten_bits_are_seen_as_bright_as_eight() -> None:
    eight = smooth("yuv420p", 270, 482)
    ten = av.VideoFrame(482, 270, "yuv420p10le")
    for plane, other in zip(planes(ten, "<u2"), planes(eight), strict=True):
        plane[:] = 4 * other.astype(np.uint16)
    np.testing.assert_allclose(decoded(ten).reduced(90, 160), decoded(eight).reduced(90, 160), atol=0.1)


def test_what_is_brighter_than_white_or_no_colour_is_clipped() -> None:
    """Noise, without what is so far beyond that swscale's integers overflow."""
    frame = noise("yuv444p")
    for chroma in planes(frame)[1:]:
        np.clip(chroma, 64, 192, out=chroma)
    found = decoded(frame).reduced(HEIGHT, WIDTH)
    assert found.min() == 0
    assert 255 <= found.max() < 256
    np.testing.assert_allclose(found, decoded(frame).pixels().transpose(2, 0, 1), atol=2)


@pytest.mark.parametrize("name", ["nv12", "yuyv422", "gray", "pal8", "gbrp", "rgb24", "ya8"])
def test_other_formats_are_told_apart(name: str) -> None:
    assert not decoded(noise(name)).in_luma


def test_a_picture_of_another_size_than_its_movie() -> None:
    found = Decoded(smooth("yuv420p", 270, 482), (135, 241), 3, 0)
    assert not found.in_luma
    assert found.pixels().shape == (135, 241, 3)


@pytest.mark.parametrize("name", ["yuv420p", "yuv420p10le"])
def test_pictures_are_the_same_only_in_all_samples(name: str) -> None:
    one, two = decoded(noise(name)), decoded(noise(name))
    assert one.same(two)
    assert one.same(one)
    planes(two._frame, "<u2" if "10" in name else "u1")[2][-1, -1] ^= 1
    assert not one.same(two)
    assert not one.same(decoded(noise(name, HEIGHT, WIDTH + 2)))
    assert not one.same(Pixels(one.pixels()))
    assert not one.same(decoded(noise(name), turn=180))


def test_pixels_are_the_same_only_in_all_samples() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (90, 160, 4), np.uint8)
    other = pixels.copy()
    assert Pixels(pixels).same(Pixels(other))
    other[3, 4, 3] ^= 1
    assert not Pixels(pixels).same(Pixels(other))
    assert not Pixels(pixels).same(Pixels(pixels[..., :3]))
    np.testing.assert_array_equal(cv2.merge(Pixels(pixels).planes()), pixels)
