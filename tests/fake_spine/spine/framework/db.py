"""The connection's provider, as a real Spine has it."""

_connection_provider = None


def set_connection_provider(provider):
    global _connection_provider
    _connection_provider = provider


def get_connection():
    if _connection_provider is None:
        raise RuntimeError("No connection provider configured.")
    return _connection_provider()
