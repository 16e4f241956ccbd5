"""A Temporal, a Postgres and two workers, each of which can be killed and comes back."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import psycopg

from ops.chaos import jobs
from ops.chaos.proxy import Proxy
from ops.hostile import mean
from spine_temporal.embedded.errors import EmbeddedError
from spine_temporal.embedded.postgres_server import start_postgres, stop_postgres
from spine_temporal.embedded.state import ServerState
from spine_temporal.embedded.temporal_server import start_temporal, stop_temporal
from spine_temporal.recording.database import Database
from spine_temporal.recording.migrate import upgrade
from spine_temporal.translation.search_attributes import SEARCH_ATTRIBUTES

TASK_QUEUE = "chaos"
MODULES = ("activities", "workflows", "ops.chaos.jobs", "ops.hostile.mean")
WORKERS = 2
#: Megabytes of the disk that is filled, where the machine lets us mount one.
_DISK = 3000


class World:
    """One home with its servers and workers."""

    def __init__(
        self,
        home: Path,
        *,
        small_disk: bool = False,
        modules: Sequence[str] = MODULES,
        dynamic_config: Mapping[str, str] = MappingProxyType({}),
        python: str = sys.executable,
        project: Path | None = None,
    ) -> None:
        """``project``: the folder that workers run in; None: this process's."""
        self.home = home
        self._project = project
        self._modules = modules
        self._dynamic_config = dynamic_config
        self._python = python
        self.disk = self._mounted() if small_disk else False
        (home / "logs").mkdir(parents=True, exist_ok=True)
        home.chmod(0o755)
        self.database_url, self.postgres = start_postgres(home)
        self.address, _, self.temporal = start_temporal(
            home,
            SEARCH_ATTRIBUTES,
            port=_free_port(),
            ui_port=_free_port(),
            before=ServerState(),
            dynamic_config=dynamic_config,
        )
        self.proxy = Proxy(int(self.address.rpartition(":")[2]))
        self._prepare()
        self.workers: list[subprocess.Popen[bytes] | None] = [None] * WORKERS
        for number in range(WORKERS):
            self.start_worker(number)

    def start_worker(self, number: int) -> None:
        """Start a worker; a supervisor's duty, so one that has ended for want of a server is started again."""
        environment = dict(os.environ) | {
            "SPINE_HOME": str(self.home / "unused"),
            "SPINE_DATABASE_URL": self.database_url,
            "SPINE_TASK_QUEUE": TASK_QUEUE,
            "SPINE_MODULES": ",".join(self._modules),
            "TEMPORAL_ADDRESS": f"127.0.0.1:{self.proxy.port}",
            "PYTHONPATH": os.pathsep.join(filter(None, [str(Path.cwd()), os.environ.get("PYTHONPATH")])),
        }
        self._pid_file(number).unlink(missing_ok=True)
        with (self.home / "logs" / f"worker{number}.log").open("ab") as log:
            self.workers[number] = subprocess.Popen(
                [self._python, "-m", "ops.chaos.worker", str(self._pid_file(number)), "worker"],
                env=environment,
                cwd=self._project,
                stdout=log,
                stderr=log,
            )

    def tend_workers(self) -> None:
        """Start those again that have ended."""
        for number, worker in enumerate(self.workers):
            if worker is not None and worker.poll() is not None:
                self.start_worker(number)

    def kill_worker(self, number: int) -> None:
        """Kill -9 a worker."""
        worker = self.workers[number]
        if worker is not None:
            worker.kill()
            worker.wait()

    def signal_worker(self, number: int, what: signal.Signals) -> None:
        """Stop a worker in its tracks, or wake it."""
        worker, told = self.workers[number], self._pid_file(number)
        pid = told.read_text() if told.exists() else ""  # it tells when it begins
        if worker is not None and worker.poll() is None and pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), what)

    def kill_postgres(self) -> None:
        """Kill -9 the postmaster."""
        _kill(self.postgres)

    def start_postgres(self) -> None:
        """Bring Postgres back, however it ended."""
        for _ in range(5):
            with contextlib.suppress(EmbeddedError, OSError, ValueError, IndexError):
                self.database_url, self.postgres = start_postgres(self.home)
                return
            time.sleep(1)
        self.database_url, self.postgres = start_postgres(self.home)

    def kill_temporal(self) -> None:
        """Kill -9 Temporal."""
        _kill(self.temporal)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.temporal, 0)

    def start_temporal(self) -> None:
        """Bring Temporal back, on its port and its file."""
        port = int(self.address.rpartition(":")[2])
        self.address, _, self.temporal = start_temporal(
            self.home,
            SEARCH_ATTRIBUTES,
            port=port,
            ui_port=_free_port(),
            before=ServerState(),
            dynamic_config=self._dynamic_config,
        )

    def cut_sessions(self) -> int:
        """End every session of the workers; return how many."""
        query = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE 'spine%'"
        try:
            with psycopg.connect(self.database_url, connect_timeout=2) as connection:
                row = connection.execute(query).fetchone()
                return row[0] if row else 0
        except psycopg.Error:
            return 0

    def fill_disk(self) -> None:
        """Leave no room under Postgres."""
        with (self.home / "postgres" / "filler").open("wb") as filler, contextlib.suppress(OSError):
            while True:
                filler.write(bytes(1 << 20))

    def empty_disk(self) -> None:
        """Give the room back; Postgres may have ended for want of it."""
        (self.home / "postgres" / "filler").unlink(missing_ok=True)
        try:
            psycopg.connect(self.database_url, connect_timeout=5).close()
        except psycopg.Error:
            self.kill_postgres()
            self.start_postgres()

    def close(self) -> None:
        """Stop everything and leave nothing."""
        for worker in self.workers:
            if worker is not None:
                worker.send_signal(signal.SIGCONT)
                worker.kill()
                worker.wait()
        self.proxy.close()
        stop_temporal(self.temporal)
        with contextlib.suppress(EmbeddedError):
            stop_postgres(self.home)
        if self.disk:
            subprocess.run(["umount", "-l", str(self.home / "postgres")], check=False)
        shutil.rmtree(self.home, ignore_errors=True)

    def _pid_file(self, number: int) -> Path:
        """Where a worker tells its pid: where it starts warm, another process stands for it."""
        return self.home / "logs" / f"worker{number}.pid"

    def _prepare(self) -> None:
        database = Database(self.database_url)
        upgrade(database, self._modules)
        with database.begin() as connection:
            connection.exec_driver_sql(jobs.TABLE)
            connection.exec_driver_sql(mean.TABLE)
        database.close()

    def _mounted(self) -> bool:
        """Put Postgres on a small disk of its own, where the machine allows it."""
        folder = self.home / "postgres"
        folder.mkdir(parents=True)
        arguments = ["mount", "-t", "tmpfs", "-o", f"size={_DISK}m,mode=755", "tmpfs", str(folder)]
        return os.geteuid() == 0 and subprocess.run(arguments, check=False, capture_output=True).returncode == 0


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _free_port() -> int:
    """Return a port that nobody else is likely to take while its server is dead: none of the well-known ones."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
