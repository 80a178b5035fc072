"""Named cases: what else can happen to a process, its disk and its clock.

Decides one accident each, against the same process, client and checks as the kills. Invariant: a
case ends in a trial's full check, so "it stopped honestly" always includes "and nothing was lost".
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from chaos import client
from chaos.damage import bit_flips, truncations
from chaos.disks import OneFileReadOnly, SmallDisk, limit_files
from chaos.life import Life, Lives
from chaos.served import encrypted, served
from chaos.trial import Broken, Outcome, Trial
from interlock.journal.database import NAME as JOURNAL

WORLD_TROUBLE = 3
HOUR_NS = 3_600_000_000_000
DISK_KIB = 1_500
ROOM_KIB = 256_000
BUSY_S = 2.0
FILE_BYTES_MAX = 400_000


Case = Callable[[Lives, Path, int], Awaitable[Outcome]]


async def disk_full(lives: Lives, folder: Path, seed: int) -> Outcome:
    """A real small file system runs full under load; the process goes on once there is room."""
    with SmallDisk(folder / "small", DISK_KIB) as disk:
        trial = Trial(lives, disk.folder / "journal", seed)
        await trial.open_venue()
        process = await trial.start()
        await trial.load(process, 60.0)
        code = await _stopped(trial, process, "the disk is full")
        again = await trial.spawn()
        if await again.listening():
            await trial.load(again, 60.0)
        await _stopped(trial, again, "the disk is full")
        frames_then = len(trial.client.asked)
        disk.grow(ROOM_KIB)
        story, _ = await trial.finish()
        await trial.close_venue()
    seen = f"ENOSPC on a {DISK_KIB} KiB tmpfs: exit {code}, twice; with room: {story.frames:,} "
    return Outcome("disk full", f"{seen}frames, {frames_then:,} requests", trial.breaches)


async def file_limit(lives: Lives, folder: Path, seed: int) -> Outcome:
    """The kernel refuses to let the journal's files grow: an I/O error in the middle of commits."""
    trial = Trial(lives, folder / "journal", seed)
    await trial.open_venue()
    process = await trial.start()
    await trial.load(process, 0.5)
    limit_files(process.pid, FILE_BYTES_MAX)
    await trial.load(process, 60.0)
    code = await _stopped(trial, process, "the journal could not be written")
    story, _ = await trial.finish()
    await trial.close_venue()
    seen = f"EFBIG at {FILE_BYTES_MAX:,} bytes: exit {code}; without the limit: {story.frames:,}"
    return Outcome("file may not grow", f"{seen} frames", trial.breaches)


async def read_only(lives: Lives, folder: Path, seed: int) -> Outcome:
    """The journal's file, then its whole file system, cannot be written."""
    with SmallDisk(folder / "small", ROOM_KIB) as disk:
        trial = Trial(lives, disk.folder / "journal", seed)
        await trial.open_venue()
        process = await trial.start()
        await trial.load(process, 0.7)
        await process.kill()
        with OneFileReadOnly(trial.folder / JOURNAL):
            one = await trial.spawn()
            trial.expect(not await one.listening(), "it came up on a read-only journal file")
            await _stopped(trial, one, "read-only")
        disk.writable(False)
        two = await trial.spawn()
        trial.expect(not await two.listening(), "it came up on a read-only disk")
        await _stopped(trial, two, "cannot")
        disk.writable(True)
        story, _ = await trial.finish()
        await trial.close_venue()
    seen = f"file and disk: exit 3 each; writable again: {story.frames:,} frames"
    return Outcome("journal read-only", seen, trial.breaches)


async def second_process(lives: Lives, folder: Path, seed: int) -> Outcome:
    """Another process on the same journal is refused by the lock; the first one works on."""
    trial = Trial(lives, folder / "journal", seed)
    await trial.open_venue()
    process = await trial.start()
    load = asyncio.create_task(trial.client.load(process.port))
    second = await trial.spawn()
    trial.expect(not await second.listening(), "a second process came up on the same journal")
    await _stopped(trial, second, f"in use by another process (pid {process.pid})")
    answered = sum(bool(a.answers) for a in trial.client.asked)
    await asyncio.sleep(BUSY_S)
    load.cancel()
    await asyncio.gather(load, return_exceptions=True)
    more = sum(bool(a.answers) for a in trial.client.asked) - answered
    trial.expect(more > 0, "the first process stopped answering")
    await process.kill()
    await trial.finish()
    await trial.close_venue()
    seen = f"refused, exit 3, naming pid {process.pid}; the first answered {more} more requests"
    return Outcome("second process", seen, trial.breaches)


async def clock_steps(lives: Lives, folder: Path, seed: int) -> Outcome:
    """The clock is set back, the process killed and started under it; then set forward, and back.

    In each stretch requests are answered and orders trade; time in the journal never goes back.
    """
    trial = Trial(lives, folder / "journal", seed)
    await trial.open_venue()
    process = await trial.start()
    await _busy(trial, process, "before")
    await client.set_clock(process.port, -HOUR_NS)
    await _busy(trial, process, "after a step back of an hour")
    await process.kill()
    process = await trial.start("--clock-offset-ns", -HOUR_NS)
    await _busy(trial, process, "in a process started an hour back")
    await client.set_clock(process.port, 2 * HOUR_NS)
    await _busy(trial, process, "after a step forward of three hours")
    await process.kill()
    process = await trial.start()
    await _busy(trial, process, "in a process started two hours behind its journal")
    told = process.said()
    trial.expect("behind what the journal" in told, f"nobody was told of the clock: {told}")
    await process.kill()
    _, shown = await trial.finish()
    await trial.close_venue()
    seen = f"-1 h, kill, +3 h, kill, -2 h: {len(shown.executions):,} executions, time never back"
    return Outcome("clock set", seen, trial.breaches)


async def _busy(trial: Trial, process: Life, when: str) -> None:
    """For a while everything works: answers come, orders trade."""
    answered = sum(bool(a.answers) for a in trial.client.asked)
    traded = await trial.executions()
    await trial.load(process, BUSY_S)
    trial.expect(
        sum(bool(a.answers) for a in trial.client.asked) > answered + 10, f"no answers {when}"
    )
    trial.expect(await trial.executions() > traded, f"nothing trades {when}")


async def _stopped(trial: Trial, process: Life, says: str) -> int:
    """It has ended by itself, with the right code and a message that says why."""
    try:
        code = await process.ended()
    except TimeoutError:
        trial.breaches.append(f"it goes on, though it should have stopped: {process.said()}")
        raise Broken from None
    said = process.said()
    trial.expect(code == WORLD_TROUBLE, f"exit code {code}: {said}")
    trial.expect(says.lower() in said.lower(), f"the message does not say {says!r}: {said}")
    trial.expect("Traceback" not in said, f"a traceback: {said}")
    return code


CASES: dict[str, Case] = {
    "disk_full": disk_full,
    "file_limit": file_limit,
    "read_only": read_only,
    "truncated": truncations,
    "bit_flips": bit_flips,
    "second_process": second_process,
    "served": served,
    "encrypted": encrypted,
    "clock": clock_steps,
}
