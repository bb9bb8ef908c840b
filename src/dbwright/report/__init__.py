"""The Report for people and for machines: pure functions, one module a format."""
