"""Tables on the terminal."""

from rich.console import Console
from rich.table import Table


def print_whole(table: Table, console: Console) -> None:
    """A number that is cut short is worse than a line that the terminal breaks."""
    wide = console.options.update(width=1000)
    width, console.width = console.width, max(console.width, console.measure(table, options=wide).maximum)
    console.print(table)
    console.width = width
