"""Postgres: the tables, what is written to them, and the one door to the database."""
