"""Changes rendered: as SQL here, as migrations of the ORM's own kind beside it."""
