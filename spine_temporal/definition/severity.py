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


class AnomalyState(StrEnum):
    """What has become of an anomaly."""

    OPEN = "open"
    #: Somebody looks after it.
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class AnomalyCategory(StrEnum):
    """Spine's categories of anomalies, for code that names them; others are allowed."""

    QUALITY_GATE = "QUALITY_GATE"
    NETWORK = "NETWORK"
    DATA_QUALITY = "DATA_QUALITY"
    STEP_FAILURE = "STEP_FAILURE"
    WORKFLOW_FAILURE = "WORKFLOW_FAILURE"
    CONFIGURATION = "CONFIGURATION"
    SOURCE_ERROR = "SOURCE_ERROR"
    TIMEOUT = "TIMEOUT"
    RESOURCE = "RESOURCE"
    UNKNOWN = "UNKNOWN"
