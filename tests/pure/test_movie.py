# SPDX-License-Identifier: GPL-3.0-or-later
"""Movies read by Blender's frame numbers. tests/blender/test_frames.py compares them with Blender itself."""

import errno
import os
import shutil
import threading
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import clips
import numpy as np
import pytest

from inference import MatteError, movie


def numbers(path: Path, frames: range) -> list[int | None]:
    return [clips.number_in(picture) for _, picture in movie.decode(str(path), frames)]


@pytest.mark.parametrize(
    ("name", "fps"),
    [
        ("rate_1.mp4", Fraction(1)),
        ("rate_23.976.mp4", Fraction(24000, 1001)),
        ("rate_59.94.mp4", Fraction(60000, 1001)),
        ("rate_120.mp4", Fraction(120)),
        ("ntsc.mkv", Fraction(30000, 1001)),
        ("plain.ts", Fraction(25)),
        ("start_5s.mov", Fraction(24)),
        ("hevc_10.mp4", Fraction(25)),
        ("vp9.webm", Fraction(30)),
    ],
)
def test_a_constant_rate_shows_every_picture_once(name: str, fps: Fraction) -> None:
    path = clips.make(name)
    found = movie.probe(str(path))
    assert (found.fps, found.frames, found.warnings) == (fps, 48, ())
    assert numbers(path, range(48)) == list(range(48))


def test_a_picture_stays_until_the_next_is_due() -> None:
    path = clips.make("dropped.mp4")
    ticks = clips.dropped_times()
    due = [sum(tick <= frame for tick in ticks) - 1 for frame in range(56)]
    assert numbers(path, range(56)) == due
    # Past the end the last picture stays.
    assert numbers(path, range(54, 60)) == due[54:] + [due[-1]] * 4


def test_avi_without_presentation_times_is_late_as_in_blender() -> None:
    assert numbers(clips.make("b_frames.avi"), range(6)) == [0, 0, 1, 2, 3, 4]
    assert numbers(clips.make("b_frames_h264.avi"), range(6)) == [0, 0, 0, 1, 2, 3]


@pytest.mark.parametrize("name", ["long.mp4", "long.mkv", "open_gop.mp4", "phone.mp4", "recorder.mkv", "plain.ts"])
def test_a_late_piece_shows_what_the_whole_shows(name: str) -> None:
    path = clips.make(name)
    length = movie.probe(str(path)).frames
    whole = numbers(path, range(length))
    for start in range(0, length, 37):
        assert numbers(path, range(start, min(start + 3, length))) == whole[start : start + 3]


def test_a_late_piece_does_not_decode_what_comes_before(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    time_of = movie._Clock.of_picture

    def counted(clock: movie._Clock, picture: object) -> int:
        asked.append(picture)
        return time_of(clock, picture)

    monkeypatch.setattr(movie._Clock, "of_picture", counted)
    assert numbers(clips.make("long.mp4"), range(390, 392)) == [390, 391]
    assert len({id(picture) for picture in asked}) <= 50  # from the key frame at 350


def test_some_frames_of_many() -> None:
    path = str(clips.make("rate_25.mp4"))
    assert [(frame, clips.number_in(picture)) for frame, picture in movie.decode(path, (3, 4, 30, 47))] == [
        (3, 3),
        (4, 4),
        (30, 30),
        (47, 47),
    ]
    assert list(movie.decode(path, ())) == []
    with pytest.raises(ValueError, match="ascend"):
        list(movie.decode(path, (4, 3)))


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_movie_stands_upright(degrees: int) -> None:
    path = clips.make(f"turned_{degrees}.mp4")
    found = movie.probe(str(path))
    assert (found.width, found.height) == (clips.WIDTH, clips.HEIGHT)
    assert numbers(path, range(3)) == [0, 1, 2]


def test_a_turned_movie_is_left_lying_for_releases_that_leave_it() -> None:
    path = str(clips.make("turned_90.mp4"))
    found = movie.probe(path, upright=False)
    assert (found.width, found.height) == (clips.HEIGHT, clips.WIDTH)
    upright = next(movie.decode(path, [7]))[1]
    lying = next(movie.decode(path, [7], upright=False))[1]
    assert np.array_equal(np.rot90(lying, -1), upright)


def test_odd_sizes_are_kept() -> None:
    path = str(clips.make("odd_size.webm"))
    (_, picture), *_ = movie.decode(path, [5])
    assert picture.shape == (97, 161, 3)
    assert picture.flags.c_contiguous
    assert picture.dtype == np.uint8


@pytest.mark.parametrize("name", ["alpha.mov", "alpha_prores.mov", "alpha_vp9.webm", "alpha_png.mov"])
def test_alpha_is_there_when_asked_for(name: str) -> None:
    path = str(clips.make(name))
    assert movie.probe(path).alpha
    (_, picture), *_ = movie.decode(path, [5], channels=4)
    assert picture.shape == (clips.HEIGHT, clips.WIDTH, 4)
    assert abs(int(picture[10, 20, 3]) - 128) <= 2
    assert picture[-10, 20, 3] >= 254
    # Colour is straight: as light as it was made, under half alpha too.
    assert abs(int(picture[10, 20, 1]) - clips.LIGHT) <= 3


def test_a_movie_without_alpha_is_opaque() -> None:
    path = str(clips.make("rate_25.mp4"))
    assert not movie.probe(path).alpha
    (_, picture), *_ = movie.decode(path, [5], channels=4)
    assert (picture[..., 3] == 255).all()


@pytest.mark.parametrize(
    "name", ["ffv1.mkv", "bt601.mp4", "bt709.mp4", "bt2020.mp4", "full_range.mp4", "chroma_444.mp4", "alpha.mov"]
)
def test_colour_comes_back(name: str) -> None:
    """Within what compression changes: a wrong matrix or range is off by 10 and more."""
    ((_, picture),) = movie.decode(str(clips.make(name)), [39])
    wanted = clips.picture_of(39)
    cell = clips.HEIGHT // clips.CELLS, clips.WIDTH // clips.CELLS
    for row in range(clips.CELLS):
        for column in range(clips.CELLS):
            # Away from the edges, where chroma is shared.
            inside = np.s_[
                row * cell[0] + 6 : (row + 1) * cell[0] - 6, column * cell[1] + 6 : (column + 1) * cell[1] - 6
            ]
            assert np.abs(picture[inside].mean((0, 1)) - wanted[inside].mean((0, 1))).max() <= 5, (row, column)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("plain.mp4", ""),
        ("untagged.mp4", ""),
        ("pq.mp4", "HDR (PQ), the wide gamut of BT.2020 and 10 bits a channel"),
        ("hlg.mp4", "HDR (HLG), the wide gamut of BT.2020 and 10 bits a channel"),
        ("p3.mp4", "the wide gamut of Display P3"),
        ("ten.mov", "10 bits a channel"),
    ],
)
def test_colours_beyond_a_cutouts_are_told(tmp_path: Path, name: str, said: str) -> None:
    assert movie.probe(str(clips.coloured(name, tmp_path))).beyond == said


