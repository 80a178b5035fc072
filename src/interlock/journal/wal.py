"""What a crash left in SQLite's write-ahead log, read before SQLite does.

SQLite drops everything after the first page that fails its checksum and says nothing. Decides
whether that is a torn last commit, which was never acknowledged, or damage to commits that were.
Invariant: each commit is synced before the next begins, so commits after a bad page prove damage.

Format: https://www.sqlite.org/fileformat2.html#the_write_ahead_log
"""

import struct
from pathlib import Path

from msgspec import Struct

_HEADER = struct.Struct(">8I")
_PAGE_HEAD = struct.Struct(">6I")
_MAGIC = 0x377F0682
"""The lowest bit says in which byte order checksums were computed."""


class WalState(Struct, frozen=True):
    """``good`` pages, then what follows the first bad one in the same round of the log."""

    good: int
    beyond: int
    """Pages after the good ones, whole or in part."""
    commits_beyond: int
    readable: bool = True
    """Whether the log's own header is sound."""

    @property
    def torn(self) -> bool:
        return self.beyond > 0

    @property
    def damaged(self) -> bool:
        return not self.readable or self.commits_beyond > 1


CLEAN = WalState(0, 0, 0)


def inspect(path: Path) -> WalState:
    """Read the log as recovery would. About 60 us a page; a clean stop leaves no log at all."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return CLEAN
    if len(data) < _HEADER.size:
        return CLEAN
    magic, _, page_size, _, salt1, salt2, check1, check2 = _HEADER.unpack_from(data)
    order = ">" if magic & 1 else "<"
    sums = _checksum(data[:24], order, (0, 0))
    if magic & ~1 != _MAGIC or sums != (check1, check2):
        return WalState(0, 0, 0, readable=len(data) == _HEADER.size)
    good = committed = beyond = commits_beyond = 0
    sound = True
    at = _HEADER.size
    while at + 16 <= len(data):
        page = data[at + _PAGE_HEAD.size : at + _PAGE_HEAD.size + page_size]
        head = data[at : at + _PAGE_HEAD.size].ljust(_PAGE_HEAD.size, b"\0")
        _, commit, page_salt1, page_salt2, check1, check2 = _PAGE_HEAD.unpack(head)
        # Pages of an earlier round have neither salt; with one the page is ours, and damaged.
        ours = page_salt1 == salt1 or page_salt2 == salt2
        if sound and (page_salt1, page_salt2) == (salt1, salt2) and len(page) == page_size:
            sums = _checksum(page, order, _checksum(head[:8], order, sums))
            sound = sums == (check1, check2)
        else:
            sound = False
        if sound:
            good += 1
            committed = good if commit else committed
        elif ours:
            beyond += 1
            commits_beyond += commit != 0
        at += _PAGE_HEAD.size + page_size
    if sound and at < len(data):
        beyond += 1
    # Good pages of a commit whose last page is missing are as lost as the missing one.
    return WalState(committed, beyond + good - committed, commits_beyond)


def _checksum(data: bytes, order: str, sums: tuple[int, int]) -> tuple[int, int]:
    first, second = sums
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second
