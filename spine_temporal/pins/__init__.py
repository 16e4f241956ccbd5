"""Pins: what each workflow asks of Temporal, kept beside the tests, and what a change of it means."""
