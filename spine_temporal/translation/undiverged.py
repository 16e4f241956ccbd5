"""The exceptions that end a run in a replay: all but the one that tells that it diverges from its history."""

from temporalio import workflow as temporal


class _Undiverged(type):
    def __subclasscheck__(cls, kind: type) -> bool:
        return issubclass(kind, Exception) and not issubclass(kind, temporal.NondeterminismError)

    def __instancecheck__(cls, error: object) -> bool:
        return cls.__subclasscheck__(type(error))


class UndivergedError(Exception, metaclass=_Undiverged):
    """Stands for every exception but the one that Temporal raises where a run diverges from its history."""
