"""The one place that reads the settings: ``SPINE_`` variables, else the project's file, into one typed object."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.definition.names import did_you_mean, nearest
from spine_temporal.definition.redaction import redacted
from spine_temporal.project import HOME, Project, current_folder, find_project

#: Prefix of every variable that belongs to this program.
PREFIX = "SPINE_"
#: Tables of the project's file that are no settings of a process.
TABLES = ("check", "notifications")
#: From which likeness on a variable counts as one of ours, misspelled.
_NEARLY = 0.85

_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*|.+\.py")
_ADDRESS = re.compile(r".+:\d{1,5}")
_POSTGRES = re.compile(r"(postgres|postgresql|postgresql\+psycopg)://.*")


def _listed(value: Any) -> Any:
    """Return the names of a list that is written as text."""
    return value.replace(",", " ").split() if isinstance(value, str) else value


def _separated(value: Any) -> Any:
    """Return the folders of a list that is written as PATH is."""
    return [part for part in value.split(os.pathsep) if part.strip()] if isinstance(value, str) else value


def _like(pattern: re.Pattern[str]) -> AfterValidator:
    def check(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError("another form")
        return text

    return AfterValidator(check)


Text = Annotated[str, Field(min_length=1)]
Module = Annotated[str, _like(_MODULE)]
Address = Annotated[str, _like(_ADDRESS)]
PostgresUrl = Annotated[str, _like(_POSTGRES)]


class Settings(BaseModel):
    """How this process finds its servers and its modules. A field's description says what is allowed.

    Temporal is configured by the standard ``TEMPORAL_*`` variables and ``temporal.toml`` profiles; where neither is
    set, and where ``database_url`` is not, the embedded server is used.
    """

    model_config = ConfigDict(frozen=True)

    #: Holds the embedded servers' data and sockets.
    home: Annotated[Path, AfterValidator(Path.expanduser)] = Field(default=Path(HOME), description="a folder")
    #: Postgres; None for the embedded one.
    database_url: PostgresUrl | None = Field(
        default=None, description="like postgresql://user:password@host:5432/database"
    )
    #: Schema of the tables; None for the connection's own search_path.
    database_schema: Text | None = Field(default=None, description="the name of a schema")
    #: Task queue of the service's workers.
    task_queue: Text = Field(default="spine", description="a name")
    #: Packages that are loaded with everything below them; one of the default that does not exist is left out.
    modules: Annotated[tuple[Module, ...], BeforeValidator(_listed)] = Field(
        default=("activities", "workflows"), description="names of packages or modules, or paths of .py files"
    )
    #: How many activities one worker runs at once; each pipeline has a process and a connection.
    max_activities: int = Field(default=20, ge=1, description="a whole number from 1")
    #: Seconds that running pipelines get to finish after the first signal, before they are handed back.
    grace: float = Field(default=20, ge=0, allow_inf_nan=False, description="a number of seconds from 0")
    #: Where a worker answers /livez, /readyz and /metrics; None: nowhere.
    health_address: Address | None = Field(default=None, description="host:port, for example 0.0.0.0:8080")
    #: How a worker logs: lines for people, or a JSON object for each.
    log_format: Literal["text", "json"] = Field(default="text", description="text or json")
    #: The worker's deployment in Temporal's Worker Versioning, and its build; runs stay on the build they began with.
    deployment_name: Text | None = Field(default=None, description="a name")
    build_id: Text | None = Field(default=None, description="a name")
    #: Folders that params may name files in; none: the current one, the home, the temporary one.
    data_roots: Annotated[tuple[Path, ...], BeforeValidator(_separated)] = Field(
        default=(), description="folders, separated as in PATH"
    )
    #: The project's folder, which its modules are imported from; found, never given.
    project: Path | None = None
    #: The workflow that a command names by its place (``file.py:NAME``); of the command line, and never of a setting.
    reference: str | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None, folder: Path | None = None) -> "Settings":
        """Read the project's file, found upwards from the folder, and ``SPINE_*``, which wins.

        A variable that is set to nothing counts as not set. Raises ``SpineError`` naming the variable, or the file
        and its key.
        """
        project = find_project(folder or current_folder())
        given = _of_project(project) | _of_environment(os.environ if environ is None else environ)
        values = {name: each.value for name, each in given.items()}
        try:
            return cls.model_validate({**values, "project": project.folder if project else None})
        except ValidationError as error:
            name = str(error.errors(include_url=False)[0]["loc"][0])
            raise _refusal(name, given[name], cls.model_fields[name].description) from None


#: What can be set.
NAMES = tuple(name for name in Settings.model_fields if name not in {"project", "reference"})


@dataclass(frozen=True, kw_only=True)
class _Given:
    """A value, and where it stands."""

    value: Any
    where: str


def _of_environment(environ: Mapping[str, str]) -> dict[str, _Given]:
    _refuse_misspelled(environ)
    given: dict[str, _Given] = {}
    for name in NAMES:
        variable = PREFIX + name.upper()
        text = environ.get(variable, "").strip()
        if text:
            given[name] = _Given(value=text, where=variable)
    return given


def _refuse_misspelled(environ: Mapping[str, str]) -> None:
    """Refuse a variable that is nearly one of ours; others of the prefix are a service's own."""
    for variable in environ:
        name = variable.removeprefix(PREFIX).lower()
        meant = nearest(name, NAMES, likeness=_NEARLY) if variable.startswith(PREFIX) else None
        if meant is not None and meant != name:
            raise SpineError(
                f"the variable {variable} is unknown; did you mean {PREFIX}{meant.upper()}?",
                ErrorCategory.CONFIGURATION,
            )


def _of_project(project: Project | None) -> dict[str, _Given]:
    """Return the settings of the project's file, their paths from its folder on."""
    if project is None:
        return {}
    _refuse_unknown(project)
    values: dict[str, Any] = {
        "home": HOME,
        **{name: value for name, value in project.settings.items() if name not in TABLES},
    }
    if isinstance(values["home"], str):
        values["home"] = project.folder / Path(values["home"]).expanduser()
    roots = _separated(values.get("data_roots"))
    if isinstance(roots, list):
        values["data_roots"] = [project.folder / root if isinstance(root, str) else root for root in roots]
    modules = _listed(values.get("modules"))
    if isinstance(modules, list):
        values["modules"] = [_from(project.folder, module) for module in modules]
    return {name: _Given(value=value, where=project.where(name)) for name, value in values.items()}


def _from(folder: Path, module: Any) -> Any:
    return str(folder / module) if isinstance(module, str) and module.endswith(".py") else module


def _refuse_unknown(project: Project) -> None:
    for name in project.settings:
        if name not in (*NAMES, *TABLES):
            raise SpineError(
                f"{project.where(name)} is unknown: allowed are {', '.join(NAMES)}{did_you_mean(name, NAMES)}",
                ErrorCategory.CONFIGURATION,
            )


def _refusal(name: str, given: _Given, allowed: str | None) -> SpineError:
    """Say what was given; never of a URL that cannot be read, any part of which may be its password."""
    shown = "not a URL of Postgres" if name == "database_url" else redacted(repr(given.value))[:200]
    return SpineError(f"{given.where} is {shown}", ErrorCategory.CONFIGURATION, advice=f"it must be {allowed}")
