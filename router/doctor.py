"""Holds a profile against this machine: what is there, what is missing, and what would mend it.

Nothing is loaded, started or fetched. Every check runs, whatever the others found.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from router.config import Settings
from router.servers import Start, answers, starts
from specialists.engines import vllm_install
from specialists.engines.vllm_adapters import admit
from specialists.foundation.contracts import Value
from specialists.foundation.errors import FinrouteError
from specialists.planning.render import JOBS
from specialists.registry import Shelf
from specialists.workspace import home

GB = 1e9
PYTHON = (3, 11)
_QUERY = ("nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits")


class Check(Value):
    """One thing that was looked at."""

    about: str
    state: Literal["ok", "warning", "missing"]
    found: str
    mend: str = ""
    """What would put it right."""


async def examine(settings: Settings, environ: Mapping[str, str] = os.environ) -> tuple[Check, ...]:
    """Everything a profile needs, in the order in which it would be missed."""
    checks = [*_machine(settings), *_weights(settings), *_keys(settings, environ)]
    if settings.specialists.engine == "embedded":
        checks.append(_embedded())
    try:
        wanted = starts(settings)
    except FinrouteError as error:
        told = Check(about="servers", state="missing", found=str(error))
        known = any(check.found == told.found for check in checks)
        return (*checks, *(() if known else (told,)))
    for start in wanted:
        checks += await _server(start)
    started = {start.url for start in wanted}
    servers = settings.specialists.servers
    elsewhere = list(servers.urls) if settings.specialists.engine == "vllm" else []
    if settings.planner.base_url is not None:
        elsewhere.append(settings.planner.base_url)
    for url in elsewhere:
        if url not in started:
            checks.append(await _reached(url))
    if settings.specialists.engine == "vllm" and servers.balanced:
        checks.append(
            Check(
                about="attestation",
                state="warning",
                found="one URL for several servers: adapters will be reported as unattested",
                mend="give each replica's own URL, or `discover` with a headless name",
            )
        )
    return tuple(checks)


def _machine(settings: Settings) -> Iterator[Check]:
    needs = settings.needs
    version = ".".join(map(str, sys.version_info[:3]))
    yield _held(
        "python",
        sys.version_info >= PYTHON,
        version,
        f"finroute needs Python {PYTHON[0]}.{PYTHON[1]} or later",
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GB
    yield _held(
        "memory",
        memory >= needs.memory_gb,
        f"{memory:.0f} GB; the profile takes {needs.memory_gb:g}",
        "use a larger machine, or a smaller profile",
    )
    place = next(p for p in (home.home(), *home.home().parents) if p.exists())
    free = shutil.disk_usage(place).free / GB
    yield _held(
        "disk",
        free >= needs.disk_gb,
        f"{free:.0f} GB free at {place}; the profile takes {needs.disk_gb:g}",
        "make room, or move FINROUTE_HOME to a larger disk",
    )
    if needs.gpu_memory_gb:
        gpus = _gpus()
        told = ", ".join(f"{name} ({size:.0f} GB)" for name, size in gpus) or "no NVIDIA GPU"
        yield _held(
            "gpu",
            sum(size for _, size in gpus) >= needs.gpu_memory_gb,
            f"{told}; the profile takes {needs.gpu_memory_gb:g} GB",
            "use a machine with such a GPU, or the profile vllm-cpu or embedded",
        )


def _weights(settings: Settings) -> Iterator[Check]:
    chosen = settings.specialists
    try:
        shelf = Shelf(chosen.folder, serving=chosen.serving)
    except FinrouteError as error:
        yield Check(
            about="weights",
            state="missing",
            found=str(error),
            mend=f"put base, adapters and weights.json into {chosen.folder}: docs/training.md says "
            "how they are made",
        )
        return
    base = shelf.manifest.base
    yield Check(about="weights", state="ok", found=f"{base.name}, digest {base.digest[:12]}")
    plans = settings.planner.engine == "embedded"
    entries = {each.name: each for each in shelf.list()}
    for name in (*JOBS, *(["planning"] if plans else [])):
        entry = entries.get(name)
        if entry is None:
            yield Check(
                about=name,
                state="missing",
                found="there is no adapter",
                mend=f"finroute train run … (docs/training.md), then finroute evals decide {name}",
            )
        elif not entry.served:
            yield Check(about=name, state="missing", found=entry.reason)
        else:
            yield Check(
                about=name, state="warning" if entry.provisional else "ok", found=entry.reason
            )


def _keys(settings: Settings, environ: Mapping[str, str]) -> Iterator[Check]:
    servers = settings.specialists.servers
    named = {
        "planner.api_key_env": settings.planner.api_key_env,
        "specialists.servers.key_env": servers.key_env,
        "specialists.servers.salt_env": servers.salt_env,
        "specialists.servers.start.api_key_env": servers.start and servers.start.api_key_env,
    }
    for setting, variable in named.items():
        if variable:
            yield _held(
                setting,
                bool(environ.get(variable)),
                f"{variable} is {'' if environ.get(variable) else 'not '}set",
                f"export {variable}=…",
            )


def _embedded() -> Check:
    missing = [name for name in ("torch", "transformers", "xgrammar") if find_spec(name) is None]
    return _held(
        "engine",
        not missing,
        "models run in process" if not missing else f"not installed: {', '.join(missing)}",
        "pip install 'finroute[embedded]'",
    )


async def _server(start: Start) -> list[Check]:
    about = f"{start.role}' server"
    if await answers(start.url):
        return [Check(about=about, state="ok", found=f"{start.url} answers already")]
    checks: list[Check] = []
    try:
        install = vllm_install.find(start.settings.python)
    except FinrouteError as error:
        told, _, mend = str(error).partition("To install it")
        checks.append(
            Check(
                about=about,
                state="missing",
                found=told.strip(),
                mend=f"to install it{mend}" if mend else "",
            )
        )
    else:
        wanted = start.settings.device
        checks.append(
            _held(
                about,
                wanted in ("auto", install.device),
                f"{install.dist} {install.version} in {install.python}, for {install.device}",
                f"the profile wants {wanted}: install the vLLM that is built for it",
            )
        )
    for name, folder in start.adapters.items():
        try:
            admit(name, folder, max_rank=start.settings.max_rank)
        except FinrouteError as error:
            checks.append(Check(about=about, state="missing", found=str(error)))
    if not Path(start.base).is_dir():
        checks.append(_hub(str(start.base)))
    return checks


def _hub(model: str) -> Check:
    """Whether a hub model is in the local cache. Nothing is asked of the hub."""
    if find_spec("huggingface_hub") is None:
        return Check(about=model, state="warning", found="vLLM fetches it when it first starts")
    from huggingface_hub import try_to_load_from_cache

    found = isinstance(try_to_load_from_cache(model, "config.json"), str)
    return Check(
        about=model,
        state="ok" if found else "warning",
        found="in the local cache" if found else "not in the local cache: vLLM fetches it",
        mend="" if found else f"hf download {model}, where there is a network",
    )


async def _reached(url: str) -> Check:
    there = await answers(url)
    return _held(
        f"server {url}",
        there,
        "answers" if there else "does not answer",
        "start it, or name another in specialists.servers.urls or planner.base_url",
    )


def _gpus() -> list[tuple[str, float]]:
    """Name and memory in GB of each NVIDIA GPU."""
    try:
        done = subprocess.run(_QUERY, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    rows = (line.rpartition(",") for line in done.stdout.splitlines() if line.strip())
    return [(name.strip(), float(size) * 2**20 / GB) for name, _, size in rows]


def _held(about: str, holds: bool, found: str, mend: str) -> Check:
    return Check(
        about=about, state="ok" if holds else "missing", found=found, mend="" if holds else mend
    )
