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
_CHANGES = Rule(
    code="SPN108", why="changes the process for every run in it", advice="return it in the output of the gate"
)
_PROCESS = Rule(
    code="SPN111",
    why="reaches into the process that it runs in",
    advice="return StepResult.fail, or raise an exception, to end the step",
)

_OS_FILES = ("listdir", "makedirs", "mkdir", "open", "popen", "remove", "rename", "rmdir", "scandir", "stat", "system",
             "unlink", "walk")  # fmt: skip

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
    **dict.fromkeys((f"os.{name}" for name in _OS_FILES), _IO),
    **dict.fromkeys(("os._exit", "os.abort", "os.kill", "os.killpg", "os.fork", "os.register_at_fork"), _PROCESS),
}

#: Everything below these modules.
MODULES: dict[str, Rule] = {
    "random": _RANDOM,
    "secrets": _RANDOM,
    "numpy.random": _RANDOM,
    "os": _ENVIRONMENT,
    "os.path": _IO,
    "platform": _ENVIRONMENT,
    **dict.fromkeys(("threading", "multiprocessing", "concurrent", "_thread"), _WAITS),
    **dict.fromkeys(("subprocess", "shutil", "tempfile", "glob", "pandas.io"), _IO),
    **dict.fromkeys(
        ("socket", "_socket", "ssl", "urllib.request", "http.client", "ftplib", "imaplib", "poplib", "smtplib",
         "xmlrpc", "requests", "httpx", "aiohttp", "urllib3", "boto3", "botocore", "grpc", "paramiko", "websockets",
         "spine_temporal.client"),
        _NETWORK,
    ),
    **dict.fromkeys(
        ("sqlite3", "psycopg", "psycopg2", "asyncpg", "sqlalchemy", "pyodbc", "pymysql", "oracledb", "pymongo",
         "redis", "snowflake", "spine_temporal.client.spine_connections", "spine_temporal.recording"),
        _DATABASE,
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
ALLOWED = frozenset(
    (
        *("random.Random", "os.fspath", "os.fsencode", "os.fsdecode"),
        *(f"os.path.{name}" for name in ("join", "basename", "dirname", "split", "splitext", "splitdrive", "normpath")),
        *(f"os.path.{name}" for name in ("normcase", "isabs", "commonprefix", "commonpath")),
    )
)

#: Exact names that `check` refuses beyond those that a worker refuses.
SEEN_BY_CHECK: dict[str, Rule] = {
    **dict.fromkeys(
        ("pandas._libs.tslibs.timestamps.Timestamp.now", "pendulum.now", "arrow.now", "arrow.utcnow", "time.strftime"),
        _CLOCK,
    ),
    **dict.fromkeys(("builtins.hash", "builtins.id"), replace(_RANDOM, why="differs between processes")),
    **dict.fromkeys(("logging.basicConfig", "logging.FileHandler"), _IO),
    **dict.fromkeys(
        ("logging.disable", "warnings.simplefilter", "warnings.filterwarnings", "locale.setlocale", "_locale.setlocale",
         "decimal.setcontext", "_decimal.setcontext"),
        _CHANGES,
    ),
    **dict.fromkeys(
        ("builtins.breakpoint", "builtins.Quitter", "sys.exit", "sys.setprofile", "sys.setrecursionlimit",
         "sys.setswitchinterval", "sys.settrace"),
        _PROCESS,
    ),
    **dict.fromkeys(
        ("builtins.eval", "builtins.exec", "builtins.compile"),
        Rule(code="SPN110", why="runs code that cannot be seen", advice="write the code itself"),
    ),
}  # fmt: skip

#: Everything below these modules, which `check` refuses beyond those that a worker refuses.
MODULES_SEEN_BY_CHECK: dict[str, Rule] = {
    "asyncio": _WAITS,
    **dict.fromkeys(("_ctypes", "atexit", "ctypes", "faulthandler", "gc", "pdb", "resource", "signal"), _PROCESS),
}

#: Values of modules that differ between workers.
ENVIRONMENT = frozenset(("os.name", "sys.argv", "sys.executable", "sys.flags", "sys.path", "sys.platform"))

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
