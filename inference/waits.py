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
    have been whose results were not given yet, says so. Raises what a work raises, after the results before it.
    """
    coming = iter(works)
    begun: deque[_Begun[Result]] = deque()
    while True:
        for each in begun:
            each.go_on()
        if begun and begun[0].outcome.done():
            yield begun.popleft().outcome.result()
        elif (not begun or more(len(begun))) and (work := next(coming, None)) is not None:
            begun.append(_Begun(work))
        elif begun:
            waited = [each.waits for each in begun if not each.outcome.done()]
            wait([future for waits in waited for future in waits if not future.done()], return_when=FIRST_COMPLETED)
        else:
            return


def finished(work: Work[Result]) -> Result:
    """The result of one work."""
    (result,) = in_order([work], lambda _: False)
    return result


class _Begun(Generic[Result]):
    """A work as far as it has come. waits: what must be done before it goes on. outcome: done once it has ended."""

    def __init__(self, work: Work[Result]) -> None:
        self._work = work
        self.waits: tuple[Future[Any], ...] = ()
        self.outcome: Future[Result] = Future()

    def go_on(self) -> None:
        """As far as there is nothing to wait for."""
        while not self.outcome.done() and all(future.done() for future in self.waits):
            try:
                self.waits = tuple(next(self._work))
            except StopIteration as end:
                self.outcome.set_result(end.value)
            except Exception as error:  # noqa: BLE001  raised when its turn has come: what is before it comes whole
                self.outcome.set_exception(error)
