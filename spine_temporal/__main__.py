"""``python -m spine_temporal``."""

from spine_temporal.cli.main import main

main()
