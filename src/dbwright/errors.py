"""The one base of every error that a user can cause and mend."""


class DbwrightError(Exception):
    """A mistake or an obstacle that needs a person: one line of what happened, one of what to do next.

    The command line prints both lines, without a traceback, and ends with exit code 2.
    """

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n{self.remedy}" if self.remedy else self.message
