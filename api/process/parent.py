"""The process that has started this one.

`python -m api.process.parent PARENT …` is a job that ends with its parent, also while it still imports what it needs,
which takes seconds on a busy machine.
"""

import ctypes
import os
import runpy
import signal
import sys

PR_SET_PDEATHSIG = 1


def end_with_parent(parent: int | None = None) -> None:
    """A killed parent must not leave processes behind that hold its port, its store or its locks.

    They are killed, too: one that was already told to end might hang for ever, told a second time. Where the parent's
    id is known, one whose parent was killed before this ends now.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if parent is not None and os.getppid() != parent:
        sys.exit(1)


if __name__ == "__main__":
    end_with_parent(int(sys.argv.pop(1)))
    runpy.run_module("api.process.job", run_name="__main__", alter_sys=True)
