"""``make demo``: the weekly refresh on a generated week, from nothing to rows, with real servers."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg

from spine_temporal.embedded import embedded_servers
from spine_temporal.settings import Settings
from spine_temporal.translation.search_attributes import SEARCH_ATTRIBUTES

ROOT = Path(__file__).resolve().parents[1]
WORKFLOW = "finra.otc_transparency.weekly_refresh"
WEEK = "2025-11-28"
#: The same words wherever the clone and SPINE_HOME are: a param of the run, by which a second demo knows the first.
SAMPLE = Path(".spine", "demo", "finra_otc_weekly_otc_20251229.csv")
#: The demo has servers of its own, whatever is configured.
CONFIGURED = ("TEMPORAL_", "SPINE_DATABASE_", "SPINE_TASK_QUEUE", "SPINE_MODULES")
TOP = """
    SELECT symbol, to_char(total_shares, 'FM999,999,999,999'), venue_count, round(hhi::numeric, 4)
    FROM finra_otc_symbol_weekly_current WHERE week_ending = %s AND tier = 'OTC'
    ORDER BY total_shares DESC, symbol LIMIT 5
"""


def main() -> int:
    """Run the demo; return the exit code of the first command that fails, else 0."""
    os.chdir(ROOT)
    for name in [name for name in os.environ if name.startswith(CONFIGURED)]:
        del os.environ[name]
    os.environ["TEMPORAL_CONFIG_FILE"] = os.devnull
    SAMPLE.parent.mkdir(parents=True, exist_ok=True)
    with embedded_servers(Settings.from_environment().home, search_attributes=SEARCH_ATTRIBUTES) as servers:
        for arguments in (
            ("sample-data", "--tier", "OTC", "--week-ending", WEEK, "--rows", "5000", "--out", str(SAMPLE)),
            ("run", WORKFLOW, "-p", f"week_ending={WEEK}", "-p", "tier=OTC", "-p", f"file_path={SAMPLE}"),
            ("manifest", "--workflow", WORKFLOW),
            ("anomalies",),
        ):
            code = call(*arguments)
            if code:
                return code
        say("Five most traded symbols (finra_otc_symbol_weekly_current): shares, venues, HHI")
        with psycopg.connect(servers.database_url or "") as connection:
            for row in connection.execute(TOP, (WEEK,)):
                say(f"  {row[0]:<8}{row[1]:>16}{row[2]:>6}{row[3]:>10}")
    say("")
    say("Next: `.venv/bin/spine-temporal dev` keeps the servers and a worker running;")
    say(f"the run above is then at {servers.ui_url}/namespaces/default/workflows")
    return 0


def call(*arguments: str) -> int:
    """Run a command of ours, shown first."""
    say(f"\n$ spine-temporal {' '.join(arguments)}")
    return subprocess.run([sys.executable, "-m", "spine_temporal", *arguments], check=False).returncode


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
