"""Processes of a worker in which user code runs: they can be stopped, killed and replaced; the worker goes on."""
