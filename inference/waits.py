# SPDX-License-Identifier: GPL-3.0-or-later
"""Work that waits now and then, several pieces of it beside each other on one thread."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")
Work = Generator[Iterable[Future[Any]], None, Result]
"""Yields futures that must be done before it goes on. Returns its result."""


def in_order(works: Iterable[Work[Result]], more: Callable[[int], bool]) -> Generator[Result, None, None]:
    """The results of works, in their order.

    Each work goes on as soon as what it waits for is done. The first one is begun; another where `more`, given how many
    are unfinished, says so. Raises what a work raises, and that again which a future holds that it looks into.
    """
    coming = iter(works)
    begun: deque[_Begun[Result]] = deque()
    while True:
        for each in begun:
            each.go_on()
        if begun and begun[0].done:
            yield begun.popleft().result()
        elif (not begun or more(len(begun))) and (work := next(coming, None)) is not None:
            begun.append(_Begun(work))
        elif begun:
            wait([future for each in begun for future in each.waits if not future.done()], return_when=FIRST_COMPLETED)
        else:
            return


def finished(work: Work[Result]) -> Result:
    """The result of one work."""
    (result,) = in_order([work], lambda _: False)
    return result


class _Begun(Generic[Result]):
    """A work as far as it has come."""

    def __init__(self, work: Work[Result]) -> None:
        self._work = work
        self._results: list[Result] = []
        self.waits: tuple[Future[Any], ...] = ()

    @property
    def done(self) -> bool:
        return bool(self._results)

    def result(self) -> Result:
        return self._results[0]

    def go_on(self) -> None:
        """As far as there is nothing to wait for."""
        while not self.done and all(future.done() for future in self.waits):
            try:
                self.waits = tuple(next(self._work))
            except StopIteration as end:
                self._results.append(end.value)
                self.waits = ()
