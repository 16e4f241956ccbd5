"""The pages as a site: `make docs`. They are read where they are, so that their links work in both places."""

import logging
import tomllib
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
_PROJECT = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]

logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of its plugins as it is imported

project = _PROJECT["name"]
version = release = _PROJECT["version"]
extensions = ["myst_parser", "sphinx.ext.autodoc"]
html_theme = "furo"

root_doc = "docs/index"
include_patterns = ["*.md", "docs/**", "ops/runbooks/**"]
exclude_patterns = [".*", ".*/**", "build/**"]
source_suffix = {".md": "markdown"}
myst_heading_anchors = 4
myst_enable_extensions = ["html_image"]

autodoc_default_options = {"members": True, "undoc-members": True, "exclude-members": "model_config"}
autodoc_member_order = "bysource"
autodoc_typehints = "none"
# What another's library, or a private name, is called in a signature.
nitpick_ignore_regex = [(r"py:.*", r"(?!spine_temporal\.).*")]
