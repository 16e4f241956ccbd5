"""Whom Postgres runs as: this process's user, or a system user where that is root, whom Postgres refuses."""

import grp
import os
import pwd
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spine_temporal.embedded.errors import EmbeddedError

#: Name of the system user and of its group, which has no other member.
SYSTEM_USER = "embedded_postgres"
#: Variables that Postgres's programs may see; the others may hold secrets.
_VARIABLES = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "LD_LIBRARY_PATH")
#: Seconds for a program that is expected to end at once.
_SHORT = 30


@dataclass(frozen=True, kw_only=True)
class PostgresUser:
    """A user of this machine, and whether a program must be switched to it."""

    name: str
    uid: int
    gid: int
    is_switched: bool

    @property
    def options(self) -> Mapping[str, Any]:
        """What ``subprocess`` needs to run a program as this user, with none of root's groups and secrets."""
        environment = {name: os.environ[name] for name in _VARIABLES if name in os.environ}
        options: dict[str, Any] = {"env": environment, "cwd": "/", "umask": 0o077}
        if self.is_switched:
            options |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return options

    def can(self, program: Sequence[str]) -> bool:
        """Whether this user can run the program, and it succeeds."""
        try:
            ended = subprocess.run(  # noqa: S603 - our own arguments
                program, capture_output=True, timeout=_SHORT, check=False, **self.options
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        return ended.returncode == 0

    def can_enter(self, folder: Path) -> bool:
        """Whether this user can reach what lies in the folder."""
        return self.can(["/bin/sh", "-c", 'cd "$1"', "sh", str(folder)])


def postgres_user() -> PostgresUser:
    """Return the user; root makes the system user where there is none. Raises ``EmbeddedError``."""
    uid = os.geteuid()
    if uid == 0:
        _make_system_user()
    try:
        entry = pwd.getpwnam(SYSTEM_USER) if uid == 0 else pwd.getpwuid(uid)
    except KeyError:
        raise EmbeddedError(
            f"Postgres does not run for a user without a name ({uid}): add it to /etc/passwd, or set SPINE_DATABASE_URL"
        ) from None
    if uid == 0:
        return PostgresUser(name=entry.pw_name, uid=entry.pw_uid, gid=private_group() or entry.pw_gid, is_switched=True)
    return PostgresUser(name=entry.pw_name, uid=uid, gid=os.getegid(), is_switched=False)


def private_group() -> int | None:
    """Return the id of the system user's group, None where there is none yet."""
    try:
        return grp.getgrnam(SYSTEM_USER).gr_gid
    except KeyError:
        return None


def _make_system_user() -> None:
    if private_group() is None:
        _call("groupadd", "--system", SYSTEM_USER)
    try:
        pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        _call(
            "useradd", "--system", "--gid", SYSTEM_USER, "--no-create-home", "--home-dir", "/nonexistent",
            "--shell", "/usr/sbin/nologin", SYSTEM_USER,
        )  # fmt: skip


def _call(name: str, *arguments: str) -> None:
    program = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    try:
        if program is None:
            raise FileNotFoundError(f"there is no {name}")
        subprocess.run([program, *arguments], capture_output=True, check=True, timeout=_SHORT)  # noqa: S603 - our own
    except subprocess.CalledProcessError as error:
        if error.returncode != 9:  # another process has just made it
            raise _no_user(error.stderr.decode(errors="replace").strip()) from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _no_user(str(error)) from None


def _no_user(reason: str) -> EmbeddedError:
    return EmbeddedError(
        f"Postgres does not run as root, and the system user {SYSTEM_USER!r} cannot be made ({reason}): make it, "
        "run this as another user, or set SPINE_DATABASE_URL"
    )
