"""What operates a service: workflows of the product itself, for schedules, deadlines, backfills and notifications."""
