"""Backfills: many partitions of one workflow, a few at a time, to the last of them."""
