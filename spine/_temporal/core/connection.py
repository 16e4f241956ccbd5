"""Spine's own name for where connections are made."""

from spine_temporal.client.spine_connections import ConnectionInfo, create_connection

__all__ = ["ConnectionInfo", "create_connection"]
