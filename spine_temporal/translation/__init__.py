"""Spine to Temporal: a Workflow becomes a workflow definition that drives the machine, inside the sandbox."""