@pytest.mark.parametrize(
    "name", ["spoilt.mp4", "spoilt.mkv", "spoilt.ts", "spoilt.avi", "spoilt.mpg", "spoilt_key.mp4", "cut_short.ts"]
)
def test_reading_goes_on_past_damage(name: str) -> None:
    path = str(clips.make(name))
    length = movie.probe(path).frames
    told: list[str] = []
    shown = [clips.number_in(picture) for _, picture in movie.decode(path, range(length), tell=told.append)]
    assert len(shown) == length
    assert shown[-1] in (length - 1, length - 2)
    for sentence in told:
        assert path in sentence


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("spoilt_key.mp4", "is damaged"),
        ("cut_short.avi", "is damaged"),
        ("count_triple.avi", "no more pictures"),
        ("rate_25.mp4", ""),
        ("recorder.mkv", ""),
    ],
)
def test_damage_is_told(name: str, said: str) -> None:
    path = str(clips.make(name))
    told: list[str] = []
    list(movie.decode(path, range(movie.probe(path).frames), tell=told.append))
    assert len(told) == bool(said)
    assert said in "".join(told)


def test_a_missing_end_is_warned_of() -> None:
    path = clips.make("cut_short.mp4")
    (warning,) = movie.probe(str(path)).warnings
    assert "breaks off" in warning
    shown = numbers(path, range(48))
    last = max(number for number in shown if number is not None)
    assert 10 < last < 40
    assert shown == [min(frame, last) for frame in range(48)]


def bad_files(folder: Path) -> dict[str, Path]:
    whole = clips.make("rate_25.mp4").read_bytes()
    contents = {
        "empty.mp4": b"",
        "text.mp4": b"no movie\n" * 50,
        "text.txt": b"no movie\n" * 50,
        "index.mp4": whole[:3000],
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    clips.sound_only(folder / "sound.mp4")
    return {path.name: path for path in folder.iterdir()} | {"folder": folder, "missing.mp4": folder / "missing.mp4"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("empty.mp4", "is empty"),
        ("text.mp4", "is not a movie"),
        ("text.txt", "is not a movie"),
        ("index.mp4", "breaks off before its index"),
        ("sound.mp4", "holds sound only"),
        ("folder", "is a folder"),
        ("missing.mp4", "is missing"),
    ],
)
def test_a_bad_file_gets_a_sentence(tmp_path: Path, name: str, said: str) -> None:
    path = str(bad_files(tmp_path)[name])
    for read in (movie.probe, lambda path: next(movie.decode(path, [0]))):
        with pytest.raises(MatteError, match=said) as caught:
            read(path)
        assert path in str(caught.value)


