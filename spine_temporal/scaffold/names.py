"""Names of what is to be written, checked, in the forms that files, classes and tables need."""

import keyword
import re
from dataclasses import dataclass
from typing import NewType

from pydantic import BaseModel

from spine_temporal.definition.errors import ParamsError

_PART = re.compile(r"[a-z][a-z0-9_]*")
#: A revision, which is the domain and a number, has at most 32 characters in Alembic's table; a table 63 in Postgres.
_LONGEST_DOMAIN, _LONGEST_OPERATION = 27, 30
#: The tables and revisions of spine-temporal itself begin so.
_CORE = "core"
#: Modules of these names are something else: a domain's revisions, and its commands.
_RESERVED = {"migrations", "commands"}
#: Constants of the tests that are written.
_OF_TESTS = {"DAY", "VALUES"}

#: The param that says which day a run works on, as an identifier.
DatedParam = NewType("DatedParam", str)


@dataclass(frozen=True, kw_only=True)
class NewName:
    """A name ``domain.operation``; the domain may have dots of its own."""

    domain: str
    operation: str

    def __str__(self) -> str:
        return f"{self.domain}.{self.operation}"

    @property
    def folders(self) -> str:
        """The domain as a path: ``finra/otc``."""
        return self.domain.replace(".", "/")

    @property
    def branch(self) -> str:
        """How the domain's revisions begin: ``finra_otc``."""
        return self.domain.replace(".", "_")

    @property
    def table(self) -> str:
        """The name as a table, or a part of a file's name."""
        return f"{self.branch}_{self.operation}"

    @property
    def constant(self) -> str:
        """The name that a workflow has in its module."""
        name = self.operation.upper()
        return f"{name}_WORKFLOW" if name in _OF_TESTS else name

    @property
    def class_name(self) -> str:
        """The name that a pipeline's class ends with."""
        return "".join(part.capitalize() for part in self.operation.split("_"))


def new_name(text: str, what: str) -> NewName:
    """Return the name of a workflow or a pipeline. Raises ``ParamsError`` saying what it must be."""
    *domain, operation = text.split(".")
    if not domain:
        raise ParamsError(f"the {what} {text!r} has no domain", advice=f"name it domain.operation, as prices.{text}")
    for part in (*domain, operation):
        _require_part(part, text, what)
    if domain[0] == _CORE or text.startswith(f"{_CORE}_"):
        raise ParamsError(f"the {what} {text!r} begins as spine-temporal's own tables do: give it another domain")
    _require_length(".".join(domain), _LONGEST_DOMAIN, f"the domain of {text!r}")
    _require_length(operation, _LONGEST_OPERATION, f"the operation of {text!r}")
    return NewName(domain=".".join(domain), operation=operation)


def dated_param(text: str) -> DatedParam:
    """Return the name of the param that says which day a run works on. Raises ``ParamsError``."""
    if not _PART.fullmatch(text) or keyword.iskeyword(text):
        raise ParamsError(
            f"the param {text!r} is no name for Python",
            advice="name it in small letters, digits and _, as day or week_ending",
        )
    if hasattr(BaseModel, text) or text.startswith("model_") or text in {"datetime", "dict", "str"}:
        raise ParamsError(f"the param {text!r} would hide a name that its class needs: take another, as day")
    return DatedParam(text)


def _require_part(part: str, text: str, what: str) -> None:
    if not _PART.fullmatch(part):
        raise ParamsError(
            f"the {what} {text!r} is not named domain.operation",
            advice="use small letters, digits and _ between the dots, each part beginning with a letter",
        )
    if keyword.iskeyword(part) or part in _RESERVED:
        whose = "a word of Python's own" if keyword.iskeyword(part) else "the name of another part of a domain"
        raise ParamsError(f"the {what} {text!r} has {part!r}, {whose}: take another for its module")


def _require_length(text: str, longest: int, what: str) -> None:
    if len(text) > longest:
        raise ParamsError(f"{what} has {len(text)} characters, and tables and revisions leave it {longest}: shorten it")
