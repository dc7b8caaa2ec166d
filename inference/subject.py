# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of several things is the subject: one piece of the network's maps, a region of the picture, a drawn mask.

A piece is told by a point. Where the point is at a source frame is either stored with the job, as a path of plain
values that an editor may key and `follow` may propose; or `largest` finds it from the maps of the frames around, REACH
each way. Either way a frame's result is the same from a farm's chunk and from one run.

Points and boxes are shares of the picture, 0 to 1: x from the left, y from the top.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from .resample import Box

SOLID = 0.25  # where a map is above it, there is a piece
SMALLEST = 0.0005  # share of the picture: smaller pieces are never the subject while there is another
FAR = 0.25  # of the picture's longer side: nothing so far from the point is what it points at
SKIRT = 0.08  # of the map's longer side: how far a piece's soft edge may reach beyond SOLID
PATIENCE = 3  # maps one after the other in which a thing that is followed may be missing
DIVIDE = 2.0  # pixels of the map, in which the map of a kept piece gives way to another's
REACH = 8  # source frames before and after, over which the largest piece is the largest
GROWTH = 1.2  # from one frame to the next
TOUCHING = 0.1  # share of a piece that others must cover for it to be more than the thing that is followed
_of_thread = threading.local()

Point = tuple[float, float]
Path = tuple[tuple[int, float, float], ...]
"""(source frame, x, y), frames ascending."""


# Pieces of a map


@dataclass(frozen=True, eq=False)
class Pieces:
    """labels: (h, w) int32, 0 for none. areas: (n,) float64, shares of the picture, 0 for label 0 and for the smallest.
    middles: (n, 2) float64, x and y, pixels of the map."""

    labels: np.ndarray
    areas: np.ndarray
    middles: np.ndarray


def pieces(map_: np.ndarray) -> Pieces:
    """The separate pieces of a map, (h, w) float32 in 0..1. Things that touch are one."""
    solid = (map_ > SOLID).view(np.uint8)
    count, labels, boxes, middles = cv2.connectedComponentsWithStats(solid, connectivity=8)
    areas = boxes[:, cv2.CC_STAT_AREA] / map_.size
    areas[0] = 0.0
    if count > 2:
        areas[areas < min(SMALLEST, areas.max())] = 0.0
    return Pieces(labels, areas, middles)


def kept(map_: np.ndarray, point: Point | None) -> np.ndarray:
    """A map with only the piece at a point or nearest to it. map_: (h, w) float32 in 0..1; so is the result.

    Nothing is left where nothing is near the point, or where point is None. The kept piece keeps its soft edge: the map
    fades out over the SKIRT around it, and towards other pieces halfway between.
    """
    found = pieces(map_)
    label = at_point(found, point) if point else 0
    if not label:
        return np.zeros_like(map_)
    away = _distance(found.labels == label)
    skirt = SKIRT * max(map_.shape)
    weight = np.clip(2.0 - 2.0 * away / skirt, 0.0, 1.0)
    others = (found.labels > 0) & (found.labels != label)
    if others.any():
        weight *= np.clip((_distance(others) - away) / DIVIDE + 0.5, 0.0, 1.0)
    result: np.ndarray = map_ * weight
    return result


def _distance(region: np.ndarray) -> np.ndarray:
    """(h, w) float32: pixels from each to the nearest of a region (h, w) bool, which must not be empty."""
    return cv2.distanceTransform((~region).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)


def at_point(found: Pieces, point: Point) -> int:
    """The label of the piece that holds a point, or is nearest to it; 0 where none is nearer than FAR."""
    height, width = found.labels.shape
    rows, columns = np.nonzero(found.areas[found.labels] > 0)
    if not len(rows):
        return 0
    away = np.hypot(columns + 0.5 - point[0] * width, rows + 0.5 - point[1] * height)
    nearest = int(away.argmin())
    if away[nearest] > FAR * max(height, width):
        return 0
    return int(found.labels[rows[nearest], columns[nearest]])


# The largest


def largest(around: Sequence[Pieces], index: int) -> Point | None:
    """A point in the piece of around[index] that is the largest over all of `around`; None where there is none.

    around: those of a frame and of the frames up to REACH before and after it, ascending, none of another shot. Each
    piece is followed from frame to frame, and its areas added up: one that is the larger for a few frames does not
    take over, and no frame's answer depends on frames beyond REACH.
    """
    here = around[index]
    best, label = 0.0, 0
    for number in np.flatnonzero(here.areas):
        total = here.areas[number]
        for way in (around[index + 1 :], around[:index][::-1]):
            total += _total(here, int(number), way)
        if total > best:
            best, label = total, int(number)
    return _inside(here.labels == label) if label else None


