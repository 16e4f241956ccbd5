"""Replay histories with the code at hand, to know before a deployment whether it goes on with runs in flight."""
