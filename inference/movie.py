# SPDX-License-Identifier: GPL-3.0-or-later
"""Movies as Blender sees them: their size, rate and length, and the picture behind each source frame.

Blender numbers source frames by time, not by counting pictures: frame `k` shows the picture whose time stamp holds
`k / fps`. A phone's variable rate, dropped frames and cuts make those two differ: everything here goes by time stamps.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import math
import os
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np
from av.error import FFmpegError

from .errors import MatteError
from .picture import ROTATIONS, Decoded, Picture, Pixels

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream
    from av.video.codeccontext import VideoCodecContext
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

# Seeking is worth its cost only past this many source frames: a long movie of which a late piece is wanted.
SEEK_FROM = 120
# Seconds without a new picture that a whole file may have at its end: a screen recorder's pause.
LONGEST_PICTURE = 3
# Source frames that releases of FFmpeg may count differently in one file (docs/frames.md), and one more.
COUNTED = 2
ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
# FFmpeg reads these by their index, so that a seek lands on a key frame at or before the wanted time. In streams
# without one (mpg, ts) it may land anywhere: they are read from the start.
SEEKABLE = frozenset({"mov", "mp4", "matroska", "webm"})
# Containers in which FFmpeg finds a "video" in any text or picture.
NOT_MOVIES = frozenset({"tty", "bintext", "xbin", "adf", "idf", "image2", "lrc"})
# Of FFmpeg's AVColorTransferCharacteristic and AVColorPrimaries (ITU-T H.273), those that a file must be tagged with.
HDR = {16: "PQ", 18: "HLG"}
WIDE = {9: "BT.2020", 11: "DCI-P3", 12: "Display P3"}


class MovieError(MatteError):
    """A movie that cannot be read, in a sentence for the editor."""


class OutOfReachError(MovieError):
    """A movie that can not be read now, and perhaps in a moment: its drive or share has dropped out."""


@dataclass(frozen=True)
class Movie:
    """What Blender says of a movie file.

    `width` and `height` are pixels as shown, rotation applied. `fps` is source frames a second. `frames` is the length
    in source frames, which are numbered 0 to `frames - 1`. `container` and `codec` are FFmpeg's names, `bits` those of
    a colour. `alpha` is true where the pictures have transparency of their own, `turned` where the file asks to be
    shown turned. `beyond` says in words what its colours are that an untagged picture of 8 bits a channel can not hold;
    empty where it can. `warnings` are sentences about what may not be exact.
    """

    path: str
    width: int
    height: int
    fps: Fraction
    frames: int
    container: str = ""
    codec: str = ""
    bits: int = 8
    alpha: bool = False
    turned: bool = False
    beyond: str = ""
    warnings: tuple[str, ...] = ()


def probe(path: str, upright: bool = True) -> Movie:
    """Read a movie's size, rate and length; raise MovieError, with a sentence, for a file that shows no picture.

    A file is read once as long as it does not change.
    `upright` as in `decode`. The length is FFmpeg 8's, as in Blender 5.2; earlier releases, with an earlier FFmpeg, may
    say one frame less of a file whose pictures start after its sound.
    """
    found = _probed(path, upright, state(path))
    if isinstance(found, MovieError):
        raise found.with_traceback(None)  # which would grow each time
    return found


def check_end(found: Movie, frames: Iterable[int]) -> tuple[str, ...]:
    """MatteError where source frames are wanted that lie past a movie's end by more than releases count differently; a
    warning where they lie past it by less.

    Blender keeps a strip's length when its file is written anew, shorter, and shows magenta there: nothing can be
    matted.
    """
    last = max(frames, default=0)
    if last < found.frames:
        return ()
    lacking = f'"{found.path}" has {found.frames} frames now, and frame {last + 1} is wanted'
    if last >= found.frames + COUNTED:
        raise MatteError(f"{lacking}: use Strip > Reload Strips and Adjust Length, or trim the strip")
    return (f"{lacking}: its matte is made of the last picture",)


def state(path: str) -> tuple[int, ...]:
    """What changes where a file is written anew; empty where there is none."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return ()
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


@functools.lru_cache(maxsize=64)
def _probed(path: str, upright: bool, _changed: tuple[int, ...]) -> Movie | MovieError:
    """A panel asks at every redraw, and a job several times: decoding a picture takes longer than matting one."""
    try:
        return _read(path, upright)
    except OutOfReachError:
        raise  # and is asked again, for the file has not changed once it is back
    except MovieError as error:
        return error


