"""The line between a worker and its processes: whole frames, and an end that is no error."""

import socket

import pytest

from spine_temporal.runtime.processes.frames import Kind, Line, packed


@pytest.fixture
def lines():
    ours, theirs = map(Line, socket.socketpair())
    yield ours, theirs
    ours.close()
    theirs.close()


def test_frames_arrive_whole_however_they_are_cut(lines):
    ours, theirs = lines
    for byte in packed(Kind.REQUEST, "one") + packed(Kind.ANSWER, "zwei Wörter"):
        ours.socket.send(bytes([byte]))
    first, second = theirs.receive(1), theirs.receive(1)
    assert (first.kind, first.text) == (Kind.REQUEST, b"one")
    assert (second.kind, second.text.decode()) == (Kind.ANSWER, "zwei Wörter")


@pytest.mark.parametrize("told", [False, True])
def test_a_line_is_at_its_end_where_the_other_side_has_left_also_without_reading(lines, told):
    ours, theirs = lines
    if told:
        ours.send(Kind.ANSWER, "that nobody reads")
    theirs.close()
    assert ours.receive(1) is None
