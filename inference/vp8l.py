# SPDX-License-Identifier: GPL-3.0-or-later
"""The bits of a lossless WebP picture, in NumPy: OpenCV's encoder forgets the colour where alpha is 0.

Format: RFC 9649, 3. Of what it offers this uses predictors, green taken from red and blue, one set of prefix codes for
blocks of constant alpha and one for the others, and runs of the pixel before.
"""

import heapq
import itertools
from collections.abc import Iterable

import cv2
import numpy as np

SIGNATURE = 0x2F
PREDICTOR, LESS_GREEN = 0, 2  # transforms
MODES = 2, 7, 12  # predictors: above; the mean of left and above; left and above, less what is above left
BLOCK = 3  # 2 ** 3 pixels a side have one predictor, and one set of codes
WHOLE = 14  # of a picture that has one set of codes: none is larger
# About how many bits a difference takes, times 16, for each byte that it may be: 255 is -1.
COST = np.rint(16 * np.log2(1.0 + np.minimum(np.arange(256), 256 - np.arange(256)))).astype(np.uint8)
ROWS = 64  # that are worked on at a time: each pixel takes a hundred bytes meanwhile
SHORTEST, LONGEST = 3, 4096  # pixels of a run
SYMBOLS = 256 + 24, 256, 256, 256, 40  # of green and lengths of runs, red, blue, alpha, distances
BEFORE = 1  # the distance of one pixel
DEEPEST, DEEPEST_OF_LENGTHS = 15, 7  # bits of a code
ORDER = 17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15  # in which codes of lengths are told

Bits = tuple[np.ndarray, np.ndarray]
"""Values, (n,) uint64, and how many bits of each are written, (n,) int64; the lowest first."""
Tokens = tuple[tuple[np.ndarray, np.ndarray], ...]
"""For each of SYMBOLS: which is written, counted on from group to group, (n,) int64, and where one is, (n,) bool."""


def encode(image: np.ndarray) -> bytes:
    """The bits of an (H, W) grey or (H, W, 4) RGBA picture, uint8. Colour is kept where alpha is 0."""
    height, width = image.shape[:2]
    bands = [_differences(image if image.ndim == 3 else image[..., None], row) for row in range(0, height, ROWS)]
    modes, soft = (np.concatenate(planes) for planes in list(zip(*bands, strict=True))[:2])
    groups = soft if soft.any() and not soft.all() else np.zeros_like(soft)
    begin = [(SIGNATURE, 8), (width - 1, 14), (height - 1, 14), (int(image.ndim == 3), 1), (0, 3)]
    predictor = [(1, 1), (PREDICTOR, 2), (BLOCK - 2, 3), (0, 1)]
    less_green = [(1, 1), (LESS_GREEN, 2), (0, 1), (0, 1), (1, 1), (BLOCK - 2, 3), (0, 1)]
    per_band = [groups[row >> BLOCK : (row + ROWS) >> BLOCK] for row in range(0, height, ROWS)]
    return _packed(
        itertools.chain(
            [_bits(begin + predictor)],
            _coded([_as_green(modes)], [np.zeros((1, 1), np.uint8)], WHOLE),
            [_bits(less_green)],
            _coded([_as_green(groups)], [np.zeros((1, 1), np.uint8)], WHOLE),
            _coded([rest for _, _, rest in bands], per_band, BLOCK),
        )
    )


def _as_green(plane: np.ndarray) -> np.ndarray:
    """(H, W) uint8 as (H, W, 4) RGBA, all else 0."""
    nothing = np.zeros_like(plane)
    return cv2.merge((nothing, plane, nothing, nothing))


