# SPDX-License-Identifier: GPL-3.0-or-later
"""Work that waits now and then, several pieces of it beside each other on one thread."""

import itertools
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")
Work = Generator[Iterable[Future[Any]], None, Result]
"""Yields futures that must be done before it goes on. Returns its result."""


@dataclass(frozen=True, eq=False)
class Waiting:
    """In place of what is not there yet: there is nothing to do until one of these is done."""

    futures: tuple[Future[Any], ...]

    def wait(self, *others: Future[Any]) -> None:
        """Until one of them is done, or one of others."""
        wait([*self.futures, *others], return_when=FIRST_COMPLETED)


def in_order(works: Iterable[Work[Result]], more: Callable[[int], bool]) -> Generator[Result | Waiting, None, None]:
    """The results of works, in their order; between them `Waiting`, for whoever asks may have more to wait for.

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
            waiting = [each.waits for each in begun if not each.outcome.done()]
            lacking = [[future for future in futures if not future.done()] for futures in waiting]
            if all(lacking):  # otherwise one can go on by now
                yield Waiting(tuple(itertools.chain(*lacking)))
        else:
            return


def finished(work: Work[Result]) -> Result:
    """The result of one work."""
    results = in_order([work], lambda _: False)
    while isinstance(result := next(results), Waiting):
        result.wait()
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
