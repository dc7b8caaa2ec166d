# SPDX-License-Identifier: GPL-3.0-or-later
"""Small clips whose pictures carry their number, as cameras, phones, recorders and accidents make them.

`CLIPS` is the list; `make(name)` writes one file and returns its path; `number_in(picture)` reads the number back after
compression. Every clip is made anew from fixed numbers: nothing here is random.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame

WIDTH, HEIGHT = 160, 96
# The code: 4 x 4 cells, read row by row. The corners say which way up the picture is; the others are the bits.
CELLS = 4
CORNERS = {(0, 0): True, (0, 3): False, (3, 0): False, (3, 3): False}
BITS = [(row, column) for row in range(CELLS) for column in range(CELLS) if (row, column) not in CORNERS]
DARK, LIGHT = 30, 220
COLOURS = ((120, 0, 160), (180, 0, 40), (30, 0, 30), (50, 0, 200), (90, 0, 90))

H264 = {"preset": "veryfast", "crf": "20", "g": "12", "bf": "2", "threads": "1"}
HEVC = {"preset": "ultrafast", "crf": "20", "x265-params": "log-level=error:keyint=12:bframes=2:pools=1"}
MPEG = {"g": "12", "bf": "2", "qmin": "2", "qmax": "4"}
VPX = {"crf": "10", "b": "0", "g": "12", "cpu-used": "8", "deadline": "realtime"}


def picture_of(number: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """The picture of a number from 0 to 4095: height x width x 3, uint8, RGB. Only green tells light from dark: red and
    blue go their own ways, so that a wrong colour matrix is seen as well."""
    cells = np.full((CELLS, CELLS, 3), DARK, np.uint8)
    for row in range(CELLS):
        for column in range(CELLS):
            cells[row, column] = COLOURS[(row + column) % len(COLOURS)]
    cells[..., 1] = DARK
    cells[0, 0, 1] = LIGHT
    for bit, cell in enumerate(BITS):
        if number >> bit & 1:
            cells[cell] = LIGHT, LIGHT, LIGHT - 40 * (bit % 3)
    rows = np.arange(height) * CELLS // height
    columns = np.arange(width) * CELLS // width
    return cells[rows][:, columns]


def number_in(picture: np.ndarray) -> int | None:
    """The number of a picture (height x width x 3, uint8); None where it cannot be read or does not stand upright."""
    height, width = picture.shape[:2]
    light: dict[tuple[int, int], float] = {}
    for row in range(CELLS):
        for column in range(CELLS):
            # The middle half of each cell: edges blur.
            top, left = (row * 4 + 1) * height // (CELLS * 4), (column * 4 + 1) * width // (CELLS * 4)
            cell = picture[top : top + height // (CELLS * 2), left : left + width // (CELLS * 2), 1]
            light[row, column] = float(cell.mean())
    middle = (DARK + LIGHT) / 2
    if any(abs(value - middle) < 35 for value in light.values()):
        return None
    if any((light[corner] > middle) != is_light for corner, is_light in CORNERS.items()):
        return None
    return sum(1 << bit for bit, cell in enumerate(BITS) if light[cell] > middle)


@dataclass(frozen=True)
class Recipe:
    """How a file is encoded. `times` are presentation times in ticks of `tick` seconds, one a picture."""

    times: Sequence[int]
    tick: Fraction
    rate: Fraction
    codec: str = "libx264"
    pix_fmt: str = "yuv420p"
    options: dict[str, str] = field(default_factory=lambda: dict(H264))
    muxer: str | None = None
    muxer_options: dict[str, str] = field(default_factory=dict)
    size: tuple[int, int] = (WIDTH, HEIGHT)
    rotation: int = 0
    pixel_aspect: Fraction | None = None
    alpha: bool = False
    matrix: int | None = None  # FFmpeg's AVColorSpace, as the file states it


@dataclass(frozen=True)
class Clip:
    """A file of the list: its name with suffix, what it stands for, and what writes it."""

    name: str
    about: str
    write: Callable[[Path], None]


def make(name: str, folder: Path | None = None) -> Path:
    """Write a clip of the list, unless it is there, and return its path."""
    clip, folder = BY_NAME[name], folder or home()
    path = folder / clip.name
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f"unfinished_{os.getpid()}_{clip.name}")
        clip.write(unfinished)
        # Another process of the tests may have written it meanwhile, and be at work with it.
        if path.exists():
            unfinished.unlink()
        else:
            unfinished.rename(path)
    return path


def encode(recipe: Recipe, path: Path) -> None:
    """Write a file with one picture for each of the recipe's times, numbered from 0."""
    with av.open(str(path), "w", format=recipe.muxer, options=recipe.muxer_options) as container:
        stream = container.add_stream(recipe.codec, rate=recipe.rate, options=dict(recipe.options))
        width, height = recipe.size
        if recipe.rotation in (90, 270):
            width, height = height, width
        stream.width, stream.height, stream.pix_fmt = width, height, recipe.pix_fmt
        stream.codec_context.time_base = recipe.tick
        if recipe.matrix is not None:
            stream.codec_context.colorspace = recipe.matrix
        if recipe.pixel_aspect:
            stream.codec_context.sample_aspect_ratio = recipe.pixel_aspect
        if recipe.rotation:
            # FFmpeg counts a display matrix counterclockwise, a player's "rotate" clockwise.
            stream.set_display_rotation(-recipe.rotation)
        for number, time in enumerate(recipe.times):
            container.mux(stream.encode(_frame(recipe, number, time)))
        container.mux(stream.encode(None))