def _differences(image: np.ndarray, first: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What is to be added to what is predicted, of ROWS rows of an image (H, W, 1 or 4).

    Returns the blocks' modes, (h, w) uint8; 1 where alpha changes in them, (h, w) uint8; and the differences, (rows, W,
    4) uint8 RGBA, of which green is taken from red and blue.
    """
    part, side = image[first : first + ROWS], 1 << BLOCK
    height, width, channels = part.shape
    rows, columns = -(-height // side), -(-width // side)
    left, above, corner = (np.zeros_like(part) for _ in range(3))
    if first:
        above[...] = image[first - 1 : first - 1 + height]
    else:
        above[1:] = part[:-1]
    left[:, 1:], corner[:, 1:] = part[:, :-1], above[:, :-1]
    rest, modes = np.empty_like(part), np.empty((rows, columns), np.uint8)
    least = np.full((rows, columns), np.iinfo(np.int64).max)
    for mode in MODES:
        predicted = _predicted(mode, left, above, corner)
        predicted[:, 0] = above[:, 0]
        if not first:
            predicted[0] = left[0]
            predicted[0, 0] = (0, 0, 0, 255) if channels == 4 else 0
        found = part - predicted
        if channels == 4:
            for channel in (0, 2):
                found[..., channel] -= found[..., 1]
        cost = cv2.resize(_filled(cv2.LUT(found, COST)), (columns, rows), interpolation=cv2.INTER_AREA)
        cost = cost.reshape(rows, columns, channels).sum(axis=2, dtype=np.int64)
        better = cost < least
        least[better], modes[better] = cost[better], mode
        where = cv2.resize(better.view(np.uint8), None, fx=side, fy=side, interpolation=cv2.INTER_NEAREST)
        cv2.copyTo(found, where[:height, :width], rest)
    if channels == 1:
        rest = _as_green(rest[..., 0])
    changing = _filled(np.ascontiguousarray(rest[..., 3])).reshape(rows, side, columns, side).any(axis=(1, 3))
    return modes, changing.view(np.uint8), rest


def _filled(plane: np.ndarray) -> np.ndarray:
    """A plane with zeros below and beside it, up to whole blocks."""
    side = 1 << BLOCK
    below, beside = -plane.shape[0] % side, -plane.shape[1] % side
    return cv2.copyMakeBorder(plane, 0, below, 0, beside, cv2.BORDER_CONSTANT)


def _predicted(mode: int, left: np.ndarray, above: np.ndarray, corner: np.ndarray) -> np.ndarray:
    if mode == MODES[0]:
        return above.copy()
    if mode == MODES[1]:
        return (left & above) + ((left ^ above) >> 1)  # rounded down
    both = left.astype(np.int16)
    both += above
    both -= corner
    return np.clip(both, 0, 255).astype(np.uint8)


def _coded(images: list[np.ndarray], groups: list[np.ndarray], block: int) -> Iterable[Bits]:
    """Prefix codes, and the pixels of images (H, W, 4) uint8 RGBA, one below the other, in them.

    groups: for each of them the numbers of its blocks' sets of codes, (h, w) uint8. block: their size, as BLOCK.
    """
    sets = 1 + max(int(group.max()) for group in groups)
    counts = [np.zeros(sets * most, np.int64) for most in SYMBOLS]
    for image, group in zip(images, groups, strict=True):
        for count, (symbols, where) in zip(counts, _tokens(image, group, block)[0], strict=True):
            count += np.bincount(symbols[where], minlength=len(count))
    by_set = [count.reshape(sets, most) for count, most in zip(counts, SYMBOLS, strict=True)]
    lengths = [np.array([_lengths(count, DEEPEST) for count in several]) for several in by_set]
    for number in range(sets):
        for several, length in zip(by_set, lengths, strict=True):
            yield _bits(_told(several[number], length[number]))
    codes = [np.concatenate([_codes(length) for length in several]) for several in lengths]
    flat = [several.ravel() for several in lengths]
    for image, group in zip(images, groups, strict=True):
        tokens, (value, extra) = _tokens(image, group, block)
        word: np.ndarray = np.zeros(len(value), np.uint64)
        size = np.zeros(len(value), np.int64)
        for number, (symbols, where) in enumerate(tokens):
            if number == len(tokens) - 1:  # how long a run is stands before its distance
                word |= value << size.astype(np.uint64)
                size += extra
            word |= np.where(where, codes[number][symbols], np.uint64(0)) << size.astype(np.uint64)
            size += np.where(where, flat[number][symbols], 0)
        yield word, size


def _tokens(image: np.ndarray, groups: np.ndarray, block: int) -> tuple[Tokens, Bits]:
    """Pixels and runs of an image (H, W, 4) in the order in which they are written, and what is written behind the
    symbol of a run's length. groups, block: see `_coded`."""
    pixels, width = image.reshape(-1, 4), image.shape[1]
    places, runs = _runs(np.ascontiguousarray(pixels).view(np.uint32)[:, 0])
    group = groups[places // width >> block, places % width >> block].astype(np.int64)
    literal = runs == 0
    red, green, blue, alpha = (pixels[places, channel].astype(np.int64) for channel in range(4))
    lengths, value, extra = _prefixes(runs)
    first = np.where(literal, green, 256 + lengths)
    written = (first, np.ones_like(literal)), (red, literal), (blue, literal), (alpha, literal), (BEFORE, ~literal)
    of_group = tuple((group * most + each, where) for (each, where), most in zip(written, SYMBOLS, strict=True))
    return of_group, (value.astype(np.uint64), extra)


def _runs(whole: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where a pixel is written or a run begins, and the length of the run, 0 for a pixel; (n,) int64 both.
    whole: (N,) uint32, pixels."""
    same = np.zeros(len(whole) + 1, np.int8)
    same[1:-1] = whole[1:] == whole[:-1]
    changes = np.diff(same)
    starts, ends = np.flatnonzero(changes > 0) + 1, np.flatnonzero(changes < 0) + 1
    long = ends - starts >= SHORTEST
    starts, ends = starts[long], ends[long]
    covered = np.zeros(len(whole) + 1, np.int8)
    covered[starts], covered[ends] = 1, -1
    written = np.cumsum(covered[:-1], dtype=np.int8) == 0
    parts = -(-(ends - starts) // LONGEST)
    number = np.arange(parts.sum()) - np.repeat(np.cumsum(parts) - parts, parts)
    starts, ends = np.repeat(starts, parts) + number * LONGEST, np.repeat(ends, parts)
    lengths = np.zeros(len(whole), np.int64)
    lengths[starts] = np.minimum(ends - starts, LONGEST)
    written[starts] = True
    places = np.flatnonzero(written)
    return places, lengths[places]


def _prefixes(runs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The symbols of lengths, what is written behind each, and in how many bits; (n,) int64 all. Of 0 nothing is."""
    less = np.maximum(runs - 1, 0)
    highest = np.frexp(less.astype(np.float64))[1].astype(np.int64) - 1
    extra = np.where(less < 4, 0, highest - 1)
    symbols = np.where(less < 4, less, 2 * highest + ((less >> extra) & 1))
    return symbols, less & ((1 << extra) - 1), extra


def _lengths(counts: np.ndarray, deepest: int) -> np.ndarray:
    """Bits of each symbol's code, (n,) int64: Huffman's, made flatter until none is longer. 0 where there is none, and
    where there is but one."""
    used = np.flatnonzero(counts)
    lengths = np.zeros(len(counts), np.int64)
    least = 1
    while len(used) > 1:
        heap = [(max(int(counts[symbol]), least), place, (symbol,)) for place, symbol in enumerate(used)]
        heapq.heapify(heap)
        lengths[:] = 0
        while len(heap) > 1:
            one, other = heapq.heappop(heap), heapq.heappop(heap)
            together = one[2] + other[2]
            lengths[list(together)] += 1
            heapq.heappush(heap, (one[0] + other[0], min(one[1], other[1]), together))
        if lengths.max() <= deepest:
            break
        least *= 2
    return lengths


def _codes(lengths: np.ndarray) -> np.ndarray:
    """The canonical code of each symbol, (n,) uint64, its first bit the lowest."""
    codes = np.zeros(len(lengths), np.uint64)
    code = 0
    for length in range(1, int(lengths.max()) + 1):
        code <<= 1
        for symbol in np.flatnonzero(lengths == length):
            codes[symbol] = int(f"{code:0{length}b}"[::-1], 2)
            code += 1
    return codes


def _told(counts: np.ndarray, lengths: np.ndarray) -> list[tuple[int, int]]:
    """How a reader is told the lengths of codes, as values and numbers of bits."""
    used = [int(symbol) for symbol in np.flatnonzero(counts)] or [0]
    if len(used) <= 2 and used[-1] < 256:
        return [(1, 1), (len(used) - 1, 1), (1, 1), *((symbol, 8) for symbol in used)]
    times = np.bincount(lengths, minlength=len(ORDER))
    inner = _lengths(times, DEEPEST_OF_LENGTHS)
    told = np.maximum(inner, times > 0)  # of one alone nothing is written, and it has a length all the same
    codes = _codes(inner)
    number = max(4, *(place + 1 for place, length in enumerate(ORDER) if told[length]))
    head = [(0, 1), (number - 4, 4), *((int(told[length]), 3) for length in ORDER[:number]), (0, 1)]
    return head + [(int(codes[length]), int(inner[length])) for length in lengths]


def _bits(fields: list[tuple[int, int]]) -> Bits:
    values, sizes = zip(*fields, strict=True)
    return np.array(values, np.uint64), np.array(sizes, np.int64)


def _packed(parts: Iterable[Bits]) -> bytes:
    """All bits one after the other, and zeros up to a whole byte. No field has more than 64."""
    done: list[bytes] = []
    at, last = 0, np.uint64(0)  # bits of a word that are written already, and the word
    for values, sizes in parts:
        begins = at + np.cumsum(sizes) - sizes
        end = int(begins[-1] + sizes[-1])
        words = np.zeros(end // 64 + 2, np.uint64)
        word, shift = begins >> 6, (begins & 63).astype(np.uint64)
        firsts = np.flatnonzero(np.diff(word, prepend=-1))
        words[word[firsts]] = np.bitwise_or.reduceat(values << shift, firsts)
        over = np.flatnonzero((begins & 63) + sizes > 64)  # at most one goes on in each next word
        words[word[over] + 1] |= values[over] >> (np.uint64(64) - shift[over])
        words[0] |= last
        done.append(words[: end // 64].astype("<u8").tobytes())
        at, last = end % 64, words[end // 64]
    done.append(int(last).to_bytes(8, "little")[: -(-at // 8)])
    return b"".join(done)
