"""What the code of a step may not call, by real dotted name: why, and what to do instead. Data only."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Why a call is refused, and the way out; ``code`` is what ``check`` tells it under."""

    code: str
    why: str
    advice: str


_CLOCK = Rule(code="SPN101", why="reads the clock", advice="use ctx.started_at, or let a pipeline return the time")
_RANDOM = Rule(code="SPN102", why="is random", advice="let a pipeline draw it and return it as a metric")
_ENVIRONMENT = Rule(
    code="SPN103", why="reads the environment", advice="pass the value as a param or in the step's config"
)
_WAITS = Rule(code="SPN104", why="sleeps or starts threads", advice="gates only compute; let a pipeline do the work")
_IO = Rule(code="SPN105", why="does I/O", advice="do it in a pipeline and check its metrics here")
_NETWORK = replace(_IO, code="SPN106")
_DATABASE = replace(_IO, code="SPN107")

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
    **dict.fromkeys(("subprocess", "shutil", "tempfile", "glob", "pandas.io"), _IO),
    **dict.fromkeys(
        ("socket", "_socket", "ssl", "urllib.request", "http.client", "ftplib", "smtplib", "requests", "httpx",
         "aiohttp", "urllib3", "boto3", "botocore"),
        _NETWORK,
    ),
    **dict.fromkeys(("sqlite3", "psycopg", "psycopg2", "asyncpg", "sqlalchemy"), _DATABASE),
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

#: Exact names that `check` refuses beyond those that a worker refuses.
SEEN_BY_CHECK: dict[str, Rule] = {
    **dict.fromkeys(
        ("pandas._libs.tslibs.timestamps.Timestamp.now", "pendulum.now", "arrow.now", "arrow.utcnow", "time.strftime"),
        _CLOCK,
    ),
    **dict.fromkeys(("builtins.hash", "builtins.id"), replace(_RANDOM, why="differs between processes")),
    **dict.fromkeys(("logging.basicConfig", "logging.FileHandler"), _IO),
    **dict.fromkeys(
        ("builtins.eval", "builtins.exec", "builtins.compile"),
        Rule(code="SPN110", why="runs code that cannot be seen", advice="write the code itself"),
    ),
}

_TRANSFORMS = Rule(
    code="SPN301", why="transforms rows", advice="transform them in a pipeline, and check the counts that it returns"
)
#: Libraries, and names in others, that are for rows; a gate has counts.
TRANSFORMING: dict[str, Rule] = dict.fromkeys(
    ("pandas", "polars", "numpy", "pyarrow", "duckdb", "csv", "_csv", "xml"), _TRANSFORMS
)

#: Libraries that take long to load.
HEAVY = frozenset(
    (
        *("requests", "httpx", "aiohttp", "urllib3", "boto3", "botocore", "psycopg", "psycopg2", "asyncpg"),
        *("sqlalchemy", "pandas", "polars", "numpy", "pyarrow", "duckdb"),
    )
)

#: Methods of what the code does not show, by which a database is told.
QUERIES = frozenset(
    ("execute", "executemany", "executescript", "fetchall", "fetchone", "fetchmany", "cursor", "commit", "rollback")
)
#: Codes of libraries that the code of a step may not even import.
IO_CODES = frozenset({_WAITS.code, _IO.code, _NETWORK.code, _DATABASE.code})