def _read(path: str, upright: bool) -> Movie:
    with _opened(path) as (container, stream):
        stream.thread_type = "NONE"  # frame threads begin with several pictures, and one is wanted
        fps = _rate(path, stream)
        frames = _length(container, stream, fps)
        if frames < 1:
            # Blender, too, shows one black frame of these.
            raise MovieError(
                f'"{path}" does not say how long it is (a recording that was not closed): convert it to MP4'
            )
        first = _Reader(container, stream).any()
        if first is None:
            raise MovieError(_no_picture(path))
        width, height = stream.codec_context.width, stream.codec_context.height
        if upright and _turn(first) in (90, 270):
            width, height = height, width
        return Movie(
            path,
            width,
            height,
            fps,
            frames,
            container.format.name,
            stream.codec_context.name,
            _bits(first),
            _has_alpha(first),
            _turn(first) != 0,
            _beyond(first),
            _missing_end(path, stream),
        )


def decode(
    path: str,
    frames: Iterable[int],
    channels: int = 3,
    upright: bool = True,
    tell: Callable[[str], None] | None = None,
) -> Generator[tuple[int, np.ndarray], None, None]:
    """As `pictures`, with each picture's pixels: height x width x `channels`, uint8. Two frames may share one array:
    copy it before writing into it."""
    last, pixels = None, np.empty(0)
    with contextlib.closing(pictures(path, frames, channels, upright, tell)) as shown:
        for frame, picture in shown:
            if picture is not last:
                last, pixels = picture, picture.pixels()
            yield frame, pixels


def pictures(
    path: str,
    frames: Iterable[int],
    channels: int = 3,
    upright: bool = True,
    tell: Callable[[str], None] | None = None,
) -> Generator[tuple[int, Picture], None, None]:
    """Yield (source frame, picture) for ascending source frames, in one pass forward.

    A picture is sRGB-coded RGB or, with 4 `channels`, RGBA with straight alpha. `upright` turns it as the file asks,
    which Blender does since 4.4. Two frames may share one picture. Frames past the last picture repeat it, as in
    Blender. Damaged pictures are passed over, and when the last frame is done `tell` is given a sentence about it.
    close() lets go of the file.
    """
    wanted = iter(frames)
    following = next(wanted, None)
    if following is None:
        return
    with _opened(path) as (container, stream):
        clock = _Clock(stream, _rate(path, stream))
        reader = _Reader(container, stream)
        shown = _Shown(reader.pictures_for(clock, following), clock)
        size = stream.codec_context.height, stream.codec_context.width
        latest: VideoFrame | None = None
        while following is not None:
            frame, before = following, latest
            latest = shown.at(frame)
            if latest is None:
                raise MovieError(_no_picture(path))
            if latest is not before:
                decoded = Decoded(latest, size, channels, _turn(latest) if upright else 0)
                picture = decoded if decoded.in_luma else Pixels(decoded.pixels())
            yield frame, picture
            following = next(wanted, None)
            if following is not None and following < frame:
                raise ValueError(f"source frames must ascend: {following} after {frame}")
        if tell is not None and reader.damaged:
            tell(f'"{path}" is damaged: {reader.damaged} of its packets gave no picture, and the one before is shown')
        if tell is not None and clock.seconds_past(latest, frame) > LONGEST_PICTURE:
            tell(f'"{path}" has no more pictures long before its end: source frames up to {frame} repeat the last')


class _Clock:
    """Time stamps of one stream: from source frames, and of pictures, both in the stream's time base."""

    def __init__(self, stream: VideoStream, fps: Fraction) -> None:
        self.start = stream.start_time or 0
        # AVI stores no presentation times. FFmpeg 8 makes some up for these codecs, which Blender's FFmpeg does not.
        self._by_packet = stream.container.format.name == "avi" and stream.codec_context.name in ("h264", "hevc")
        # Blender multiplies and rounds in double precision. An exact fraction would round the ties of 1 ms containers
        # the other way now and then.
        self._time_base = float(stream.time_base)
        step = 1 / (fps * stream.time_base)
        self._step = step.numerator / step.denominator

    def of_frame(self, frame: int) -> int:
        """The time stamp that Blender looks for when it shows this source frame."""
        position = frame * self._step
        whole = math.floor(position)
        return self.start + whole + (position - whole >= 0.5)

    def of_picture(self, picture: VideoFrame) -> int:
        """The picture's presentation time, or where it has none (AVI) the decoding time of its packet."""
        if picture.pts is not None and not self._by_packet:
            return picture.pts
        return picture.dts if picture.dts is not None else self.start

    def seconds_past(self, picture: VideoFrame, frame: int) -> float:
        """How long a picture has been standing when a source frame is shown."""
        return (self.of_frame(frame) - self.of_picture(picture)) * self._time_base


