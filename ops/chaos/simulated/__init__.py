"""A model of Postgres, of Temporal and of what the activities and people do, for the simulation."""
