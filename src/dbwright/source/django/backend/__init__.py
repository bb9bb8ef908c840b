"""A Django database backend for PostgreSQL that connects to nothing: it writes down the statements and gives back made-up rows."""