@pytest.mark.parametrize("name", ["live.mkv", "raw.h264"])
def test_a_movie_of_no_length_gets_a_sentence(name: str) -> None:
    with pytest.raises(MatteError, match="does not say how long it is"):
        movie.probe(str(clips.make(name)))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_a_name_that_is_not_utf8_gets_a_sentence(tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.mp4")
    with pytest.raises(MatteError, match="not valid UTF-8"):
        movie.probe(path)


@pytest.mark.parametrize("ending", ["mp4", "mkv", "avi"])
def test_a_title_in_latin_1_is_no_damage(tmp_path: Path, ending: str) -> None:
    """As older programs wrote them: e with an acute is one byte, which is no UTF-8."""
    file = tmp_path / f"titled.{ending}"
    with av.open(str(file), "w") as container:
        container.metadata["title"] = "Cafe in spring"
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = clips.WIDTH, clips.HEIGHT, "yuv420p"
        for number in range(5):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(clips.picture_of(number))))
        container.mux(stream.encode(None))
    content = file.read_bytes()
    assert content.count(b"Cafe in") == 1
    file.write_bytes(content.replace(b"Cafe in", b"Caf\xe9 in"))
    assert movie.probe(str(file)).frames == 5
    assert [clips.number_in(picture) for _, picture in movie.decode(str(file), [0, 4])] == [0, 4]


def test_a_colon_is_no_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.name == "nt":
        pytest.skip("Windows has no such names")
    (tmp_path / "http:clip.mp4").write_bytes(clips.make("rate_25.mp4").read_bytes())
    monkeypatch.chdir(tmp_path)
    assert movie.probe("http:clip.mp4").frames == 48


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are listed on Linux alone")
def test_close_lets_go_of_the_file() -> None:
    path = clips.make("long.mp4")

    def is_open() -> bool:
        links = [Path("/proc/self/fd", name) for name in os.listdir("/proc/self/fd")]
        return any(link.exists() and link.resolve() == path for link in links)

    pictures = movie.decode(str(path), range(400))
    next(pictures)
    assert is_open()
    pictures.close()
    assert not is_open()
    # A whole pass, too, and one that is closed before it began.
    list(movie.decode(str(path), range(3)))
    movie.decode(str(path), range(3)).close()
    assert not is_open()


def noise(file: Path) -> Path:
    """A movie of 80 pictures of noise, more than FFmpeg reads ahead."""
    random = np.random.default_rng(3)
    with av.open(str(file), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 320, 192, "yuv420p", 20_000_000
        for _ in range(80):
            picture = random.integers(0, 256, (192, 320, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        container.mux(stream.encode(None))
    return file


def lose(file: Path) -> None:
    """Let reads of a file that is open fail, as those of a share do that has dropped out (EIO): what FFmpeg has open
    becomes the memory of this process, of which the beginning can not be read."""
    links = [Path("/proc/self/fd", name) for name in os.listdir("/proc/self/fd")]
    (link,) = (link for link in links if link.exists() and link.resolve() == file)
    memory = os.open("/proc/self/mem", os.O_RDONLY)
    os.dup2(memory, int(link.name))
    os.close(memory)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="a way to let a read fail on Linux alone")
@pytest.mark.parametrize("ending", ["mp4", "mkv", "avi"])
def test_a_share_that_drops_out_is_no_damage(tmp_path: Path, ending: str) -> None:
    file = noise(tmp_path / f"share.{ending}")
    frames = range(movie.probe(str(file)).frames)
    told: list[str] = []
    whole = [picture for _, picture in movie.decode(str(file), frames)]
    shown = movie.decode(str(file), frames, tell=told.append)
    before = [next(shown)[1]]
    lose(file)
    with pytest.raises(MatteError, match=rf"share.{ending}\" can not be read now: Input/output error. .*are kept"):
        before += [picture for _, picture in shown]
    assert 1 <= len(before) < len(whole)
    for one, other in zip(before, whole, strict=False):
        np.testing.assert_array_equal(one, other)
    assert told == []
    assert len(list(movie.decode(str(file), frames))) == len(whole)


def test_a_share_that_is_back_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is as it was: what was said of it meanwhile is not kept."""
    path = str(shutil.copy(clips.make("rate_25.mp4"), tmp_path))

    def unreachable(_name: str, **_options: object) -> None:
        raise av.error.OSError(errno.EIO, "Input/output error", path)

    with monkeypatch.context() as patched:
        patched.setattr(av, "open", unreachable)
        with pytest.raises(MatteError, match=r"rate_25.mp4\" can not be read now"):
            movie.probe(path)
    assert movie.probe(path).frames == 48


def test_two_threads_read_at_once() -> None:
    path = clips.make("long.mp4")
    shown: dict[int, list[int | None]] = {}

    def read(start: int) -> None:
        shown[start] = numbers(path, range(start, start + 60))

    threads = [threading.Thread(target=read, args=(start,)) for start in (0, 150, 300)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shown == {start: list(range(start, start + 60)) for start in (0, 150, 300)}


def test_a_file_is_read_again_once_it_is_another(tmp_path: Path) -> None:
    """And one that can not be read says why each time."""
    file = tmp_path / "movie.mp4"
    file.write_bytes(b"no movie")
    for _ in range(2):
        with pytest.raises(MatteError, match="is not a movie"):
            movie.probe(str(file))
    whole = clips.make("rate_25.mp4")
    shutil.copyfile(whole, file)
    assert movie.probe(str(file)) == replace(movie.probe(str(whole)), path=str(file))
