"""The error of data that does not hold what it promises."""


class InvalidInput(ValueError):
    """Something a caller gave is missing, malformed or out of range.

    Args:
        message: What was wrong and what is expected, in the caller's language.
        field: Path of the offending field, as ``options.grid`` or ``rows[3].boxes``.
    """

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message