def _total(before: Pieces, label: int, way: Sequence[Pieces]) -> float:
    """The areas of a piece in the frames that follow, until it is lost. Each counts for no more than GROWTH times the
    one before: what it meets and becomes one piece with does not make it large."""
    total, most = 0.0, before.areas[label]
    for after in way:
        label = _same(before, label, after)
        if not label:
            break
        most = min(after.areas[label], GROWTH * most)
        total += most
        before = after
    return total


def _same(before: Pieces, label: int, after: Pieces) -> int:
    """The label of a piece in the next frame: the one it overlaps most, or else the nearest of about its size that no
    other piece overlaps, not farther than twice its width; 0 where it is lost."""
    if before.labels.shape != after.labels.shape:  # pictures of a sequence may differ
        return 0
    shared = np.bincount(after.labels[before.labels == label], minlength=len(after.areas))
    shared[after.areas == 0] = 0
    if shared.any():
        return int(shared.argmax())
    ratio = after.areas / before.areas[label]
    away = np.hypot(*(after.middles - before.middles[label]).T)
    away[(ratio < 0.5) | (ratio > 2.0)] = np.inf
    away[after.labels[before.labels > 0]] = np.inf
    nearest = int(away.argmin())
    return nearest if away[nearest] < 2.0 * np.sqrt(before.areas[label] * before.labels.size) else 0


def _inside(region: np.ndarray) -> Point:
    """The point of a region (h, w) bool that is nearest to its middle, so that a ring's is on the ring."""
    rows, columns = np.nonzero(region)
    nearest = int(np.hypot(rows - rows.mean(), columns - columns.mean()).argmin())
    return float(columns[nearest] + 0.5) / region.shape[1], float(rows[nearest] + 0.5) / region.shape[0]


# The picked one


def at(path: Path, frame: int) -> Point | None:
    """Where a path is at a source frame: on a line between the two points around, before the first and after the last
    one where they are. None for a path without points."""
    if not path:
        return None
    frames, xs, ys = zip(*path, strict=True)
    return float(np.interp(frame, frames, xs)), float(np.interp(frame, frames, ys))


def follow(maps: Mapping[int, np.ndarray], greys: Mapping[int, np.ndarray], frame: int, point: Point) -> Path:
    """The path of the thing that is at a point at a source frame, forwards and backwards until it is lost.

    maps: (h, w) float32 in 0..1 of source frames, or bool, where such a map is above SOLID; `frame` among them, all of
    one shot; every fourth will do. greys: of the same frames, (h, w) uint8, as keyframes.Look has them. The path has a
    point at each frame whose map shows it.
    To be made once and stored, for it depends on all of them.
    """
    label = at_point(pieces(maps[frame]), point)
    if not label:
        return ((frame, *point),)
    start = pieces(maps[frame]).labels == label
    # The point itself may be keyed and moved: what lies in the middle of it is the better place to be found again.
    path = {frame: _inside(start)}
    later, earlier = sorted(f for f in maps if f > frame), sorted((f for f in maps if f < frame), reverse=True)
    for way in (later, earlier):
        before, thing, missed = frame, start, 0
        others = (pieces(maps[frame]).labels > 0) & ~thing
        for after in way:
            if maps[after].shape != maps[before].shape:
                break
            found, flow = pieces(maps[after]), _flow(greys[before], greys[after])
            carried = _carried(thing, flow)
            thing = _moved(found, carried, _carried(others, flow))
            others = (found.labels > 0) & ~thing
            before = after
            if thing.any():
                path[after], missed = _inside(thing), 0
                continue
            thing, missed = carried, missed + 1
            if missed > PATIENCE:
                break
    return tuple((number, *path[number]) for number in sorted(path))


