"""Spine's own name for the connection that a pipeline writes on."""

from spine_temporal.client.spine_connections import clear_connection_provider, get_connection, set_connection_provider

__all__ = ["clear_connection_provider", "get_connection", "set_connection_provider"]