def _frame(recipe: Recipe, number: int, time: int) -> VideoFrame:
    pixels = picture_of(number, *recipe.size)
    if recipe.rotation:
        # Stored lying, so that turning it clockwise by the rotation sets it upright.
        pixels = np.ascontiguousarray(np.rot90(pixels, recipe.rotation // 90))
    if recipe.alpha:
        alpha = np.full(pixels.shape[:2], 255, np.uint8)
        alpha[: alpha.shape[0] // 2] = 128
        frame = VideoFrame.from_ndarray(np.dstack([pixels, alpha]), "rgba")
    else:
        frame = VideoFrame.from_ndarray(pixels, "rgb24")
    frame = frame.reformat(format=recipe.pix_fmt, dst_colorspace=recipe.matrix)
    frame.pts, frame.time_base = time, recipe.tick
    return frame


@dataclass(frozen=True)
class Stamp:
    """A packet that is copied: its index in decoding order, its times, and whether it is a key frame."""

    index: int
    pts: int
    dts: int
    key: bool


def copy(
    source: Recipe,
    source_suffix: str,
    path: Path,
    stamp: Callable[[Stamp], tuple[int | None, int | None] | None],
    muxer_options: dict[str, str] | None = None,
) -> None:
    """Encode, then copy the packets into another file with the (pts, dts) that `stamp` gives; None drops a packet."""
    whole = path.with_name("whole_" + path.stem + source_suffix)
    encode(source, whole)
    with av.open(str(whole)) as old, av.open(str(path), "w", options=muxer_options or {}) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for index, packet in enumerate(packet for packet in old.demux(video=0) if packet.size):
            times = stamp(Stamp(index, packet.pts, packet.dts, packet.is_keyframe))
            if times is not None:
                packet.pts, packet.dts = times
                packet.stream = stream
                new.mux(packet)
    whole.unlink()


def steady(rate: Fraction | int, count: int = 48, start: Fraction | int = 0, **settings: object) -> Recipe:
    """A constant rate, one tick a picture; `start` in seconds, a whole number of pictures."""
    first = Fraction(start) * rate
    return Recipe(range(round(first), round(first) + count), 1 / Fraction(rate), Fraction(rate), **settings)  # type: ignore[arg-type]


# --- colours --------------------------------------------------------------------------------------------------------

# Codec, pixel format, and what the file says: matrix, primaries and transfer, numbers of ITU-T H.273.
COLOURS_OF = {
    "plain.mp4": ("libx264", "yuv420p", 1, 1, 1),
    "untagged.mp4": ("libx264", "yuv420p", 2, 2, 2),
    "pq.mp4": ("libx265", "yuv420p10le", 9, 9, 16),
    "hlg.mp4": ("libx265", "yuv420p10le", 9, 9, 18),
    "p3.mp4": ("libx264", "yuv420p", 1, 12, 1),
    "ten.mov": ("prores_ks", "yuv422p10le", 1, 1, 1),
}


def coloured(name: str, folder: Path) -> Path:
    """Write a clip of four pictures that says what its colours are, and return its path."""
    codec, pix_fmt, matrix, primaries, transfer = COLOURS_OF[name]
    options = {"libx264": H264, "libx265": HEVC}.get(codec, {})
    recipe = steady(25, 4, codec=codec, pix_fmt=pix_fmt, matrix=matrix if matrix != 2 else None)
    with av.open(str(folder / name), "w") as container:
        stream = container.add_stream(codec, rate=25, options=dict(options))
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, pix_fmt
        context = stream.codec_context
        context.colorspace, context.color_primaries, context.color_trc = matrix, primaries, transfer
        for number, time in enumerate(recipe.times):
            frame = _frame(recipe, number, time)
            frame.color_primaries, frame.color_trc = primaries, transfer
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return folder / name


# --- times of variable rates, in ticks -----------------------------------------------------------------------------


def phone_times() -> list[int]:
    """A phone at a nominal 30 a second, in 1/90000 s: every picture a little early or late, slower in a dark room."""
    times, now = [], 0
    for number in range(50):
        times.append(now + (number * 37 % 11 - 5) * 90)
        now += 3750 if 15 <= number < 35 else 3000
    return [time - times[0] for time in times]


def recorder_times() -> list[int]:
    """A screen recorder in ms: a picture when something moves, up to 60 a second, and pauses of up to 1.2 s."""
    gaps = [17, 16, 17, 33, 17, 450, 16, 17, 17, 50, 1200, 16, 17, 83, 17, 16, 17, 300, 17, 16]
    times = [0]
    for number in range(45):
        times.append(times[-1] + gaps[number % len(gaps)])
    return times


def two_rates_times() -> list[int]:
    """24 pictures at 24 a second, then 30 at 60 a second, in 1/600 s."""
    return [number * 25 for number in range(24)] + [600 + number * 10 for number in range(30)]


def dropped_times() -> list[int]:
    """30 a second with pictures missing: numbers stay in step with the pictures that are there."""
    missing = {3, 4, 11, 17, 18, 19, 20, 29, 41}
    return [tick for tick in range(56) if tick not in missing]


# --- accidents ------------------------------------------------------------------------------------------------------


def cut_short(recipe: Recipe, path: Path, keep: float) -> None:
    """Encode, and keep the first part of the file."""
    encode(recipe, path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])


def spoilt(recipe: Recipe, path: Path, picture: int = 20, length: int = 150) -> None:
    """Encode, and overwrite a stretch of the file from near one picture's packet on."""
    encode(recipe, path)
    with av.open(str(path)) as container:
        # MPEG-PS tells the place of a few packets only.
        places = {index: packet.pos for index, packet in enumerate(container.demux(video=0)) if packet.pos}
    begin = places[min(places, key=lambda index: abs(index - picture))] + 30
    data = bytearray(path.read_bytes())
    data[begin : begin + length] = bytes(number * 73 % 251 for number in range(length))
    path.write_bytes(data)


def patched(recipe: Recipe, path: Path, changes: Sequence[tuple[bytes, int, str, float]]) -> None:
    """Encode, and multiply header fields: (mark, offset from the mark's start, struct format, factor)."""
    encode(recipe, path)
    data = bytearray(path.read_bytes())
    for mark, offset, layout, factor in changes:
        at = data.index(mark) + offset
        (value,) = struct.unpack_from(layout, data, at)
        struct.pack_into(layout, data, at, int(value * factor))
    path.write_bytes(data)


def late_picture(path: Path) -> None:
    """Sound from 0 s, pictures from 2 s."""
    recipe = steady(25, start=2)
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25, options=dict(H264))
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        sound = container.add_stream("aac", rate=48000)
        for index in range(188):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            frame.sample_rate, frame.pts, frame.time_base = 48000, index * 1024, Fraction(1, 48000)
            container.mux(sound.encode(frame))
        for number, time in enumerate(recipe.times):
            container.mux(video.encode(_frame(recipe, number, time)))
        container.mux(video.encode(None))
        container.mux(sound.encode(None))


def sound_only(path: Path) -> None:
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", rate=48000)
        for index in range(50):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            frame.sample_rate, frame.pts, frame.time_base = 48000, index * 1024, Fraction(1, 48000)
            container.mux(sound.encode(frame))
        container.mux(sound.encode(None))


# --- the list -------------------------------------------------------------------------------------------------------


def _plain(name: str, about: str, recipe: Recipe) -> Clip:
    return Clip(name, about, lambda path: encode(recipe, path))


NTSC = {"23.976": Fraction(24000, 1001), "29.97": Fraction(30000, 1001), "59.94": Fraction(60000, 1001)}
RATES = {"1": 1, "12": 12, "24": 24, "25": 25, "30": 30, "120": 120} | NTSC
FASTSTART = {"movflags": "faststart"}

CLIPS: tuple[Clip, ...] = (
    *(_plain(f"rate_{name}.mp4", f"constant {name} a second", steady(Fraction(rate))) for name, rate in RATES.items()),
    # Variable rates
    _plain("phone.mp4", "variable, a phone", Recipe(phone_times(), Fraction(1, 90000), Fraction(30))),
    _plain(
        "phone.mov",
        "variable, a phone, 1/600 s",
        Recipe([time // 150 for time in phone_times()], Fraction(1, 600), Fraction(30)),
    ),
    _plain(
        "recorder.mkv", "variable, a screen recorder, 1 ms", Recipe(recorder_times(), Fraction(1, 1000), Fraction(60))
    ),
    _plain(
        "recorder.mp4",
        "variable, a screen recorder, 1/15360 s",
        Recipe([time * 15360 // 1000 for time in recorder_times()], Fraction(1, 15360), Fraction(60)),
    ),
    _plain("two_rates.mp4", "24 a second, then 60", Recipe(two_rates_times(), Fraction(1, 600), Fraction(24))),
    _plain(
        "two_rates.mkv",
        "24 a second, then 60, 1 ms",
        Recipe([round(time / 0.6) for time in two_rates_times()], Fraction(1, 1000), Fraction(24)),
    ),
    _plain("dropped.mp4", "30 a second, pictures missing", Recipe(dropped_times(), Fraction(1, 30), Fraction(30))),
    _plain(
        "dropped.mkv",
        "30 a second, pictures missing, 1 ms",
        Recipe([round(tick * 1000 / 30) for tick in dropped_times()], Fraction(1, 1000), Fraction(30)),
    ),
    # Cuts without encoding
    Clip(
        "cut_edit_list.mp4",
        "cut between key frames, with an edit list",
        lambda path: copy(
            steady(25), ".mp4", path, lambda at: (at.pts - 9216, at.dts - 9216) if at.pts >= 6144 else None
        ),
    ),
    Clip(
        "cut_key.mp4",
        "cut at a key frame, times kept",
        lambda path: copy(steady(25), ".mp4", path, lambda at: (at.pts, at.dts) if at.index >= 24 else None),
    ),
    Clip(
        "cut_key.mkv",
        "cut at a key frame, times kept",
        lambda path: copy(steady(25), ".mkv", path, lambda at: (at.pts, at.dts) if at.index >= 24 else None),
    ),
    Clip(
        "cut_between.mkv",
        "cut between key frames",
        lambda path: copy(steady(25), ".mkv", path, lambda at: (at.pts, at.dts) if at.index >= 17 else None),
    ),
    Clip(
        "cut_key.ts",
        "cut at a key frame",
        lambda path: copy(steady(25), ".ts", path, lambda at: (at.pts, at.dts) if at.index >= 24 else None),
    ),
    Clip(
        "cut_between.ts",
        "cut between key frames",
        lambda path: copy(steady(25), ".ts", path, lambda at: (at.pts, at.dts) if at.index >= 17 else None),
    ),
    # B-frames without presentation times
    _plain("b_frames.avi", "MPEG-4 with B-frames in AVI", steady(25, codec="mpeg4", options=dict(MPEG))),
    _plain("b_frames_h264.avi", "H.264 with B-frames in AVI", steady(25)),
    _plain("no_b_frames.avi", "MPEG-4 without B-frames in AVI", steady(25, codec="mpeg4", options=MPEG | {"bf": "0"})),
    Clip(
        "no_offsets.mp4",
        "B-frames without composition offsets",
        lambda path: copy(steady(25), ".mp4", path, lambda at: (at.dts, at.dts)),
    ),
    # Containers and codecs
    _plain("plain.ts", "MPEG-TS, H.264", steady(25)),
    _plain("mpeg2.ts", "MPEG-TS, MPEG-2", steady(25, codec="mpeg2video", options=dict(MPEG))),
    _plain("ntsc.ts", "MPEG-TS, H.264, 29.97", steady(NTSC["29.97"])),
    _plain("plain.mpg", "MPEG-PS, MPEG-2", steady(25, codec="mpeg2video", options=dict(MPEG))),
    _plain("mpeg1.mpg", "MPEG-PS, MPEG-1", steady(25, codec="mpeg1video", options=dict(MPEG))),
    _plain("ntsc.mpg", "MPEG-PS, MPEG-2, 29.97", steady(NTSC["29.97"], codec="mpeg2video", options=dict(MPEG))),
    _plain("plain.mkv", "Matroska, H.264, 25", steady(25)),
    _plain("ntsc.mkv", "Matroska, H.264, 29.97, 1 ms", steady(NTSC["29.97"])),
    _plain("film.mkv", "Matroska, H.264, 23.976, 1 ms", steady(NTSC["23.976"])),
    _plain("fast.mkv", "Matroska, H.264, 60, 1 ms", steady(60)),
    _plain("vp9.webm", "WebM, VP9", steady(30, codec="libvpx-vp9", options=dict(VPX))),
    _plain("vp8.webm", "WebM, VP8", steady(30, codec="libvpx", options=dict(VPX))),
    _plain("plain.mov", "QuickTime, H.264", steady(25)),
    _plain(
        "prores.mov",
        "QuickTime, ProRes 422, 10-bit",
        steady(24, 40, codec="prores_ks", pix_fmt="yuv422p10le", options={}),
    ),
    _plain(
        "mjpeg.mov",
        "QuickTime, Motion JPEG, full range",
        steady(24, 40, codec="mjpeg", pix_fmt="yuvj420p", options={"qmin": "2", "qmax": "4"}),
    ),
    _plain("plain.flv", "Flash video, H.264, 1 ms", steady(25)),
    _plain("wmv2.wmv", "Windows Media, 1 ms", steady(25, 40, codec="wmv2", options={"qmin": "2", "qmax": "4"})),
    _plain("plain.m2ts", "Blu-ray transport stream", steady(25, muxer_options={"mpegts_m2ts_mode": "1"})),
    _plain(
        "dnxhr.mxf",
        "MXF, DNxHR, 4:2:2",
        steady(25, 40, codec="dnxhd", pix_fmt="yuv422p", options={"profile": "dnxhr_hq"}, size=(320, 192)),
    ),
    _plain("raw.h264", "H.264 without a container", steady(25)),
    _plain("plain.gif", "GIF", steady(10, 40, codec="gif", pix_fmt="rgb8", options={})),
    _plain("full_range.mp4", "H.264, full range", steady(25, 40, pix_fmt="yuvj420p")),
    _plain("bt601.mp4", "H.264, says BT.601", steady(25, 40, matrix=5)),
    _plain("bt709.mp4", "H.264, says BT.709", steady(25, 40, matrix=1)),
    _plain("bt2020.mp4", "H.264, 10-bit, says BT.2020", steady(25, 40, pix_fmt="yuv420p10le", matrix=9)),
    _plain("chroma_422.mp4", "H.264, 4:2:2", steady(25, 40, pix_fmt="yuv422p")),
    _plain("chroma_444.mp4", "H.264, 4:4:4", steady(25, 40, pix_fmt="yuv444p")),
    _plain(
        "alpha_vp9.webm",
        "WebM, VP9 with alpha",
        steady(25, 40, codec="libvpx-vp9", pix_fmt="yuva420p", options=dict(VPX), alpha=True),
    ),
    _plain(
        "alpha_png.mov",
        "PNG with alpha in QuickTime",
        steady(25, 40, codec="png", pix_fmt="rgba", options={}, alpha=True),
    ),
    _plain(
        "mjpeg.avi",
        "AVI, Motion JPEG",
        steady(15, 40, codec="mjpeg", pix_fmt="yuvj422p", options={"qmin": "2", "qmax": "4"}),
    ),
    _plain("ffv1.mkv", "Matroska, FFV1", steady(25, 40, codec="ffv1", options={})),
    _plain(
        "alpha.mov",
        "QuickTime animation with alpha",
        steady(25, 40, codec="qtrle", pix_fmt="argb", options={}, alpha=True),
    ),
    _plain(
        "alpha_prores.mov",
        "ProRes 4444 with alpha",
        steady(25, 40, codec="prores_ks", pix_fmt="yuva444p10le", options={}, alpha=True),
    ),
    _plain("hevc.mp4", "HEVC, 8-bit", steady(25, codec="libx265", options=dict(HEVC))),
    _plain("hevc_10.mp4", "HEVC, 10-bit", steady(25, codec="libx265", pix_fmt="yuv420p10le", options=dict(HEVC))),
    _plain("h264_10.mkv", "H.264, 10-bit", steady(25, pix_fmt="yuv420p10le")),
    _plain(
        "open_gop.mp4",
        "H.264, open groups of pictures",
        steady(25, options=H264 | {"x264-params": "open-gop=1:bframes=3:b-adapt=0"}),
    ),
    _plain("long.mp4", "400 pictures, key frames 50 apart", steady(25, 400, options=H264 | {"g": "50"})),
    _plain(
        "long.mkv",
        "400 pictures at 29.97, 1 ms, key frames 50 apart",
        steady(NTSC["29.97"], 400, options=H264 | {"g": "50"}),
    ),
    # Start times
    _plain("start_2s.mp4", "starts at 2 s", steady(25, start=2)),
    _plain("start_2s.mkv", "starts at 2 s", steady(25, start=2)),
    _plain("start_5s.mov", "starts at 5 s", steady(24, start=5)),
    _plain("start_100s.ts", "starts at 100 s", steady(30, start=100)),
    Clip("start_late.mp4", "sound from 0 s, pictures from 2 s", late_picture),
    Clip("start_late.mkv", "sound from 0 s, pictures from 2 s", late_picture),
    # Shapes
    *(
        _plain(f"turned_{degrees}.mp4", f"turned by {degrees} degrees", steady(25, 40, rotation=degrees))
        for degrees in (90, 180, 270)
    ),
    _plain("odd_size.webm", "161 x 97", steady(25, codec="libvpx-vp9", options=dict(VPX), size=(161, 97))),
    _plain("odd_size.mp4", "161 x 97, 4:4:4", steady(25, pix_fmt="yuv444p", size=(161, 97))),
    _plain("anamorphic.mp4", "pixels 16:11", steady(25, pixel_aspect=Fraction(16, 11))),
    _plain(
        "interlaced.ts",
        "interlaced MPEG-2",
        steady(25, codec="mpeg2video", options=MPEG | {"flags": "+ildct+ilme"}),
    ),
    _plain(
        "interlaced.mp4",
        "interlaced H.264",
        steady(25, options=H264 | {"x264-params": "interlaced=1:tff=1"}),
    ),
    # Headers that lie
    Clip(
        "duration_double.mp4",
        "its header says twice the length",
        lambda path: patched(steady(25), path, [(b"mdhd", 20, ">I", 2), (b"mvhd", 20, ">I", 2)]),
    ),
    Clip(
        "duration_half.mp4",
        "its header says half the length",
        lambda path: patched(steady(25), path, [(b"mdhd", 20, ">I", 0.5), (b"mvhd", 20, ">I", 0.5)]),
    ),
    Clip(
        "count_triple.avi",
        "its header says three times the pictures",
        lambda path: patched(
            steady(25, codec="mpeg4", options=MPEG | {"bf": "0"}),
            path,
            [(b"avih", 24, "<I", 3), (b"strh", 40, "<I", 3)],
        ),
    ),
    Clip(
        "count_half.avi",
        "its header says half the pictures",
        lambda path: patched(
            steady(25, codec="mpeg4", options=MPEG | {"bf": "0"}),
            path,
            [(b"avih", 24, "<I", 0.5), (b"strh", 40, "<I", 0.5)],
        ),
    ),
    _plain("live.mkv", "a live recording: no length, no index", steady(25, muxer_options={"live": "1"})),
    _plain("fragments.mp4", "fragmented MP4", steady(25, muxer_options={"movflags": "frag_keyframe+empty_moov"})),
    # Damage
    Clip(
        "cut_short.mp4",
        "index first, last third missing",
        lambda path: cut_short(steady(25, muxer_options=dict(FASTSTART)), path, 0.66),
    ),
    Clip("cut_short.mkv", "last third missing", lambda path: cut_short(steady(25), path, 0.66)),
    Clip("cut_short.ts", "last third missing", lambda path: cut_short(steady(25), path, 0.66)),
    Clip(
        "cut_short.avi",
        "last third missing",
        lambda path: cut_short(steady(25, codec="mpeg4", options=MPEG | {"bf": "0"}), path, 0.66),
    ),
    Clip(
        "spoilt.mp4",
        "150 bytes overwritten in the middle",
        lambda path: spoilt(steady(25, muxer_options=dict(FASTSTART)), path),
    ),
    Clip(
        "spoilt.mkv",
        "150 bytes overwritten in the middle",
        lambda path: spoilt(steady(25, muxer_options={"cluster_time_limit": "400"}), path),
    ),
    Clip("spoilt.ts", "150 bytes overwritten in the middle", lambda path: spoilt(steady(25), path)),
    Clip(
        "spoilt.mpg",
        "150 bytes overwritten in the middle",
        lambda path: spoilt(steady(25, codec="mpeg2video", options=dict(MPEG)), path),
    ),
    Clip(
        "spoilt_key.mp4",
        "a key frame overwritten",
        lambda path: spoilt(steady(25, muxer_options=dict(FASTSTART)), path, 24, 400),
    ),
    Clip(
        "spoilt.avi",
        "150 bytes overwritten in the middle",
        lambda path: spoilt(steady(25, codec="mpeg4", options=MPEG | {"bf": "0"}), path),
    ),
)

BY_NAME = {clip.name: clip for clip in CLIPS}


def home() -> Path:
    """The folder for the clips, another one for each version of this file."""
    source = Path(__file__)
    digest = hashlib.sha256(source.read_bytes()).hexdigest()[:8]
    return source.parents[1] / "build" / "clips" / f"numbered_{digest}"
