# SPDX-License-Identifier: GPL-3.0-or-later
"""Images are made beside the steps towards other maps, and nothing waits for what can not come."""

import gc
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import CancelledError, Future

import pytest

from inference.pool import Pool

LONG = 20.0  # seconds, of which a test that passes waits none


def there() -> Future[None]:
    """A map that is known."""
    found: Future[None] = Future()
    found.set_result(None)
    return found


class Counted:
    """Pieces of work that wait to be let go, and how many of a kind were at work at once."""

    def __init__(self) -> None:
        self.most = {"step": 0, "image": 0}
        self._now = {"step": 0, "image": 0}
        self._lock = threading.Lock()
        self.begun = threading.Semaphore(0)
        self.go = threading.Semaphore(0)

    def work(self, kind: str) -> Callable[[], str]:
        def piece() -> str:
            with self._lock:
                self._now[kind] += 1
                self.most[kind] = max(self.most[kind], self._now[kind])
            self.begun.release()
            assert self.go.acquire(timeout=LONG)
            with self._lock:
                self._now[kind] -= 1
            return kind

        return piece


@pytest.mark.parametrize(("threads", "images"), [(2, 1), (3, 1), (4, 2), (8, 4)])
def test_half_of_the_threads_make_images_while_there_are_steps(threads: int, images: int) -> None:
    counted = Counted()
    gate = threading.Event()
    with Pool(threads) as pool:
        busy = [pool.submit(gate.wait, LONG) for _ in range(threads)]  # until everything below waits
        waiting = [pool.submit_image(there(), counted.work("image")) for _ in range(4 * threads)]
        waiting += [pool.submit(counted.work("step")) for _ in range(4 * threads)]
        gate.set()
        for _ in range(2 * threads):  # as long as there are both
            assert counted.begun.acquire(timeout=LONG)
            counted.go.release()
        beside_steps = counted.most["image"]
        for _ in waiting:
            counted.go.release()
        assert {future.result(timeout=LONG) for future in waiting} == {"image", "step"}
        assert all(future.result(timeout=LONG) for future in busy)
    assert beside_steps <= images


@pytest.mark.parametrize("kind", ["image", "step"])
def test_all_threads_do_what_there_is(kind: str) -> None:
    counted = Counted()
    with Pool(4) as pool:
        work = counted.work(kind)
        waiting = [pool.submit(work) if kind == "step" else pool.submit_image(there(), work) for _ in range(8)]
        for _ in range(4):
            assert counted.begun.acquire(timeout=LONG)
        for _ in waiting:
            counted.go.release()
        for future in waiting:
            future.result(timeout=LONG)
    assert counted.most[kind] == 4


def test_an_image_comes_before_the_steps_that_wait() -> None:
    order: list[str] = []
    gate = threading.Event()
    with Pool(1) as pool:
        pool.submit(gate.wait, LONG)
        pool.submit(order.append, "step")
        pool.submit_image(there(), order.append, "image")
        gate.set()
    assert order == ["image", "step"]


def test_one_thread_makes_an_image_of_a_map_that_it_has_yet_to_make() -> None:
    with Pool(1) as pool:
        gate = threading.Event()
        pool.submit(gate.wait, LONG)
        map_ = pool.submit(int, "7")
        image = pool.submit_image(map_, lambda: map_.result(timeout=0) + 1)
        gate.set()
        assert image.result(timeout=LONG) == 8


def test_what_goes_wrong_is_told_to_who_waits() -> None:
    with Pool(1) as pool:
        step = pool.submit(int, "seven")
        image = pool.submit_image(step, step.result)
        with pytest.raises(ValueError, match="seven"):
            step.result(timeout=LONG)
        with pytest.raises(ValueError, match="seven"):
            image.result(timeout=LONG)
        assert pool.submit(int, "7").result(timeout=LONG) == 7


def test_what_is_cancelled_is_not_done_and_not_counted() -> None:
    done: list[str] = []
    gate = threading.Event()
    with Pool(1) as pool:
        first = pool.submit(gate.wait, LONG)
        step, image = pool.submit(done.append, "step"), pool.submit_image(there(), done.append, "image")
        assert pool.unfinished == 2
        assert step.cancel()
        assert image.cancel()
        assert pool.unfinished == 1
        gate.set()
        assert first.result(timeout=LONG)
        with pytest.raises(CancelledError):
            image.result(timeout=LONG)
    assert not done
    assert pool.unfinished == 0


def test_an_image_whose_map_comes_too_late_is_let_go(caplog: pytest.LogCaptureFixture) -> None:
    found: Future[None] = Future()
    with Pool(1) as pool:
        image = pool.submit_image(found, int)
        assert image.cancel()
    found.set_result(None)  # as a step in hand does while the pool shuts down
    assert image.cancelled()
    assert not caplog.records, "futures log what goes wrong when they are done"


def test_who_waits_for_an_image_that_comes_too_late_is_told() -> None:
    found: Future[None] = Future()
    with Pool(1) as pool:
        image = pool.submit_image(found, int)
    found.set_result(None)
    with pytest.raises(RuntimeError, match="shutdown"):
        image.result(timeout=LONG)


def test_an_image_that_comes_too_late_takes_no_steps_place(caplog: pytest.LogCaptureFixture) -> None:
    found: Future[None] = Future()
    gate = threading.Event()
    pool = Pool(1)
    image = pool.submit_image(found, int)
    pool.submit(gate.wait, LONG)
    step = pool.submit(int, "7")
    pool.shutdown(wait=False)  # what was submitted before is done
    found.set_result(None)
    gate.set()
    assert step.result(timeout=LONG) == 7
    assert isinstance(image.exception(timeout=LONG), RuntimeError)
    pool.shutdown()
    assert not caplog.records


def test_a_map_does_not_keep_what_its_image_was_made_of() -> None:
    """A map is held as long as its neighbours need it; the picture, which is a hundred times as large, is not."""

    class Picture:
        pass

    picture = Picture()
    kept = weakref.ref(picture)
    gc.disable()  # which would find a ring of references late
    try:
        with Pool(1) as pool:
            map_ = pool.submit(int)
            pool.submit_image(map_, id, picture).result(timeout=LONG)
            pool.submit(int).result(timeout=LONG)  # so that the thread has let go of it
            del picture
            assert kept() is None
    finally:
        gc.enable()
