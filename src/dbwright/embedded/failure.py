"""The error of the embedded server."""

from dbwright.errors import DbwrightError


class EmbeddedServerError(DbwrightError):
    """The embedded PostgreSQL server could not be started, restarted or used."""