class _Shown:
    """Which picture is seen at a source frame: the last one whose time has come."""

    def __init__(self, pictures: Iterator[VideoFrame], clock: _Clock) -> None:
        self._pictures = pictures
        self._clock = clock
        self._before: VideoFrame | None = None
        self._latest = next(pictures, None)

    def at(self, frame: int) -> VideoFrame | None:
        """The picture of a source frame, not smaller than the one asked before; None if there is no picture at all."""
        target = self._clock.of_frame(frame)
        while self._latest is not None and self._clock.of_picture(self._latest) < target:
            self._before, self._latest = self._latest, next(self._pictures, None)
        if self._latest is None:
            return self._before
        if self._before is not None and self._clock.of_picture(self._before) <= target < self._clock.of_picture(
            self._latest
        ):
            return self._before
        return self._latest


@contextlib.contextmanager
def _opened(path: str) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a movie's first video stream, the one that Blender takes; close the file on leaving. OutOfReachError where
    the system can not read the file, now or later on."""
    try:
        with _stream(path) as opened:
            yield opened
    except OSError as error:  # FFmpeg's are among them
        raise OutOfReachError(
            f'"{path}" can not be read now: {error.strerror}. Bring its drive or share back, and try again. '
            "Whole frames are kept"
        ) from error


@contextlib.contextmanager
def _stream(path: str) -> Iterator[tuple[InputContainer, VideoStream]]:
    """As `_opened`, with the system's errors as they are."""
    _check_file(path)
    try:
        # "file:" keeps a colon in a name from being taken for a protocol. Titles may be in any coding, and nobody asks.
        container = av.open("file:" + path, metadata_errors="replace")
    except OSError:
        raise
    except (FFmpegError, UnicodeError, ValueError) as error:
        raise MovieError(_why_unreadable(path)) from error
    with container:
        if not container.streams.video or NOT_MOVIES.intersection(container.format.name.split(",")):
            raise MovieError(_why_unreadable(path, sound=bool(container.streams.audio)))
        stream = container.streams.video[0]
        if stream.disposition & av.stream.Disposition.attached_pic:
            raise MovieError(_why_unreadable(path, sound=True))
        if stream.codec_context is None:
            raise MovieError(f'"{path}" is of a kind that can not be decoded here: convert it to MP4')
        # Pictures that frame threads still hold are lost where the last packet is damaged.
        stream.thread_type = "SLICE" if _missing_end(path, stream) else "AUTO"
        yield container, stream


def _check_file(path: str) -> None:
    """Raise MovieError for what need not be opened to see that it is no movie."""
    try:
        path.encode()
    except UnicodeEncodeError as error:
        shown = path.encode(errors="surrogateescape").decode(errors="replace")
        raise MovieError(f'The name of "{shown}" is not valid UTF-8: rename the file or its folder') from error
    if "\0" in path:
        raise MovieError(f"The name of {path!r} holds a null character: choose the file again")
    if os.path.isdir(path):
        raise MovieError(f'"{path}" is a folder: choose a movie file')
    if not os.path.isfile(path):
        raise MovieError(f'"{path}" is missing: put the file back, or choose another file')
    if not os.access(path, os.R_OK):
        raise MovieError(f'"{path}" may not be read: change its permissions')
    if os.path.getsize(path) == 0:
        raise MovieError(f'"{path}" is empty: copy or record it again')


def _no_picture(path: str) -> str:
    return f'"{path}" holds no picture that can be decoded: replace the file, or convert it again'


def _why_unreadable(path: str, sound: bool = False) -> str:
    """Say why FFmpeg finds no movie in a file, from what can be seen in its first bytes."""
    if sound:
        return f'"{path}" holds sound only: choose a movie with pictures'
    with open(path, "rb") as file:
        head = file.read(12)
    if head[4:8] == b"ftyp":
        return f'"{path}" breaks off before its index (recording or copy was cut short): copy it again, or repair it'
    return f'"{path}" is not a movie, or is damaged at its start: choose another file, or convert it to MP4'


def _rate(path: str, stream: VideoStream) -> Fraction:
    """Source frames a second, as FFmpeg guesses them from the stream, which is what Blender takes."""
    fps = stream.guessed_rate
    if not fps or not stream.time_base:
        raise MovieError(f'"{path}" has no frame rate: convert it to MP4 or MOV')
    return fps


def _length(container: InputContainer, stream: VideoStream, fps: Fraction) -> int:
    """Blender's length in source frames: by the stream's duration, else the file's, else the count that it states."""
    if stream.duration is not None:
        seconds = float(stream.duration * stream.time_base)
    elif container.duration is not None:
        # Where the picture starts after the sound, the file's duration holds that gap too.
        gap = _start(stream) - (_start(container.streams.audio[0]) if container.streams.audio else 0.0)
        seconds = container.duration / av.time_base - max(gap, 0.0)
    else:
        return stream.frames
    return math.floor(seconds * float(fps) + 0.5)


