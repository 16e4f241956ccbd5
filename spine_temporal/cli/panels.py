"""Under which headings ``--help`` has the commands; a service's own stand under another."""

SERVERS = "Servers, workers, the database"
WRITING = "Writing workflows"
RUNS = "Runs"
MENDING = "When a run has failed, is held, or does not move"
ROWS = "What runs have written"
DEPLOYING = "Before a deployment"
PICTURES = "Workflows and runs as pictures, and what has changed"
