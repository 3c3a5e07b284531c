"""The command that is run, and result files in vLLM's own forms."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner

from evals.serving.bench_serve import Bench, command, prompts, read, run
from evals.serving.commands import bench_serve
from evals.serving.goodput import Slo, goodput
from evals.serving.requests import Load
from specialists.foundation.contracts import Message
from specialists.foundation.errors import ConfigError, InputError

RECORDED = {
    "date": "20250530-203806",
    "backend": "vllm",
    "model_id": "meta-llama/Llama-3.2-3B-Instruct",
    "tokenizer_id": "meta-llama/Llama-3.2-3B-Instruct",
    "num_prompts": 300,
    "request_rate": 10.0,
    "burstiness": 1.0,
    "max_concurrency": None,
    "duration": 36.034275877000255,
    "completed": 300,
    "total_input_tokens": 299700,
    "total_output_tokens": 81050,
    "request_throughput": 8.325406649602808,
    "request_goodput:": None,
    "output_throughput": 2249.247363167692,
    "total_token_throughput": 10566.328606120898,
    "mean_ttft_ms": 54.577085783294024,
    "median_ttft_ms": 52.999333499883505,
    "std_ttft_ms": 9.27197373989555,
    "p99_ttft_ms": 89.76647855975897,
    "mean_tpot_ms": 13.577995860227945,
    "median_tpot_ms": 13.512526767533997,
    "std_tpot_ms": 0.9199628548912276,
    "p99_tpot_ms": 17.652194109258673,
    "mean_itl_ms": 13.505887271504633,
    "median_itl_ms": 12.841573499827064,
    "std_itl_ms": 3.839438281316489,
    "p99_itl_ms": 34.210415409961556,
}
"""A run that somebody published (nerdalert/vllm-bench-automation), of a release before 0.10."""

BENCH = Bench(model="base", tokenizer="/models/base", adapter="table_qa")


def detailed() -> dict[str, object]:
    """Of a later release, in detail: three requests, one failed, one of a single token."""
    return {
        "date": "20260101-000000",
        "endpoint_type": "openai",
        "backend": "openai",
        "label": None,
        "model_id": "base",
        "tokenizer_id": "/models/base",
        "num_prompts": 3,
        "request_rate": "inf",
        "burstiness": 1.0,
        "max_concurrency": 8,
        "duration": 2.0,
        "completed": 2,
        "failed": 1,
        "total_input_tokens": 50,
        "total_output_tokens": 4,
        "request_throughput": 1.0,
        "request_goodput": 0.5,
        "output_throughput": 2.0,
        "total_token_throughput": 27.0,
        "max_output_tokens_per_s": 4.0,
        "max_concurrent_requests": 3,
        "input_lens": [20, 30, 25],
        "output_lens": [3, 1, 0],
        "ttfts": [0.05, 0.2, 0.0],
        "itls": [[0.01, 0.03], [], []],
        "generated_texts": ["a b c", "d", ""],
        "errors": ["", "", "Traceback (most recent call last):\n...\nTimeoutError: read"],
        "mean_ttft_ms": 125.0,
        "p95_ttft_ms": 192.5,
        "p99_ttft_ms": 198.5,
        "p50_e2el_ms": 145.0,
    }


def written(told: object, place: Path) -> Path:
    place.write_text(json.dumps(told))
    return place


def test_the_command() -> None:
    bench = BENCH.model_copy(
        update={
            "slo": Slo(ttft_ms=200, tpot_ms=20, e2el_ms=5000),
            "arrivals": Load(kind="open", level=12.5),
        }
    )
    words = command(bench, Path("q.jsonl"), 200, Path("out/r.json"))
    assert words[:3] == ["vllm", "bench", "serve"]
    assert words[words.index("--goodput") + 1 :] == ["ttft:200", "tpot:20", "e2el:5000"]
    told = dict(pairwise(words))
    assert told["--dataset-name"] == "custom"
    assert told["--dataset-path"] == "q.jsonl"
    assert told["--request-rate"] == "12.5"
    assert told["--lora-modules"] == "table_qa"
    assert told["--percentile-metrics"] == "ttft,tpot,itl,e2el"
    assert told["--metric-percentiles"] == "50,95,99"
    assert (told["--result-dir"], told["--result-filename"]) == ("out", "r.json")
    assert "--save-detailed" in words
    assert "--skip-chat-template" in words
    assert "--max-concurrency" not in words
    closed = command(BENCH, Path("q.jsonl"), 200, Path("r.json"))
    told = dict(pairwise(closed))
    assert (told["--request-rate"], told["--max-concurrency"]) == ("inf", "8")
    assert "--goodput" not in closed


def test_a_recorded_result_is_read(tmp_path: Path) -> None:
    served = read(written(RECORDED, tmp_path / "r.json"), BENCH)
    assert served.trial is None
    assert served.goodput is None
    assert (served.completed, served.failed) == (300, 0)
    assert served.request_throughput == pytest.approx(300 / served.duration_s)
    assert served.milliseconds["ttft"] == {
        "mean": RECORDED["mean_ttft_ms"],
        "median": RECORDED["median_ttft_ms"],
        "std": RECORDED["std_ttft_ms"],
        "p99": RECORDED["p99_ttft_ms"],
    }
    assert served.milliseconds["e2el"] == {}


def test_requests_kept_in_detail_join_our_own(tmp_path: Path) -> None:
    served = read(written(detailed(), tmp_path / "r.json"), BENCH, questions=("q1", "q2", "q3"))
    assert served.trial is not None
    first, second, third = served.trial.requests
    assert first.seconds == pytest.approx(0.09)
    assert first.tpot_s == pytest.approx(0.02)
    assert first.ttft_s == 0.05
    assert second.tpot_s is None
    assert third.error == "TimeoutError: read"
    assert third.ttft_s is None
    assert [r.question for r in served.trial.requests] == ["q1", "q2", "q3"]
    good = goodput(served.trial, Slo(ttft_ms=100, tpot_ms=20.1))
    assert good.per_second == served.goodput == 0.5


def test_results_appended_to_one_another_end_with_the_last(tmp_path: Path) -> None:
    place = tmp_path / "r.json"
    place.write_text(json.dumps(RECORDED) + "\n" + json.dumps(detailed()))
    assert read(place, BENCH).completed == 2


@pytest.mark.parametrize("text", ["", "[]", "{}", "{", json.dumps({**RECORDED, "duration": None})])
def test_what_is_no_result_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(InputError, match="no result"):
        read(tmp_path / "r.json", BENCH)
    with pytest.raises(InputError, match="no result"):
        read(tmp_path / "none.json", BENCH)


def test_without_vllm_the_command_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="vllm bench serve"):
        run(BENCH, tmp_path / "q.jsonl", 3, tmp_path / "r.json")


def test_prompts_are_a_line_each(tmp_path: Path) -> None:
    asked = [[Message(role="user", content="one\ntwo")], [Message(role="user", content="three")]]
    place = tmp_path / "q.jsonl"
    assert prompts(asked, lambda d: d[0].content, place) == 2
    lines = [json.loads(line) for line in place.read_text().splitlines()]
    assert lines == [{"prompt": "one\ntwo"}, {"prompt": "three"}]
    with pytest.raises(InputError, match="no question"):
        prompts([], lambda d: "", place)


def test_the_command_line_writes_questions_and_tells_the_command(
    base: Path, tmp_path: Path
) -> None:
    settings = ["--set", "model=base", "--set", f"tokenizer='{base}'"]
    done = CliRunner().invoke(
        bench_serve, ["sentiment", *settings, "--count", "3", "--dry-run", "--out", str(tmp_path)]
    )
    assert done.exit_code == 0, done.output
    assert done.output.startswith("vllm bench serve ")
    lines = (tmp_path / "bench-serve" / "sentiment.jsonl").read_text().splitlines()
    assert len(lines) == 3
    assert all("<|im_start|>assistant" in json.loads(line)["prompt"] for line in lines)
    result = written(detailed(), tmp_path / "r.json")
    done = CliRunner().invoke(bench_serve, ["sentiment", *settings, "--result", str(result)])
    assert json.loads(done.output)["failed"] == 1
