"""SQLAlchemy: its models, sessions and queries, read without running the project. ``framework.SQLAlchemy`` is the entry."""