def _moved(found: Pieces, thing: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Where a thing is among the pieces of a frame, (h, w) bool; nowhere where it is lost.

    thing, others: (h, w) bool, what it and everything else covered before, carried to this frame. It is the piece that
    it covers most. Where others cover part of that piece too, they touch, and it is the part that is nearer to where it
    was carried, so that it is known when they part.
    """
    shared = np.bincount(found.labels[thing], minlength=len(found.areas))
    shared[found.areas == 0] = 0
    if not shared.any():
        return np.zeros_like(thing)
    piece = found.labels == int(shared.argmax())
    others = others & piece & ~thing
    if np.count_nonzero(others) < TOUCHING * np.count_nonzero(piece):
        return piece
    return piece & (_distance(thing & piece) <= _distance(others))


def _flow(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """For each pixel of a picture where it was before, (h, w, 2) float32, x and y (Kroeger et al. 2016, DIS)."""
    if not hasattr(_of_thread, "flow"):
        _of_thread.flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    flow: np.ndarray = _of_thread.flow.calc(after, before, None)
    flow[..., 0] += np.arange(flow.shape[1], dtype=np.float32)
    flow[..., 1] += np.arange(flow.shape[0], dtype=np.float32)[:, None]
    return flow


def _carried(region: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """A region (h, w) bool where the motion has taken it."""
    carried: np.ndarray = cv2.remap(region.view(np.uint8), flow, None, cv2.INTER_NEAREST) > 0
    return carried


# A region


MARGIN = 0.1  # of the region's sides, added on each side: the network tells a thing by what is around it
NARROWEST = 64  # pixels, of a crop's sides


@dataclass(frozen=True)
class Crop:
    """The pixels of a picture that the network sees for a region.

    height, width: of the picture. top, bottom, left, right: first row and the one after the last, likewise columns.
    box: the region itself in the same four numbers, in or at the edge of these.
    """

    height: int
    width: int
    top: int
    bottom: int
    left: int
    right: int
    box: tuple[int, int, int, int]

    @property
    def part(self) -> Box:
        """Its rows and columns."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def of(self, picture: np.ndarray) -> np.ndarray:
        """A view of a picture's or a matte's pixels, (height, width) or (height, width, channels)."""
        return picture[self.part]

    def inside(self, point: Point) -> Point:
        """A point of the picture as shares of the crop."""
        x, y = point[0] * self.width - self.left, point[1] * self.height - self.top
        return x / (self.right - self.left), y / (self.bottom - self.top)

    def pasted(self, matte: np.ndarray) -> np.ndarray:
        """A matte of the crop, (bottom - top, right - left) uint8 or uint16, in the whole picture: (height, width).

        Outside the crop it is 0. In the box it is as it was; from the box to a side where the crop was cut out of the
        picture it fades out, and where the crop ends with the picture it does not.
        """
        whole = np.zeros((self.height, self.width), matte.dtype)
        part = self.of(whole)
        part[...] = matte
        above, below, before, behind = self.box
        down = _fade(self.top, self.bottom, above, below, self.height)
        across = _fade(self.left, self.right, before, behind, self.width)
        # Only the margins are multiplied: most of a picture is not in them.
        for rows in (slice(0, above - self.top), slice(below - self.top, None)):
            part[rows] = np.rint(part[rows] * down[rows, None])
        for columns in (slice(0, before - self.left), slice(behind - self.left, None)):
            part[:, columns] = np.rint(part[:, columns] * across[columns])
        return whole


def crop(height: int, width: int, region: tuple[float, float, float, float]) -> Crop:
    """The crop for a region of a picture: the region with a margin, not narrower than NARROWEST, within the picture.

    region: x0, y0, x1, y1 as shares of the picture, in either order; what lies outside the picture does not count.
    """
    left, right, before, behind = _side(width, region[0], region[2])
    top, bottom, above, below = _side(height, region[1], region[3])
    return Crop(height, width, top, bottom, left, right, (above, below, before, behind))


def _side(length: int, start: float, end: float) -> tuple[int, int, int, int]:
    """Of a crop's side: first pixel and the one after the last; and likewise of the region, which has one pixel and
    more."""
    low, high = (min(max(share, 0.0), 1.0) * length for share in sorted((start, end)))
    first = min(int(low), length - 1)
    last = max(int(np.ceil(high)), first + 1)
    margin = max(int(np.ceil(MARGIN * (last - first))), -((last - first - NARROWEST) // 2), 1)
    begin, stop = first - margin, last + margin
    # What has no room on one side is added on the other, as far as the narrowest crop needs it.
    begin = min(begin, length - NARROWEST) if stop > length else begin
    stop = max(stop, NARROWEST) if begin < 0 else stop
    return max(begin, 0), min(stop, length), first, last


def _fade(begin: int, stop: int, first: int, last: int, length: int) -> np.ndarray:
    """(stop - begin,) float32: 1 in the region, towards 0 at the crop's ends that are not the picture's."""
    at = np.arange(begin, stop, dtype=np.float32) + np.float32(0.5)
    rise = (at - begin) / (first - begin) if begin > 0 else np.ones_like(at)
    fall = (stop - at) / (stop - last) if stop < length else np.ones_like(at)
    return np.clip(np.minimum(rise, fall), 0.0, 1.0)


# A drawn mask


def masked(matte: np.ndarray, mask: np.ndarray, mode: str) -> np.ndarray:
    """A matte with an editor's mask, both (H, W) uint8, or both uint16; so is the result.

    mode: 'INCLUDE', opaque at least as much as the mask; 'EXCLUDE', transparent at least as much as the mask is opaque;
    'LIMIT', opaque at most as much as the mask. Feathered masks give soft edges, none is multiplied twice.
    """
    if mode == "INCLUDE":
        return cv2.max(matte, mask)
    if mode == "EXCLUDE":
        return cv2.min(matte, cv2.bitwise_not(mask))
    if mode == "LIMIT":
        return cv2.min(matte, mask)
    raise ValueError(f"no mode {mode!r}")
