"""What ``dev`` asks a process of its own before it starts its worker anew: whether the modules load as they are now."""

import json
import sys
from pathlib import Path
from typing import NamedTuple

from spine_temporal.definition.errors import DefinitionError, SpineError
from spine_temporal.runtime.definitions import load_definitions
from spine_temporal.settings import Settings
from spine_temporal.translation.snapshot import user_files


class Folders(NamedTuple):
    """Where source is that a worker loads."""

    #: Packages that are loaded with everything below them, and will be with what comes to be there.
    deep: tuple[str, ...] = ()
    #: Folders of single modules.
    flat: tuple[str, ...] = ()


def source_folders(settings: Settings) -> Folders:
    """Load the modules, and return the folders of what was loaded. Raises ``DefinitionError``."""
    load_definitions(settings.modules)
    packages = [getattr(sys.modules.get(name), "__path__", ()) for name in settings.modules]
    deep = {Path(path).resolve() for paths in packages for path in paths}
    files = {path.resolve() for path in user_files().values()}
    flat = {path.parent for path in files if not any(path.is_relative_to(folder) for folder in deep)}
    return Folders(deep=tuple(sorted(map(str, deep))), flat=tuple(sorted(map(str, flat))))


def main() -> int:
    """Print the folders as JSON; where the modules do not load, say why on stderr."""
    try:
        folders = source_folders(Settings.from_environment())
    except (DefinitionError, SpineError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"\n{json.dumps(folders)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
