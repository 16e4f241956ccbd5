"""What a shell is offered for an argument."""

import contextlib
import sys


def workflow_names(incomplete: str) -> list[str]:
    """Return the names of the workflows that begin so; none where the modules cannot be loaded."""
    from spine_temporal.definition.foreign import native  # noqa: PLC0415 - only for completion
    from spine_temporal.project import make_importable  # noqa: PLC0415
    from spine_temporal.runtime.modules import imported_modules  # noqa: PLC0415
    from spine_temporal.settings import Settings  # noqa: PLC0415

    with contextlib.redirect_stdout(sys.stderr), contextlib.suppress(Exception):
        settings = Settings.from_environment()
        make_importable(settings.project)
        values = [native(value) for module in imported_modules(settings.modules) for value in vars(module).values()]
        return sorted({each.name for each in values if each is not None and each.name.startswith(incomplete)})
    return []
