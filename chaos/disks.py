"""Disks that say no: a file system that is full or read-only, a file that may not grow.

Decides which real refusal of the kernel stands behind a case. Invariant: every refusal is the
kernel's own (ENOSPC, EROFS, EFBIG), never a double; what was mounted here is unmounted here.
"""

import os
import resource
import subprocess
from pathlib import Path


class NotAllowed(Exception):
    """This machine does not let us make such a disk."""


class SmallDisk:
    """A file system of its own, in memory, of so many KiB; as a context."""

    def __init__(self, folder: Path, kib: int) -> None:
        self.folder = folder
        self._kib = kib

    def __enter__(self) -> "SmallDisk":
        if os.geteuid() != 0:
            raise NotAllowed("mounting a small file system needs root")
        self.folder.mkdir()
        _mount("-t", "tmpfs", "-o", f"size={self._kib}k,mode=0700", "tmpfs", str(self.folder))
        return self

    def __exit__(self, *_: object) -> None:
        _run("umount", "-l", str(self.folder))

    def grow(self, kib: int) -> None:
        _mount("-o", f"remount,size={kib}k", str(self.folder))

    def writable(self, allowed: bool) -> None:
        _mount("-o", f"remount,{'rw' if allowed else 'ro'}", str(self.folder))


class OneFileReadOnly:
    """A single file that nobody can write, root included: bound over itself, read-only."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __enter__(self) -> None:
        if os.geteuid() != 0:
            self._file.chmod(0o444)
            return
        _mount("--bind", str(self._file), str(self._file))
        _mount("-o", "remount,bind,ro", str(self._file))

    def __exit__(self, *_: object) -> None:
        if os.geteuid() == 0:
            _run("umount", "-l", str(self._file))
        else:
            self._file.chmod(0o644)


def limit_files(pid: int, size: int) -> None:
    """From now on no file of this process may grow beyond ``size`` bytes: EFBIG."""
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))


def _mount(*arguments: str) -> None:
    done = _run("mount", *arguments)
    if done.returncode != 0:
        raise NotAllowed(f"mount: {done.stderr.decode(errors='replace').strip()}")


def _run(*command: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(command, capture_output=True, check=False, timeout=30)
