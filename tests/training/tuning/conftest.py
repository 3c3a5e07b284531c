"""Likenesses of the hub bases: their architecture, tokens and real chat templates, tiny."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from specialists.engines.template import chat_template
from specialists.sentiment.task import SentimentTask
from specialists.table_qa.full import TOOLS
from specialists.table_qa.task import TableTask
from training.tuning import likeness, template

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

CORPUS = [
    TableTask.instructions,
    SentimentTask.instructions,
    *(json.dumps(tool.openai()) for tool in TOOLS),
    'Finish with {"value": 12.5, "unit": "USD", "scale": 1000000} and nothing else.',
    '{"name": "sql", "arguments": {"query": "SELECT revenue FROM income WHERE year = 2022"}}',
    "# Tools\n\nYou may call one or more functions to assist with the user query. You are "
    "provided with function signatures. For each function call, return a json object with function "
    "name and arguments.",
    '{"name": "fiscal_year", "title": "Fiscal year", "role": "measure", "type": "number", "unit": '
    '"USD", "scale": 1000000.0}, {"table": "income_statement", "company": null, "rows": 20}',
] * 4


def make_likeness(folder: Path, original: str, *, vocabulary: int = 1_000) -> Path:
    return likeness.make(folder, original, CORPUS, vocabulary=vocabulary)


@pytest.fixture(scope="session")
def likenesses(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders by hub id."""
    root = tmp_path_factory.mktemp("likenesses")
    return {
        original: make_likeness(root / original.replace("/", "--"), original)
        for original in likeness.ORIGINALS
    }


@pytest.fixture(scope="session")
def qwen_tokenizer() -> PreTrainedTokenizerFast:
    """The tokens of a Qwen3 base; each test gives a copy of it the template it is about."""
    return likeness.tokenizer("Qwen/Qwen3-0.6B", CORPUS, vocabulary=640)


@pytest.fixture(scope="session")
def templates() -> dict[str, str]:
    """Chat templates by name: the embedded base's, those of hub bases as TRL ships them, ours."""
    import trl

    folder = Path(trl.__file__).with_name("chat_templates")
    names = (
        "qwen3",
        "qwen3_training",
        "qwen3_instruct_2507",
        "qwen3_instruct_2507_training",
    )
    shipped = {name: (folder / f"{name}.jinja").read_text(encoding="utf-8") for name in names}
    own = {f"ours/{p.stem}": p.read_text(encoding="utf-8") for p in template.FOLDER.glob("*.jinja")}
    return {"embedded": chat_template(), **shipped, **own}
