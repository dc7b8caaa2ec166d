# SPDX-License-Identifier: GPL-3.0-or-later
"""The queue as the operators and the panel use it, with real jobs on the real clip; the window's part of it is in
tests/window."""

import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import timeline


@pytest.fixture
def queue(shot) -> Iterator:
    """The module with an empty queue, which is empty again at the end."""
    runs = timeline.addon("operators.run")
    assert not runs.queue()
    yield runs
    for run in runs.queue():
        runs.remove(run)


def planned(shot, *strips) -> list:
    tasks = timeline.addon("operators.tasks")
    return [tasks.plan(shot.bpy.context, shot.scene, strip) for strip in strips]


def three(shot, first: int = 6) -> tuple:
    """Tasks of three strips that share no frame, and how long the first one is. They are slow: the queue is to last
    until something was done to it."""
    shot.scene.strip_matte.quality, shot.scene.strip_matte.precision = "EVERY", "FULL"
    lengths = (1, 0, first), (3, 40, 2), (5, 80, 2)
    return tuple(planned(shot, *(shot.movie(channel, left=left, length=length) for channel, left, length in lengths)))


def until(queue, true: Callable[[], object]) -> None:
    """Let the queue go on as a window's timer does."""
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        queue.advance()
        time.sleep(0.01)


def images_of(task) -> set[int]:
    """The source frames whose images are there."""
    return {int(path.stem) for path in Path(task.job.folder).glob("*.png")}


def test_presses_are_worked_off_one_after_the_other_by_one_thread(shot, queue) -> None:
    first, second, third = three(shot, first=2)
    runs = [queue.Run([first]), queue.Run([second, third])]
    for run in runs:
        queue.add(run)
    assert [item.state for item in queue.items()][1:] == [queue.WAITING] * 2
    assert len({item.id for item in queue.items()}) == 3
    working = 0

    def over() -> bool:
        nonlocal working
        working = max(working, sum(run.running for run in runs))
        return all(run.over for run in runs)

    until(queue, over)
    assert working == 1
    assert [[task for task, _ in run.whole] for run in runs] == [[first], [second, third]]
    assert {item.message for item in queue.items()} == {"2 frames done"}
    assert all(images_of(task) >= set(task.job.frames) for task in (first, second, third))


def test_one_that_works_is_stopped_and_the_others_go_on(shot, queue) -> None:
    tasks = three(shot)
    runs = [queue.Run(tasks[:2]), queue.Run(tasks[2:])]
    for run in runs:
        queue.add(run)
    first, second, third = queue.items()
    until(queue, lambda: first.done)
    assert queue.stop(first.id)
    until(queue, lambda: all(run.over for run in runs))
    assert [item.state for item in (first, second, third)] == [queue.STOPPED, queue.DONE, queue.DONE]
    assert 0 < first.done < first.total
    assert first.message == f"stopped, {first.done} of 6 frames"
    assert [task for task, _ in runs[0].whole] == [tasks[1]]
    assert len(images_of(tasks[0]) & set(tasks[0].job.frames)) >= first.done, "finished images stay"
    assert not queue.stop(first.id), "nothing is there to stop"
    again = queue.Run(tasks[:1])
    assert sum(image.reused for image in again.images()) >= first.done
    assert again.items[0].state == queue.DONE


def test_one_that_waits_is_stopped_before_its_first_frame(shot, queue) -> None:
    tasks = three(shot, first=2)
    runs = [queue.Run([task]) for task in tasks]
    for run in runs:
        queue.add(run)
    assert queue.stop(queue.items()[1].id)
    assert runs[1].over, "it need not wait for its turn to end"
    assert not runs[0].over
    until(queue, lambda: all(run.over for run in runs))
    assert [len(run.whole) for run in runs] == [1, 0, 1]
    assert not images_of(tasks[0]) & set(tasks[1].job.frames)


def test_everything_is_stopped_and_no_thread_is_left(shot, queue) -> None:
    """What disabling the add-on does, and what a file that is loaded does to each press."""
    before = set(threading.enumerate())
    matte, tasks = timeline.addon("operators.matte"), three(shot)
    for task in tasks:
        queue.add(queue.Run([task]))
    until(queue, lambda: queue.items()[0].done)
    matte.stop(shot.bpy.context)
    assert not queue.queue()
    assert not queue.busy()
    assert set(threading.enumerate()) <= before
    assert images_of(tasks[0])