def _start(stream: Stream) -> float:
    return float((stream.start_time or 0) * stream.time_base)


class _Reader:
    """Decoded pictures of one stream, in the order in which the decoder gives them, past what cannot be decoded.

    `damaged` counts the packets that were passed over.
    """

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self._container = container
        self._stream = stream
        self._decoder = _decoder(stream)
        self.damaged = 0

    def pictures(self) -> Iterator[VideoFrame]:
        """The pictures from where the file stands."""
        for packet in self._packets():
            try:
                pictures = self._decoder.decode(packet)
            except FFmpegError:
                self.damaged += 1
                continue
            self.damaged += packet.is_corrupt
            yield from pictures

    def _packets(self) -> Iterator[Packet]:
        """The packets from where the file stands. OSError where it can not be read: that is no damage, and what would
        be shown in its place is not what the movie holds."""
        try:
            # PyAV, at the end, may come by streams that have begun in the middle of a transport stream.
            with contextlib.suppress(IndexError):
                yield from self._container.demux(self._stream)
        except OSError:
            raise
        except FFmpegError:  # nothing comes after it
            self.damaged += 1

    def any(self) -> VideoFrame | None:
        """One of the pictures where the file stands, for what is the same in all; None where there is none.

        A decoder holds its first picture back until it knows that no later one is shown before it, which takes several
        more. It is told that there are none. Where the first packet gives no picture, the others are asked.
        """
        packet = next(self._packets(), None)
        with contextlib.suppress(FFmpegError):
            if packet and (found := self._decoder.decode(packet) or self._decoder.decode(None)):
                return found[0]
        self._decoder.flush_buffers()
        return next(self.pictures(), None)

    def pictures_for(self, clock: _Clock, frame: int) -> Iterator[VideoFrame]:
        """The pictures from a key frame at or before the one that a source frame shows."""
        if frame < SEEK_FROM or SEEKABLE.isdisjoint(self._container.format.name.split(",")):
            return self.pictures()
        target = clock.of_frame(frame)
        # Containers seek by decoding time, which is earlier than the presentation time by the reordered pictures.
        self._seek(max(clock.of_frame(frame - 3), 0))
        pictures = self.pictures()
        first = next((picture for picture in pictures if picture.key_frame), None)
        if first is not None and clock.of_picture(first) <= target:
            return itertools.chain([first], pictures)
        self._seek(clock.start)
        return self.pictures()

    def _seek(self, time: int) -> None:
        self._container.seek(time, stream=self._stream)
        self._decoder.flush_buffers()


def _decoder(stream: VideoStream) -> VideoCodecContext:
    """What decodes a stream: for VP8 and VP9 with alpha another decoder, since FFmpeg's own leaves the alpha out."""
    name = ALPHA_DECODERS.get(stream.codec_context.name)
    if name is None or stream.metadata.get("alpha_mode") != "1":
        return stream.codec_context
    decoder = av.CodecContext.create(name, "r")
    decoder.width, decoder.height = stream.codec_context.width, stream.codec_context.height
    return decoder


def _missing_end(path: str, stream: VideoStream) -> tuple[str, ...]:
    """A warning where the file's index names pictures that lie past the file's end."""
    entries = stream.index_entries
    if not len(entries) or entries[-1].pos + entries[-1].size <= os.path.getsize(path):
        return ()
    return (
        f'"{path}" breaks off before its last picture (the copy was cut short): its last frames repeat one picture',
    )


def _bits(picture: VideoFrame) -> int:
    return max(component.bits for component in picture.format.components)


def _beyond(picture: VideoFrame) -> str:
    """What a picture's colours are that an untagged one of 8 bits a channel can not hold; empty where it can."""
    transfer, primaries = HDR.get(picture.color_trc), WIDE.get(picture.color_primaries)
    reasons = [f"HDR ({transfer})"] if transfer else []
    reasons += [f"the wide gamut of {primaries}"] if primaries else []
    reasons += [f"{_bits(picture)} bits a channel"] if _bits(picture) > 8 else []
    return " and ".join(filter(None, (", ".join(reasons[:-1]), *reasons[-1:])))


def _has_alpha(picture: VideoFrame) -> bool:
    return any(component.is_alpha for component in picture.format.components)


def _turn(picture: VideoFrame) -> int:
    """Degrees clockwise by which the file asks its pictures to be shown turned: 0, 90, 180 or 270; 0 for any other."""
    turn = -picture.rotation % 360
    return turn if turn in ROTATIONS else 0
