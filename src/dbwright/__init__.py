"""dbwright: the database engineer that teams without a DBA do not have."""

__version__ = "0.1.0"