def test_a_movie_that_goes_while_it_waits_is_told_and_the_next_goes_on(shot, queue) -> None:
    lost, kept = shot.movie(length=1), shot.movie(channel=3, length=1)
    lost.filepath = shutil.copy(lost.filepath, f"{shot.folder}.mp4")
    runs = [queue.Run(planned(shot, strip)) for strip in (lost, kept)]
    Path(lost.filepath).unlink()
    for run in runs:
        queue.add(run)
    until(queue, lambda: all(run.over for run in runs))
    assert [item.message for item in queue.items()] == ["failed", "1 frames done"]
    assert runs[0].failures[0].startswith(f"{lost.name}: ")
    assert lost.filepath in runs[0].failures[0]
    assert not runs[0].whole
    assert not runs[1].failures


def test_a_strip_is_not_queued_twice(shot, queue) -> None:
    first, second, _ = three(shot)
    queue.add(queue.Run([first]))
    assert queue.queued(first)
    assert not queue.queued(second)
    assert queue.folders() == {first.job.folder, first.job.mattes}
    assert queue.stop(queue.items()[0].id)
    assert not queue.queued(first), "one that is being stopped can be asked for again"


def test_what_needs_the_processor_waits_and_what_does_not_goes_on(shot, queue) -> None:
    movie = shot.movie(length=2)
    ops = shot.bpy.ops.sequencer
    assert ops.matte_add() == {"FINISHED"}
    movie.select = True
    queue.add(queue.Run(three(shot)[:1]))
    assert ops.matte_add.poll()
    assert ops.matte_switch.poll()
    assert ops.matte_realign.poll()
    assert ops.matte_cancel.poll()
    assert not ops.matte_preview.poll()
    with pytest.raises(RuntimeError, match="Wait for it, or cancel it"):
        ops.matte_add()
    assert ops.matte_cancel() == {"FINISHED"}
    until(queue, lambda: queue.queue()[0].over)


def test_files_that_the_queue_needs_are_not_deleted(shot, queue) -> None:
    movie = shot.movie(length=2)
    assert shot.bpy.ops.sequencer.matte_add() == {"FINISHED"}
    movie.select = True
    (task,) = planned(shot, movie)
    before = images_of(task)
    run = queue.Run([task])
    queue.add(run)
    assert shot.bpy.ops.sequencer.matte_remove(files=True) == {"FINISHED"}
    assert images_of(task) == before
    until(queue, lambda: run.over)


def test_a_pause_is_told_once_and_the_job_goes_on(shot, queue, monkeypatch, caplog) -> None:
    """Whoever takes the images pauses: no image comes meanwhile."""
    monkeypatch.setattr(queue, "STALLED", 0.2)
    (task,) = planned(shot, shot.movie(length=3))
    run = queue.Run([task])
    (item,) = run.items
    with caplog.at_level(logging.WARNING):
        images = run.images()
        next(images)
        caplog.clear()
        time.sleep(1.0)
        assert item.silence == "no progress for 0:01"
        told = [record.getMessage() for record in caplog.records if "no progress" in record.getMessage()]
        assert len(told) == 1
        assert told[0].startswith(f"{task.strip}: no progress for 0:0")
        assert "finished frames are kept" in told[0]
        monkeypatch.setattr(queue, "STALLED", 60.0)
        assert len(list(images)) == 2
    assert item.state == queue.DONE
    assert not item.silence
    assert len(run.whole) == 1


def test_the_terminal_is_told_too(shot, monkeypatch, capsys) -> None:
    """No network is ready in a hundredth of a second."""
    monkeypatch.setattr(timeline.addon("operators.run"), "STALLED", 0.01)
    shot.movie(length=1)
    assert shot.bpy.ops.sequencer.matte_add() == {"FINISHED"}
    assert "no progress for 0:00" in capsys.readouterr().out


def test_what_a_stopped_run_has_left_is_told_before_the_next(shot, queue) -> None:
    told, movie = timeline.addon("operators.resume").tell, shot.movie(length=3)
    assert told(shot.bpy.context, [movie]) == ""
    assert shot.bpy.ops.sequencer.matte_add() == {"FINISHED"}
    assert told(shot.bpy.context, [movie]) == "", "nothing is left to make"
    timeline.trim(movie, length=5)
    assert told(shot.bpy.context, [movie]) == "3 of 5 frames are there already"
    shot.scene.strip_matte.feather = 5.0
    assert told(shot.bpy.context, [movie]) == "", "with other settings none is there"
