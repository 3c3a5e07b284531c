"""``vllm bench serve``: its command, made from our questions, and its result in our own form.

vLLM's benchmark puts single prompts to ``/v1/completions``: of a job with tools it measures the
first turn. Prompts are rendered here with the model's own chat template, so that the server adds
none; their order is kept, so that a text can be told from which question it answers.

Source: ``vllm/benchmarks/serve.py`` (``add_cli_args``, ``calculate_metrics``, ``main_async``) and
``vllm/benchmarks/datasets/custom.py`` of vLLM. The key ``request_goodput`` had a colon at its end
in releases before 0.10; both are read.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from evals.serving.goodput import Slo
from evals.serving.requests import Load, Request, Trial
from specialists.foundation.config import Config
from specialists.foundation.contracts import Message, Value
from specialists.foundation.errors import ConfigError, EngineError, InputError

PERCENTILES = (50, 95, 99)
METRICS = ("ttft", "tpot", "itl", "e2el")
DETAIL = ("input_lens", "output_lens", "ttfts", "itls", "errors")


class Bench(Config):
    """One run against a server that is up."""

    url: str = "http://127.0.0.1:8000"
    """Of the server, without ``/v1``."""
    model: str
    """The base's name at the server."""
    tokenizer: str = ""
    """Folder or hub id; empty: the model's name."""
    adapter: str = ""
    """Name of the LoRA module that answers; empty: the base alone."""
    arrivals: Load = Load(kind="closed", level=8)
    max_tokens: int = Field(default=96, ge=1)
    """Of a reply."""
    temperature: float = Field(default=0.0, ge=0)
    warm: int = Field(default=8, ge=0)
    """Requests before the run, not measured."""
    seed: int = 0
    slo: Slo | None = None
    devices: int = Field(default=1, ge=1)
    """Cards that the server holds."""


class Served(Value):
    """What vLLM's benchmark found, with the requests one by one where it kept them."""

    trial: Trial | None
    """None: the run was not kept in detail."""
    completed: int
    failed: int
    duration_s: float
    request_throughput: float
    """Requests a second."""
    output_throughput: float
    """Tokens a second."""
    goodput: float | None
    """Good requests a second, by vLLM's own count; None: no objective was told."""
    milliseconds: dict[str, dict[str, float]]
    """By metric (ttft, tpot, itl, e2el): mean, median, std and p-numbers as vLLM gives them."""


def prompts(
    dialogues: Iterable[Sequence[Message]],
    render: Callable[[Sequence[Message]], str],
    path: Path,
) -> int:
    """Write the data set: a rendered prompt a line. Returns how many."""
    lines = [json.dumps({"prompt": render(dialogue)}) for dialogue in dialogues]
    if not lines:
        raise InputError("there is no question to put to the server")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(lines)


def renderer(bench: Bench) -> Callable[[Sequence[Message]], str]:
    """A dialogue as the server's model reads it, by the tokenizer's own chat template.

    Raises:
        EngineError: no such tokenizer.
    """
    from specialists.engines.hub import find
    from specialists.engines.text import Text

    return Text.load(find(bench.tokenizer or bench.model)).render


def command(bench: Bench, dataset: Path, count: int, out: Path) -> list[str]:
    """The exact command line.

    Args:
        dataset: of ``prompts``.
        count: prompts in it.
        out: the result file to be.
    """
    open_loop = bench.arrivals.kind == "open"
    words = [
        *("vllm", "bench", "serve"),
        *("--backend", "openai", "--base-url", bench.url.rstrip("/")),
        *("--endpoint", "/v1/completions", "--model", bench.model),
        *("--tokenizer", bench.tokenizer or bench.model),
        *("--dataset-name", "custom", "--dataset-path", str(dataset)),
        *("--num-prompts", str(count), "--custom-output-len", str(bench.max_tokens)),
        *("--skip-chat-template", "--disable-shuffle"),
        *("--request-rate", f"{bench.arrivals.level:g}" if open_loop else "inf"),
        *("--temperature", f"{bench.temperature:g}", "--num-warmups", str(bench.warm)),
        *("--seed", str(bench.seed)),
        *("--percentile-metrics", ",".join(METRICS)),
        *("--metric-percentiles", ",".join(map(str, PERCENTILES))),
        *("--save-result", "--save-detailed"),
        *("--result-dir", str(out.parent), "--result-filename", out.name),
    ]
    if not open_loop:
        words += ["--max-concurrency", f"{bench.arrivals.level:g}"]
    if bench.adapter:
        words += ["--lora-modules", bench.adapter]
    if bench.slo is not None:
        words += ["--goodput", *(f"{name}:{ms:g}" for name, ms in bench.slo.limits.items())]
    return words


