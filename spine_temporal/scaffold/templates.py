"""The templates of new files, in ``templates/``: ``$name`` stands for a value, as in ``string.Template``."""

from importlib.resources import files
from string import Template

#: No linter, type checker or packager takes a template for the code that is made of it.
_SUFFIX = ".template"


def rendered(template: str, /, **values: str) -> str:
    """Return a template's text with these values in it."""
    text = files(__package__).joinpath("templates", f"{template}{_SUFFIX}").read_text(encoding="utf-8")
    return Template(text).substitute(values)
