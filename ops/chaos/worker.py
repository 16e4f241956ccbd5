"""The worker of the chaos run: where a step was brief once, it is brief, so that many are."""

from spine_temporal.cli.main import main
from spine_temporal.runtime import brief_steps

if __name__ == "__main__":
    brief_steps.SEEN = 1
    main()
