"""What an exception in the user's code is told as: one line with its place, and the traceback of the user's frames."""

from collections.abc import Iterator, Sequence
from traceback import FrameSummary, StackSummary, TracebackException

from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.definition.json_values import MAX_ERROR_CHARACTERS, clean_text
from spine_temporal.definition.user_code import is_user_code, short_path

#: Characters of a traceback that are kept: its end, which says what was raised.
MAX_TRACEBACK_CHARACTERS = 8000
#: Of one exception, the innermost frames that are kept; and how long a chain of causes is followed.
_MAX_FRAMES = 30
_MAX_CHAIN = 8
_MAX_LINE = 300

#: The files of importing itself, which say nothing of what was imported.
_IMPORTING = "<frozen importlib."

_CAUSE = "\n\nThe above exception was the direct cause of the following exception:\n\n"
_CONTEXT = "\n\nDuring handling of the above exception, another exception occurred:\n\n"
_INNER = "\n\nOne of the exceptions that it holds:\n\n"


def fault_of(error: BaseException) -> SpineError:
    """Return what was raised under the user's code as a ``SpineError`` with its place and its traceback.

    A ``SpineError`` is returned itself; the message of one that the user's own code raised says what there is to say,
    and stays as it is.
    """
    told = TracebackException.from_exception(error)
    if isinstance(error, SpineError):
        place = _place(told)
        if error.traceback is None and place is not None:
            error.traceback = _bounded(_formatted(told, _MAX_CHAIN))
            says_it = is_user_code(told.stack[-1].filename) or place in str(error)
            error.place = None if says_it else place
        return error
    fault = SpineError(_described(error, told), ErrorCategory.INTERNAL)
    fault.traceback = _bounded(_formatted(told, _MAX_CHAIN) or _with_frames(told, told.stack[-1:]))
    fault.__cause__ = error
    return fault


def describe(error: BaseException) -> str:
    """Return an exception as the last line of its traceback, with the place in the user's code where it arose.

    Of a message of several lines it is the first. Where there is no code of the user's, it is the innermost place; of
    code that Python cannot read, where that is written.
    """
    return _described(error, TracebackException.from_exception(error))


def _described(error: BaseException, told: TracebackException) -> str:
    place = _place(told) or _innermost(told)
    where = f" ({place})" if place else ""
    module, name = type(error).__module__, type(error).__qualname__
    name = name if module in {"builtins", "__main__"} else f"{module}.{name}"
    line = next(iter(_text(error).strip().splitlines()), "")
    what = clean_text(f"{name}: {line}" if line else name, MAX_ERROR_CHARACTERS - len(where))
    return f"{what}{where}"


def _text(error: BaseException) -> str:
    if isinstance(error, SyntaxError) and _is_written(error.filename, error.lineno):
        return error.msg  # the place is told with the folder
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - the exception is the user's class
        return "<its text cannot be made>"


def _place(told: TracebackException) -> str | None:
    """Return the innermost place in the user's code: of the exception itself, else of what it came of."""
    file, line = getattr(told, "filename", None), getattr(told, "lineno", None)  # what a SyntaxError alone has
    if _is_written(file, line):
        return f"{short_path(str(file))}:{line}"
    frames = next((users for each in _chain(told) if (users := _users(each))), None)
    if not frames:
        return None
    # Libraries make functions of text, which Python names as what was typed: a file says more.
    written = [frame for frame in frames if not frame.filename.startswith("<")]
    return _named((written or frames)[-1])


def _is_written(file: str | None, line: object) -> bool:
    """Return whether code that cannot be read is a file of the user's."""
    return bool(file and line) and is_user_code(str(file))


def _innermost(told: TracebackException) -> str | None:
    """Return the innermost place of all, but for those of importing itself."""
    frames = [frame for frame in told.stack if not frame.filename.startswith(_IMPORTING)]
    return _named(frames[-1]) if frames else None


def _chain(told: TracebackException) -> Iterator[TracebackException]:
    """Yield the exception and what it came of, itself first; then the exceptions that a group holds."""
    found, nearest = [told], _before(told)
    while nearest is not None and len(found) < _MAX_CHAIN:
        found.append(nearest)
        nearest = _before(nearest)
    yield from found
    for outer in found:
        yield from outer.exceptions or ()


def _before(told: TracebackException) -> TracebackException | None:
    return told.__cause__ or (None if told.__suppress_context__ else told.__context__)


def _users(told: TracebackException) -> list[FrameSummary]:
    return [frame for frame in told.stack if is_user_code(frame.filename)]


def _named(frame: FrameSummary) -> str:
    return f"{short_path(frame.filename)}:{frame.lineno} in {frame.name}"


def _formatted(told: TracebackException, left: int) -> str:
    """Return the text of an exception and of what it came of; '' where no frame of all these is the user's."""
    before = _before(told)
    first = _formatted(before, left - 1) if before is not None and left else ""
    inner = [_formatted(each, left - 1) for each in (told.exceptions or ())[:_MAX_CHAIN]] if left else []
    frames = _users(told)
    if not (first or frames or any(inner)):
        return ""
    link = "" if not first else _CAUSE if told.__cause__ is not None else _CONTEXT
    return "".join((first, link, _with_frames(told, frames), *(f"{_INNER}{text}" for text in inner if text)))


def _with_frames(told: TracebackException, frames: Sequence[FrameSummary]) -> str:
    """Return the text of one exception; each line of code and the message are masked for themselves, before any cut."""
    rows = [
        (short_path(frame.filename), frame.lineno or 0, frame.name, clean_text(frame.line or "", _MAX_LINE))
        for frame in frames
    ]
    stack = "".join(StackSummary.from_list(rows[-_MAX_FRAMES:]).format())
    head = f"Traceback (most recent call last):\n{stack}" if rows else ""
    return f"{head}{clean_text(''.join(told.format_exception_only()).rstrip())}"


def _bounded(text: str) -> str:
    end = text if len(text) <= MAX_TRACEBACK_CHARACTERS else f"…{text[1 - MAX_TRACEBACK_CHARACTERS :]}"
    return clean_text(end, MAX_TRACEBACK_CHARACTERS)