def run(bench: Bench, dataset: Path, count: int, out: Path, *, timeout_s: float = 3_600) -> Served:
    """Run the benchmark, and read its result.

    Raises:
        ConfigError: vLLM is not installed here.
        EngineError: it failed; the message is the last it said.
        InputError: its result is not as expected.
    """
    words = command(bench, dataset, count, out)
    if shutil.which(words[0]) is None:
        raise ConfigError(
            "vllm is not installed here; where it is, run\n  " + " ".join(words) + "\n"
            f"and read {out} with `finroute evals bench-serve --result`"
        )
    done = subprocess.run(words, capture_output=True, text=True, timeout=timeout_s, check=False)
    if done.returncode != 0 or not out.is_file():
        said = (done.stderr or done.stdout).strip().splitlines()
        raise EngineError(f"vllm bench serve failed: {said[-1] if said else 'it said nothing'}")
    return read(out, bench)


def read(path: Path, bench: Bench, questions: Sequence[str] = ()) -> Served:
    """A result file of ``vllm bench serve``.

    Args:
        questions: ids in the data set's order; empty: they are numbered.

    Raises:
        InputError: not such a file.
    """
    try:
        # with --append-result it holds one result a line
        told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8").strip().splitlines()[-1])
    except (OSError, ValueError, IndexError):
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{path} is no result of vllm bench serve: {error}") from error
    try:
        return _served(told, bench, questions)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} is no result of vllm bench serve: {type(error).__name__}: {error}"
        ) from error


def _served(told: dict[str, Any], bench: Bench, questions: Sequence[str]) -> Served:
    goodput = told.get("request_goodput", told.get("request_goodput:"))
    duration = float(told["duration"])
    detail = all(name in told for name in DETAIL)
    requests = _requests(told, questions) if detail else ()
    failed = told.get("failed")
    return Served(
        trial=Trial(
            arm=bench.adapter or bench.model,
            load=bench.arrivals,
            duration_s=duration,
            devices=bench.devices,
            requests=requests,
        )
        if detail
        else None,
        completed=int(told["completed"]),
        failed=int(told["num_prompts"]) - int(told["completed"]) if failed is None else int(failed),
        duration_s=duration,
        request_throughput=float(told["request_throughput"]),
        output_throughput=float(told["output_throughput"]),
        goodput=None if goodput is None else float(goodput),
        milliseconds={
            metric: {
                name.removesuffix(f"_{metric}_ms"): float(value)
                for name, value in told.items()
                if name.endswith(f"_{metric}_ms")
            }
            for metric in METRICS
        },
    )


def _requests(told: dict[str, Any], questions: Sequence[str]) -> tuple[Request, ...]:
    rows = zip(*(told[name] for name in DETAIL), strict=True)
    found: list[Request] = []
    for place, (read_tokens, written, first, gaps, error) in enumerate(rows):
        whole = float(first) + sum(map(float, gaps))
        found.append(
            Request(
                question=questions[place] if questions else str(place),
                seconds=whole,
                ttft_s=None if error else float(first),
                # as vLLM has it: (latency - TTFT) / (tokens - 1)
                tpot_s=sum(map(float, gaps)) / (written - 1) if written > 1 else None,
                calls=1,
                prompt_tokens=int(read_tokens),
                completion_tokens=int(written),
                error=str(error).strip().splitlines()[-1] if error else "",
            )
        )
    return tuple(found)
