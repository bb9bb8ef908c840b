"""Reading a project's source: its models, queries and migrations, without running any of it."""
