# SPDX-License-Identifier: GPL-3.0-or-later
"""Works that wait: in order, side by side where there is room, and no error is lost."""

from collections.abc import Generator, Iterable
from concurrent.futures import Future
from typing import Any

import pytest

from inference import waits


def future(result: int | None = None) -> Future[int]:
    made: Future[int] = Future()
    if result is not None:
        made.set_result(result)
    return made


def work(name: str, needs: list[Future[int]], log: list[str]) -> Generator[Iterable[Future[Any]], None, str]:
    log.append(f"{name} begins")
    for need in needs:
        yield [need]
        log.append(f"{name} has {need.result()}")
    return name


def test_results_come_in_order_however_works_end() -> None:
    log: list[str] = []
    slow = future()

    def more(begun: int) -> bool:
        if begun == 2:  # both wait, or the second has ended
            slow.set_result(1)
        return begun == 1

    works = [work("first", [slow], log), work("second", [future(2)], log)]
    assert list(waits.in_order(works, more)) == ["first", "second"]
    assert log == ["first begins", "second begins", "second has 2", "first has 1"]


def test_one_is_begun_after_the_other_where_there_is_no_room() -> None:
    log: list[str] = []
    works = (work(str(number), [future(number)], log) for number in range(3))
    assert list(waits.in_order(works, lambda _: False)) == ["0", "1", "2"]
    assert log == [f"{number} {what}" for number in range(3) for what in ("begins", f"has {number}")]


def test_as_many_are_begun_as_there_is_room_for() -> None:
    log: list[str] = []
    needs = [future() for _ in range(5)]
    asked: list[int] = []

    def more(begun: int) -> bool:
        asked.append(begun)
        if begun == 3:
            for number, need in enumerate(needs):
                need.set_result(number)
        return begun < 3

    works = (work(str(number), [need], log) for number, need in enumerate(needs))
    results = waits.in_order(works, more)
    assert next(results) == "0"
    assert log[:3] == ["0 begins", "1 begins", "2 begins"]
    assert max(asked) == 3
    results.close()


def test_who_asks_waits_and_may_have_more_to_wait_for() -> None:
    slow, slower, other = future(), future(), future()
    works = [work("first", [slow], []), work("second", [slower], [])]
    results = waits.in_order(works, lambda begun: begun == 1)
    waiting = next(results)
    assert isinstance(waiting, waits.Waiting)
    assert set(waiting.futures) == {slow, slower}
    other.set_result(1)
    waiting.wait(other)
    slow.set_result(1)
    waiting.wait()
    assert next(results) == "first"
    waiting = next(results)
    assert isinstance(waiting, waits.Waiting)
    assert waiting.futures == (slower,)


def test_a_work_that_has_ended_before_its_turn_is_not_waited_for() -> None:
    slow = future()
    works = [work("first", [slow], []), work("second", [future(1)], [])]
    results = waits.in_order(works, lambda begun: begun == 1)
    waiting = next(results)
    assert isinstance(waiting, waits.Waiting)
    assert waiting.futures == (slow,)
    slow.set_result(1)
    assert list(results) == ["first", "second"]


def test_what_a_work_raises_is_raised() -> None:
    failed = future()
    failed.set_exception(ValueError("the network failed"))
    with pytest.raises(ValueError, match="the network failed"):
        waits.finished(work("first", [failed], []))


def test_results_before_an_error_are_given() -> None:
    slow, failed = future(), future()
    failed.set_exception(ValueError("the network failed"))

    def more(begun: int) -> bool:
        if begun == 2:
            slow.set_result(1)
        return begun == 1

    results = waits.in_order([work("first", [slow], []), work("second", [failed], [])], more)
    assert next(results) == "first"
    with pytest.raises(ValueError, match="the network failed"):
        next(results)


def test_a_work_alone() -> None:
    assert waits.finished(work("first", [future(1), future(2)], [])) == "first"
