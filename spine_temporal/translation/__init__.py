"""Spine to Temporal: a Workflow becomes a workflow definition that drives the machine; gates run in the sandbox."""
