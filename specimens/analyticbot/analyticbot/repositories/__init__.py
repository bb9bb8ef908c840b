"""Everything that asks the database stands in here; routes and tasks only call it."""
