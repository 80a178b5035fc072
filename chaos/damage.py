"""Damage: the files of a killed process, cut short or changed in one bit, at random offsets.

Decides what may become of a damaged journal. It stops the start, and names `interlock repair` or a
backup; or a commit that was never acknowledged is cut back with a warning; or the damage lies where
nothing is kept, and every frame reads as it was. Invariant: no acknowledged request disappears
without a word, and no changed frame is taken for what was written.
"""

import re
import shutil
from collections import Counter
from pathlib import Path
from random import Random

from msgspec import Struct

from chaos import checks
from chaos.client import Client
from chaos.life import Lives
from chaos.trial import Broken, Outcome, Trial
from interlock.journal.database import NAME as JOURNAL
from interlock.journal.errors import JournalDamaged, JournalError
from interlock.journal.frames import Frame
from interlock.journal.repair import LOG_NAME, cut_at
from interlock.journal.sqlite import SqliteJournal

TIMES = 60
"""Damages of each kind; the first of each kind also meet the real process."""
PROCESSES = 2
STOCK_S = 1.2
WAYS_OUT = ("interlock repair", "from a backup")
_CUT_AT = re.compile(r"--cut-at (\d+)")


class Hurt(Struct, frozen=True):
    """One damage, as text that lets one do it again."""

    file: str
    offset: int
    bit: int = -1
    """-1: the file ends at ``offset``."""

    def __str__(self) -> str:
        what = "cut at byte" if self.bit < 0 else f"bit {self.bit} flipped in byte"
        return f"{self.file} {what} {self.offset:,}"

    def to(self, folder: Path) -> None:
        path = folder / self.file
        data = bytearray(path.read_bytes())
        if self.bit < 0:
            del data[self.offset :]
        else:
            data[self.offset] ^= 1 << self.bit
        path.write_bytes(data)


class Stock:
    """A journal as ``kill -9`` left it, to be damaged over and over in copies."""

    def __init__(self, folder: Path, client: Client) -> None:
        self.folder = folder
        self.client = client
        opened = SqliteJournal(self.copy("whole"))
        self.frames = list(opened.read(1))
        opened.close()

    def copy(self, name: str) -> Path:
        there = self.folder.with_name(name)
        shutil.rmtree(there, ignore_errors=True)
        shutil.copytree(self.folder, there)
        return there

    def draw(self, rng: Random, flip: bool) -> Hurt:
        file = rng.choice([JOURNAL, LOG_NAME])
        size = (self.folder / file).stat().st_size
        return Hurt(file, rng.randrange(size), rng.randrange(8) if flip else -1)


def judge(stock: Stock, folder: Path) -> tuple[str, list[str]]:
    """What opening a damaged copy came to, in a word, and what was wrong about it."""
    warnings: list[str] = []
    try:
        opened = SqliteJournal(folder, warn=warnings.append)
    except JournalError as error:
        return "refused", _refusal(stock, folder, error)
    try:
        frames = list(opened.read(1))
    finally:
        opened.close()
    if frames == stock.frames:
        return "unharmed", []
    kept = len(frames)
    if frames != stock.frames[:kept]:
        return "changed", [f"frames were taken that nobody wrote, among the first {kept}"]
    if not any("cut back" in warning and f"frame {kept + 1}" in warning for warning in warnings):
        return "shorter", [f"frames from {kept + 1} on are gone and nobody was told: {warnings}"]
    return "cut back", list(checks.after_kill(folder, stock.client))


def _refusal(stock: Stock, folder: Path, error: JournalError) -> list[str]:
    """It names a way out, and the way leads out."""
    text = str(error)
    if not isinstance(error, JournalDamaged) or not any(way in text for way in WAYS_OUT):
        return [f"it stops without a way out: {text}"]
    named = _CUT_AT.search(text)
    if named is None:
        return []
    first = int(named[1])
    try:
        cut_at(folder, first)
        opened = SqliteJournal(folder)
    except JournalError as again:
        # More than one thing may be damaged; but it must not end in the same place.
        return [f"--cut-at {first} led to: {again}"] if f"--cut-at {first}" in str(again) else []
    kept: list[Frame] = list(opened.read(1))
    opened.close()
    return [] if kept == stock.frames[: first - 1] else [f"--cut-at {first} kept something else"]


async def truncations(lives: Lives, folder: Path, seed: int) -> Outcome:
    """Database file and write-ahead log end at random offsets."""
    return await _damages(lives, folder, seed, False)


async def bit_flips(lives: Lives, folder: Path, seed: int) -> Outcome:
    """One bit of database file or write-ahead log is another."""
    return await _damages(lives, folder, seed, True)


async def _damages(lives: Lives, folder: Path, seed: int, flip: bool) -> Outcome:
    trial = Trial(lives, folder / "journal", seed)
    await trial.open_venue()
    process = await trial.start()
    await trial.load(process, STOCK_S)
    await process.kill()
    stock = Stock(trial.folder, trial.client)
    rng = Random(seed)
    found: Counter[str] = Counter()
    for number in range(TIMES):
        hurt = stock.draw(rng, flip)
        copy = stock.copy("damaged")
        hurt.to(copy)
        verdict, wrong = judge(stock, copy)
        found[verdict] += 1
        trial.breaches += [f"{hurt}: {one}" for one in wrong]
        if number < PROCESSES:
            await _by_the_process(trial, stock, hurt, verdict)
    await trial.close_venue()
    words = ", ".join(f"{count} {word}" for word, count in sorted(found.items()))
    name = "bits flipped" if flip else "files truncated"
    return Outcome(name, f"{TIMES} of {len(stock.frames)} frames: {words}", trial.breaches)


async def _by_the_process(trial: Trial, stock: Stock, hurt: Hurt, verdict: str) -> None:
    """The real process judges as the journal does."""
    there = stock.copy("journal-hurt")
    hurt.to(there)
    whole, trial.folder = trial.folder, there
    process = await trial.spawn("--verify", "all")
    trial.folder = whole
    up = await process.listening()
    await process.kill()
    said = process.said()
    if "Traceback" in said or up is (verdict == "refused"):
        trial.breaches.append(f"{hurt}: {verdict}, but the process {up=}: {said}")
        raise Broken
    trial.expect(up or any(way in said for way in WAYS_OUT), f"{hurt}: no way out: {said}")
