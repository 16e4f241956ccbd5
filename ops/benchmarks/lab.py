"""The servers under measure, and the systems on them: started, ordered about, their processor time counted."""

import json
import os
import re
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg

from spine_temporal.embedded import embedded_servers
from spine_temporal.embedded.state import ServerState
from spine_temporal.recording.database import Database
from spine_temporal.recording.migrate import upgrade
from spine_temporal.translation.search_attributes import SEARCH_ATTRIBUTES

MODULES = ("activities",)
_VACUUMING = "SELECT FROM pg_stat_activity WHERE backend_type = 'autovacuum worker'"
#: Seconds that an order may take.
_PATIENCE = 1200
#: Parts whose processor time is told apart.
PARTS = ("python", "temporal", "postgres")


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One order done: how long, and what it cost."""

    runs: int
    #: Of all runs together.
    seconds: float
    #: Of each run.
    each: tuple[float, ...]
    #: Processor seconds by part.
    cpu: Mapping[str, float]
    #: What the runs had to tell.
    told: tuple[Any, ...] = ()

    @property
    def per_second(self) -> float:
        """Runs by second."""
        return self.runs / self.seconds

    @property
    def cpu_a_run(self) -> float:
        """Processor seconds of all parts, by run."""
        return sum(self.cpu.values()) / self.runs

    @property
    def latency(self) -> float:
        """Median seconds of one run."""
        ordered = sorted(self.each)
        return ordered[len(ordered) // 2]


@dataclass(kw_only=True)
class Lab:
    """A Temporal and a Postgres as the product starts them; each system gets a database of its own."""

    home: Path
    state: ServerState
    database_url: str
    systems: list["System"] = field(default_factory=list)

    def database(self, name: str) -> str:
        """Make a migrated database; return its URL."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        head, _, query = self.database_url.partition("?")
        url = f"{head.rpartition('/')[0]}/{name}?{query}"
        database = Database(url)
        upgrade(database, MODULES)
        database.close()
        return url

    def drop(self, url: str) -> None:
        """Drop a database, so that no autovacuum comes back to it while another is measured."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{url.partition("?")[0].rpartition("/")[2]}" WITH (FORCE)')

    def system(self, name: str, module: str, *arguments: str) -> "System":
        """Start a system in a process of its own, and wait until it takes orders."""
        url = self.database(f"bench_{len(self.systems)}_{re.sub(r'[^a-z0-9]+', '_', name.lower())}")
        system = System(name=name, lab=self, url=url, module=module, arguments=arguments)
        self.systems.append(system)
        return system

    def settle(self) -> None:
        """Wait until Postgres has written what the last work left it to write, which the next would pay for."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute("CHECKPOINT")
            while connection.execute(_VACUUMING).fetchone() is not None:
                time.sleep(0.2)

    def cpu(self) -> dict[str, float]:
        """Return processor seconds of the servers until now."""
        return {"temporal": _seconds(self.state.temporal_pid), "postgres": _seconds(self._postgres_pid())}

    def _postgres_pid(self) -> int:
        with psycopg.connect(self.database_url) as connection:
            row = connection.execute("SELECT pg_backend_pid()").fetchone()
            parent = psutil.Process(row[0] if row else 0).parent()
        assert parent is not None
        return int(parent.pid)


@contextmanager
def lab() -> Iterator[Lab]:
    """Have servers in a home of their own while the block does."""
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        home = Path(folder) / "spine"
        with embedded_servers(home, search_attributes=SEARCH_ATTRIBUTES) as state:
            made = Lab(home=home, state=state, database_url=state.database_url or "")
            try:
                yield made
            finally:
                for system in made.systems:
                    system.stop()


class System:
    """One system in a process of its own."""

    def __init__(self, *, name: str, lab: Lab, url: str, module: str, arguments: tuple[str, ...]) -> None:
        self.name, self.url, self._lab = name, url, lab
        self._next = 0
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | {
            "BENCH_TEMPORAL": lab.state.temporal_address or "",
            "BENCH_DATABASE": url,
            "BENCH_HOME": str(lab.home),
        }
        began = time.perf_counter()
        self._log = (lab.home / "logs" / f"{name}.log").open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        self._answer()
        #: Seconds from the process's start to its first word.
        self.ready_after = time.perf_counter() - began

    @property
    def runs(self) -> int:
        """How many runs it was given."""
        return self._next

    def measure(self, runs: int, *, at_once: int = 1) -> Measure:
        """Have it do runs, so many at once."""
        before = self._cpu()
        first, self._next = self._next, self._next + runs
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"runs": runs, "first": first, "at_once": at_once}) + "\n")
        self._process.stdin.flush()
        answer = self._answer()
        after = self._cpu()
        return Measure(
            runs=runs,
            seconds=answer["seconds"],
            each=tuple(answer["each"]),
            cpu={part: after[part] - before[part] for part in PARTS},
            told=tuple(answer["told"]),
        )

    def skip_to(self, number: int) -> None:
        """Let the next run have this number."""
        self._next = number

    def memory(self) -> int:
        """Return its resident bytes."""
        return int(psutil.Process(self._process.pid).memory_info().rss)

    def rows(self, query: str) -> int:
        """Return a count from its database."""
        with psycopg.connect(self.url) as connection:
            row = connection.execute(query).fetchone()
        return int(row[0]) if row else 0

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._log.close()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], _PATIENCE)
        line = self._process.stdout.readline() if ready else ""
        if not line:
            log = Path(self._log.name).read_text()[-3000:]
            raise RuntimeError(f"{self.name} gives no answer (exit code {self._process.poll()}):\n{log}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _cpu(self) -> dict[str, float]:
        return {"python": _seconds(self._process.pid), **self._lab.cpu()}


def _seconds(pid: int | None) -> float:
    """Return processor seconds of a process, its children, and the children that it has reaped."""
    if pid is None:
        return 0.0
    process = psutil.Process(pid)
    times = process.cpu_times()
    total = times.user + times.system + times.children_user + times.children_system
    for child in process.children(recursive=True):
        try:
            own = child.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += own.user + own.system
    return float(total)
