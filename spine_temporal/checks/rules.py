"""What a gate may not call, by real dotted name: why, and what to do instead. Data only."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Why a call is refused, and the way out."""

    why: str
    advice: str


_CLOCK = Rule(why="reads the clock", advice="use ctx.started_at, or let a pipeline return the time")
_RANDOM = Rule(why="is random", advice="let a pipeline draw it and return it as a metric")
_ENVIRONMENT = Rule(why="reads the environment", advice="pass the value as a param or in the step's config")
_IO = Rule(why="does I/O", advice="do it in a pipeline and check its metrics here")
_WAITS = Rule(why="sleeps or starts threads", advice="gates only compute; let a pipeline do the work")

#: Exact names.
NAMES: dict[str, Rule] = {
    **dict.fromkeys(
        ("datetime.datetime.now", "datetime.datetime.today", "datetime.datetime.utcnow", "datetime.date.today"),
        _CLOCK,
    ),
    **dict.fromkeys(
        (
            f"time.{name}"
            for name in (
                "time",
                "time_ns",
                "monotonic",
                "monotonic_ns",
                "perf_counter",
                "perf_counter_ns",
                "process_time",
                "localtime",
                "gmtime",
                "ctime",
            )
        ),
        _CLOCK,
    ),
    "time.sleep": _WAITS,
    "asyncio.sleep": _WAITS,
    **dict.fromkeys(("uuid.uuid1", "uuid.uuid4", "uuid.uuid6", "uuid.uuid7"), _RANDOM),
    **dict.fromkeys(("builtins.open", "builtins.input", "io.open", "codecs.open", "gzip.open"), _IO),
}

#: Everything below these modules.
MODULES: dict[str, Rule] = {
    "random": _RANDOM,
    "secrets": _RANDOM,
    "numpy.random": _RANDOM,
    "os": _ENVIRONMENT,
    "platform": _ENVIRONMENT,
    **dict.fromkeys(("threading", "multiprocessing", "concurrent", "_thread"), _WAITS),
    **dict.fromkeys(
        ("socket", "_socket", "ssl", "subprocess", "shutil", "tempfile", "glob", "urllib.request", "http.client",
         "ftplib", "smtplib", "sqlite3", "requests", "httpx", "aiohttp", "urllib3", "psycopg", "psycopg2", "asyncpg",
         "sqlalchemy", "boto3", "botocore", "pandas.io"),
        _IO,
    ),
}  # fmt: skip

#: Methods of ``pathlib.Path`` that touch the file system.
PATH_METHODS = frozenset(
    (
        *("open", "read_text", "read_bytes", "write_text", "write_bytes", "exists", "is_file", "is_dir", "iterdir"),
        *("glob", "rglob", "stat", "unlink", "mkdir", "resolve", "cwd", "home", "touch", "rename", "replace", "rmdir"),
        *("owner", "group", "expanduser", "absolute"),
    )
)
PATH_RULE = _IO

#: Allowed although their module is not.
ALLOWED = frozenset({"random.Random", "os.path.join", "os.path.basename", "os.path.dirname", "os.path.splitext"})
