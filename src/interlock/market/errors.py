"""What can be wrong with a market file, said so that a person can find the line and mend it."""

from pathlib import Path


class MarketFileError(Exception):
    """A file that cannot be read as a market. ``line`` counts from 1; 0 is the file as a whole."""

    def __init__(self, file: Path, line: int, what: str, way_out: str = "") -> None:
        self.file = file
        self.line = line
        self.what = what
        self.way_out = way_out
        where = f"{file}:{line}" if line else str(file)
        super().__init__(f"{where}: {what}.{f' {way_out}' if way_out else ''}")
