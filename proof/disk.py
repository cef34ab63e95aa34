"""A disk that can be full: a tmpfs in a mount namespace of this process, gone with the last who is in it."""

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

from proof.processes import LIBC

CLONE_NEWNS = 0x00020000
SIZE = "4g"  # of which only what is written takes memory
ROUNDS = 50
BLOCK = 4_096


def mount(place: Path) -> bool:
    """Whether there is one now, at that place. Only root may, and not in every container."""
    if sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("mount") or LIBC.unshare(CLONE_NEWNS):
        return False
    return _mount("--make-rprivate", "/") and _mount("-t", "tmpfs", "-o", f"size={SIZE},mode=711", "proof", str(place))


def unmount(place: Path) -> None:
    subprocess.run(["umount", "--lazy", str(place)], check=True)


async def fill(place: Path) -> bool:
    """Make it as small as what is on it. False when that grew faster, every time."""
    for _ in range(ROUNDS):
        status = os.statvfs(place)
        used = (status.f_blocks - status.f_bfree) * status.f_frsize
        if _mount("-o", f"remount,size={used + BLOCK}", str(place)):
            return True
        await asyncio.sleep(0)
    return False


def free(place: Path) -> None:
    if not _mount("-o", f"remount,size={SIZE}", str(place)):
        raise OSError(f"{place} stays full")


def _mount(*arguments: str) -> bool:
    return subprocess.run(["mount", *arguments], stderr=subprocess.DEVNULL, check=False).returncode == 0
