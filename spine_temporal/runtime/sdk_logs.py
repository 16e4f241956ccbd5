"""What Temporal's core logs goes into the worker's own log: in its form, and masked as all of it is.

By itself the core writes it to stdout, in a form of its own and past Python's logging: the text of a failure too.
"""

import logging

from temporalio.runtime import LogForwardingConfig, LoggingConfig, Runtime, TelemetryConfig

#: Not below ``temporalio``, whose own records a worker leaves out.
CORE_LOGGER = "temporal_core"


def core_logs() -> LoggingConfig:
    """Return how a runtime of the SDK hands on what its core logs, from the levels on at which it would write it."""
    forwarding = LogForwardingConfig(logger=logging.getLogger(CORE_LOGGER), append_target_to_name=False)
    return LoggingConfig(filter=LoggingConfig.default.filter, forwarding=forwarding)


def log_core() -> None:
    """Have clients that are connected from now on log what their core logs in this process's own log."""
    Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=core_logs())), error_if_already_set=False)
