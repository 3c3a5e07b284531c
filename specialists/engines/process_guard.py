"""The program that stands between us and a server: it ends the server when we end, however we do.

It is started as a script (``python -I -S process_guard.py SECONDS WORD …``) and imports nothing of
this project. It starts the words as a process group of its own, prints the group's number, and
waits. When its standard input closes (the parent let go, or died: the kernel closes it in any
case), the server is asked to end, and after so many seconds the group is killed. When the guard
itself is terminated, the group is killed at once. Whatever the server leaves behind when it ends is
killed too. The guard ends with the server's exit code, or 128 + the signal that ended it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from types import FrameType


def main(grace_s: float, command: list[str]) -> int:
    """Start, guard, and tell how it ended."""
    child = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=sys.stderr, start_new_session=True
    )

    def kill(signum: int = 0, frame: FrameType | None = None) -> None:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)

    def let_go() -> None:
        while os.read(0, 1024):  # not sys.stdin, whose lock would be held when this program ends
            pass
        with suppress(ProcessLookupError):
            os.kill(child.pid, signal.SIGTERM)
        time.sleep(grace_s)
        kill()

    signal.signal(signal.SIGTERM, kill)
    threading.Thread(target=let_go, daemon=True).start()
    print(child.pid, flush=True)
    # seen, but not yet reaped: until then its number can be nobody else's
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    kill()
    code = child.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    try:
        sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
    except OSError as error:
        print(error, file=sys.stderr)
        sys.exit(127)
