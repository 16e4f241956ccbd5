"""Deadlines: which partitions are late, told once, and which have recovered."""
