"""How bad an anomaly is."""

from enum import StrEnum


class Severity(StrEnum):
    """How bad an anomaly is; the values are those of ``core_anomalies``."""

    #: Worth knowing; nobody need do anything.
    INFO = "INFO"
    #: The run went on, and somebody should look.
    WARN = "WARN"
    #: The run could not go on, or its result is not to be relied on.
    ERROR = "ERROR"
