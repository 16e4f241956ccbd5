"""Descriptions of generated workflows by attribute name; passed through the sandbox, so that both sides see them.

A worker's processes find them in a file, as they load this module for themselves.
"""

import json
import os
from pathlib import Path

#: Names the file.
VARIABLE = "SPINE_TEST_SPECS"

SPECS: dict[str, tuple[str, list[dict]]] = {}


def write(path):
    """Let processes that load this module from now on know what this one knows."""
    path.write_text(json.dumps(SPECS))


if os.environ.get(VARIABLE):
    SPECS.update(json.loads(Path(os.environ[VARIABLE]).read_text()))
