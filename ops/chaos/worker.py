"""The worker of the chaos run: where a step was brief once, it is brief, so that many are.

It writes its pid into the file that is named first: who has started it may have started another that stands for it.
"""

import os
import sys
from pathlib import Path

from spine_temporal.cli.main import main
from spine_temporal.runtime import brief_steps

if __name__ == "__main__":
    Path(sys.argv.pop(1)).write_text(str(os.getpid()))
    brief_steps.SEEN = 1
    main()
