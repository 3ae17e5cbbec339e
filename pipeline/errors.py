"""The errors that users see, apart from pydantic so that the command line starts at once."""


class UsageError(ValueError):
    """What the user gave can't be run: names the field, the value and the remedy. Exit status 2."""


class RunError(RuntimeError):
    """A run can't go on: names the file, the place, the rule and the remedy. Exit status 1."""


class LawBroken(RunError):  # noqa: N818 - it is what it says
    """A count that must hold does not; carries the numbers on both sides."""
