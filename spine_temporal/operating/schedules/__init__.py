"""Schedules as Temporal keeps them, and what they start."""
