"""Real evaluations of a few questions with the embedded model, and what their logs hold."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

inspect_ai = pytest.importorskip("inspect_ai")

from inspect_ai.log import EvalLog, read_eval_log  # noqa: E402
from inspect_ai.model import ModelOutput, ModelUsage, get_model  # noqa: E402

from evals.inspection import tasks  # noqa: E402
from evals.inspection.asked import Asked  # noqa: E402
from evals.inspection.model import FinrouteAPI  # noqa: E402
from evals.inspection.solver import ANSWER, FORM  # noqa: E402
from specialists import registry  # noqa: E402
from specialists.agent import answer_one  # noqa: E402
from specialists.engines.template import call_text  # noqa: E402
from specialists.foundation.contracts import Sampling  # noqa: E402
from specialists.foundation.errors import ConfigError  # noqa: E402

# inspect's own: it sets up its retries with a parameter that tenacity has renamed, and leaves
# streams of anyio to the collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The 'initial' parameter is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Unclosed <MemoryObject:ResourceWarning"),
]
MODEL = "finroute/embedded"
SPECIALISTS = ("sentiment", "table_qa", "maths")
"""Evaluated once for all tests; the others in ``nightly``."""
OTHERS = ("extraction", "calculation", "planning")
QUIET: dict[str, Any] = {"display": "none", "log_samples": True, "score_display": False}


def asked(job: str) -> dict[str, Any]:
    return {"count": 2, "samples": 4, "slice": 1} if job == "maths" else {"count": 3}


def saying(reply: Callable[..., str]) -> Any:
    """A model whose replies a function writes: of (input, tools, tool_choice, config)."""

    def write(*args: Any) -> ModelOutput:
        said = ModelOutput.from_content("mockllm/model", reply(*args))
        said.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
        return said  # with its usage, for which inspect would fetch a tokenizer

    return get_model("mockllm/model", custom_outputs=write)


def embedded() -> Any:
    """The provider that all evaluations of this file share, as inspect keeps it."""
    api = get_model(MODEL).api
    assert isinstance(api, FinrouteAPI)
    assert api.registry is not None
    return api


@pytest.fixture(scope="module", autouse=True)
def released() -> Iterator[None]:
    """The models are released in the end: inspect keeps them."""
    yield
    asyncio.run(embedded().aclose())


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """What inspect left to the collector is collected while its warning is expected."""
    yield
    gc.collect()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="module")
def logs(folder: Path) -> dict[str, EvalLog]:
    """One evaluation of every specialist; maths with several samples."""
    import warnings

    made = [getattr(tasks, job)(**asked(job)) for job in SPECIALISTS]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = inspect_ai.eval(made, model=MODEL, log_dir=str(folder), **QUIET)
        gc.collect()
    return {log.eval.task: read_eval_log(log.location) for log in found}


def test_every_specialist_is_evaluated(logs: dict[str, EvalLog]) -> None:
    assert set(logs) == set(SPECIALISTS)
    for job, log in logs.items():
        assert log.status == "success", (job, log.error)
        assert log.eval.model == MODEL
        assert len(log.samples or []) == (8 if job == "maths" else 3)


@pytest.mark.nightly
@pytest.mark.parametrize("job", OTHERS)
def test_the_other_specialists_are_evaluated(job: str, tmp_path: Path) -> None:
    (log,) = inspect_ai.eval(
        getattr(tasks, job)(count=3), model=MODEL, log_dir=str(tmp_path), **QUIET
    )
    assert log.status == "success", log.error
    assert all(s.scores for s in log.samples or [])


def test_a_sample_holds_the_dialogue_that_was_held(logs: dict[str, EvalLog]) -> None:
    (sample, *_) = logs["table_qa"].samples or []
    roles = [message.role for message in sample.messages]
    assert roles[:3] == ["system", "user", "assistant"]
    assert "tool" in roles
    assert sample.messages[0].text == "table_qa"
    assert sample.store[FORM] == "compact"
    calls = [e for e in sample.events if e.event == "model"]
    assert len(calls) == sample.metadata.get("turns", roles.count("assistant"))
    told = calls[0].config.extra_body or {}
    assert told["finroute"]["adapter"] == "table_qa"


def test_the_log_discloses_prompt_template_and_decoding(logs: dict[str, EvalLog]) -> None:
    for job, log in logs.items():
        about = log.eval.metadata or {}
        assert about["job"] == job
        assert about["instructions"]["text"] == registry.task(job).instructions
        for part in ("instructions", "chat_template", "paper", "judge"):
            assert len(about[part]["digest"]) == 64
        assert set(about["prompts"]) == {"compact", "full"}
        assert log.plan.config.temperature == (1.0 if job == "maths" else 0.0)
        assert log.plan.config.max_tokens == 192
        for sample in log.samples or []:
            assert {"company", "template", "source", "fold"} <= set(sample.metadata)
            assert len(sample.store["prompt"]) == 64
            assert sample.store["served"]["base"]


def test_answers_are_those_of_the_loop_that_serves(logs: dict[str, EvalLog]) -> None:
    """Through inspect or not, greedy replies are the same, word for word."""

    async def directly(job: str) -> dict[str, list[str]]:
        specialist = embedded().registry.specialist(job)
        said: dict[str, list[str]] = {}
        for name, example in Asked(count=3).paper(job).examples.items():
            run = await answer_one(specialist, example.inputs, sampling=Sampling())
            said[name] = [
                m.content + "".join(map(call_text, m.tool_calls))
                for m in run.messages
                if m.role == "assistant"
            ]
        return said

    ours = asyncio.run(directly("sentiment"))
    theirs = {
        str(s.id): [m.text for m in s.messages if m.role == "assistant"]
        for s in logs["sentiment"].samples or []
    }
    assert theirs == ours


def test_samples_of_one_question_are_draws_of_their_own(logs: dict[str, EvalLog]) -> None:
    log = logs["maths"]
    reducers = [score.reducer for score in log.results.scores] if log.results else []
    assert reducers == ["mean", "pass_at_2", "pass_k_2", "pass_at_4", "pass_k_4"]
    seeds = [
        event.config.seed
        for sample in log.samples or []
        for event in sample.events
        if event.event == "model"
    ]
    assert len(seeds) == len(set(seeds)) == 8


def test_errors_are_clustered_by_company_and_template(logs: dict[str, EvalLog]) -> None:
    import statistics

    for log in logs.values():
        assert log.results is not None
        score = log.results.scores[0]
        assert score.name == "judged"
        told = {name: metric.value for name, metric in score.metrics.items()}
        assert {"accuracy", "company_stderr", "template_stderr"} <= set(told)
        values = [
            s.scores["judged"].as_float()
            for s in log.samples or []
            if s.scores is not None and s.epoch == 1
        ]
        if log.eval.config.epochs == 1:
            assert told["accuracy"] == pytest.approx(statistics.fmean(values))


def test_the_answer_can_be_judged_again_from_the_log(logs: dict[str, EvalLog]) -> None:
    from pydantic import TypeAdapter

    from evals.decision.scorer import right

    for job in SPECIALISTS:
        paper = Asked.model_validate(asked(job)).paper(job)
        for sample in logs[job].samples or []:
            example = paper.examples[str(sample.id)]
            told = sample.store[ANSWER]
            kind: TypeAdapter[Any] = TypeAdapter(type(example.answer))
            answer = None if told is None else kind.validate_python(told)
            assert sample.scores is not None
            assert sample.scores["judged"].value == float(right(job, example, answer))


def test_the_router_answers_the_development_questions(tmp_path: Path) -> None:
    (log,) = inspect_ai.eval(tasks.router(count=2), model=MODEL, log_dir=str(tmp_path), **QUIET)
    assert log.status == "success"
    read = read_eval_log(log.location)
    assert read.results is not None
    told = {s.name: s.metrics["mean"].value for s in read.results.scores}
    assert told["right"] + told["wrong"] + told["partial"] + told["abstained"] + told["error"] == 1
    for sample in read.samples or []:
        assert any(event.event == "model" for event in sample.events)
        assert sample.scores is not None
        assert sample.store[ANSWER]["question"] == sample.input


def test_any_other_model_is_asked_in_full(tmp_path: Path) -> None:
    asked: list[Any] = []

    def reply(input: list[Any], tools: list[Any], choice: Any, config: Any) -> str:
        asked.append((input, config))
        return '{"sentiment": "neutral"}'

    model = saying(reply)
    (log,) = inspect_ai.eval(tasks.sentiment(count=3), model=model, log_dir=str(tmp_path), **QUIET)
    assert log.status == "success"
    input, config = asked[0]
    assert input[0].text == registry.task("sentiment").instructions
    assert config.response_schema.strict
    assert all(sample.store[FORM] == "full" for sample in log.samples or [])


def test_a_grammar_is_told_in_words_to_other_models(tmp_path: Path) -> None:
    asked: list[str] = []

    def reply(input: list[Any], tools: list[Any], choice: Any, config: Any) -> str:
        asked.append(input[-1].text)
        return "no idea"

    model = saying(reply)
    (log,) = inspect_ai.eval(
        tasks.calculation(count=2), model=model, log_dir=str(tmp_path), **QUIET
    )
    assert log.status == "success"
    assert all("EBNF grammar" in text for text in asked)
    for sample in log.samples or []:
        assert sample.scores is not None
        assert sample.scores["judged"].value == 0.0
        assert (sample.scores["judged"].metadata or {})["parses"] is False


def test_a_breakdown_is_an_error_and_no_wrong_answer(tmp_path: Path) -> None:
    calls: list[int] = []

    def reply(*_: Any) -> str:
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError("the server fell over")
        return '{"sentiment": "neutral"}'

    model = saying(reply)
    (log,) = inspect_ai.eval(
        tasks.sentiment(count=4),
        model=model,
        log_dir=str(tmp_path),
        max_samples=1,
        **QUIET,
    )
    assert log.status == "error"
    samples = read_eval_log(log.location).samples or []
    assert len(samples) == 4  # the others finished
    (broken,) = [s for s in samples if s.error is not None]
    assert "fell over" in broken.error.message  # type: ignore[union-attr]
    assert not broken.scores


def test_public_problems_are_judged_by_their_worth(tmp_path: Path) -> None:
    path = tmp_path / "math500.jsonl"
    path.write_text(
        '{"problem": "Half?", "answer": "\\\\frac{1}{2}", "unique_id": "a"}\n'
        '{"problem": "Third?", "answer": "\\\\frac{1}{3}", "unique_id": "b"}\n'
    )
    model = saying(lambda *_: r"So \boxed{0.5}")
    (log,) = inspect_ai.eval(
        tasks.mathematics(set="math500", source=str(path)),
        model=model,
        log_dir=str(tmp_path),
        **QUIET,
    )
    assert log.status == "success"
    assert log.results is not None
    assert log.results.scores[0].metrics["accuracy"].value == 0.5
    assert (log.eval.metadata or {})["prompt"]["text"]


def test_settings_there_are_not_are_refused() -> None:
    with pytest.raises(ConfigError, match="unknown key; the keys here are fold"):
        tasks.sentiment(cuont=3)
    with pytest.raises(ConfigError, match="fold 'test' is not one of"):
        tasks.sentiment(fold="test")
    with pytest.raises(ConfigError, match="has no slice"):
        tasks.maths(slice="9")
    with pytest.raises(ConfigError, match="holds no adapter"):
        FinrouteAPI("embedded", adapter=str(Path(__file__).parent))


def test_an_adapter_of_ones_own_is_verified_and_named(tmp_path: Path) -> None:
    weights = registry.WEIGHTS / "sentiment"
    api = FinrouteAPI("embedded", adapter=str(weights))
    served = api.specialist("sentiment")
    assert served.digest == api.told["adapters"]["every job"]
    alone = FinrouteAPI("embedded", adapter="none").specialist("sentiment")
    assert alone.adapter is None
    assert alone.digest is None


def test_the_command_line(tmp_path: Path) -> None:
    """``inspect eval evals/inspection/tasks.py@sentiment --model finroute/embedded``."""
    path = os.environ.get("PYTHONPATH", "")
    if not any(each.name == "finroute" for each in entry_points(group="inspect_ai")):
        # An installation without the entry point: one beside it says the same.
        about = tmp_path / "entry" / "finroute_inspect-0.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text(
            "Metadata-Version: 2.1\nName: finroute-inspect\nVersion: 0\n"
        )
        (about / "entry_points.txt").write_text("[inspect_ai]\nfinroute = evals.inspection.tasks\n")
        path = f"{about.parent}{os.pathsep}{path}"
    root = Path(tasks.__file__).resolve().parents[2]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "inspect_ai", "eval"),
            "evals/inspection/tasks.py@sentiment",
            *("--model", MODEL, "-T", "count=2", "--display", "none"),
            *("--log-dir", str(tmp_path / "logs")),
        ],
        cwd=root,
        env=os.environ | {"PYTHONPATH": path, "HTTPS_PROXY": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (written,) = (tmp_path / "logs").glob("*.eval")
    log = read_eval_log(str(written))
    assert log.status == "success"
    assert len(log.samples or []) == 2
