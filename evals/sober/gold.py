"""Public sets and generated examples held against what they say themselves.

A gold answer that its own program, derivation or worked steps do not come to is wrong in one of the
two places. Figures are compared as the sets round them; nothing here says which of two is right.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from evals.decision import scorer
from evals.sober.labels import NEAR, Labelled, Quality, quality
from specialists.foundation.contracts import Value
from specialists.foundation.errors import ConfigError, ExpressionError
from specialists.task import Fold, Task
from specialists.workspace.expressions import evaluate
from specialists.workspace.masking import mentions

SHOWN = 8


class Fault(Value):
    """A gold answer that something contradicts."""

    id: str
    what: str


class Checked(Value):
    """One data set: what was checked of it, and what did not hold."""

    name: str
    quality: Quality
    checked: int
    """Answers that a program, a derivation or steps could be worked out for."""
    unreadable: int
    """Of the answers, those whose working could not be read."""
    faults: int
    kinds: dict[str, int]
    """Faults by kind."""
    examples: tuple[Fault, ...]


def _checked(
    name: str,
    items: Sequence[Labelled],
    checked: int,
    faults: Sequence[tuple[str, Fault]],
    unreadable: int = 0,
    near: float = NEAR,
) -> Checked:
    kinds: dict[str, int] = {}
    for kind, _ in faults:
        kinds[kind] = kinds.get(kind, 0) + 1
    first: list[Fault] = []
    for kind in kinds:
        first += [fault for other, fault in faults if other == kind][: SHOWN // len(kinds) or 1]
    return Checked(
        name=name,
        quality=quality(items, near=near),
        checked=checked,
        unreadable=unreadable,
        faults=len(faults),
        kinds=kinds,
        examples=tuple(first),
    )


# --- FinQA ----------------------------------------------------------------------------------------

_STEP = re.compile(r"(\w+)\(([^()]*)\)")
_AGAIN = re.compile(r"\(\s*[\d.,]+\s*%?\s*\)")
"""FinQA tells a negative figure twice: ``-12.5 ( 12.5 )``."""


def finqa(data: Path) -> Checked:
    """FinQA's development questions: the gold program worked out, against ``exe_ans``."""
    items: list[Labelled] = []
    faults: list[tuple[str, Fault]] = []
    unreadable = 0
    for number, row in enumerate(_lines(data / "finqa" / "dev.jsonl")):
        gold, name = row["exe_ans"], f"{number}:{row['id']}"
        page = f"{row['pre_text']}{row['table']}{row['post_text']}"
        items.append(Labelled(name, row["question"], str(gold), page))
        try:
            worked = program(row["program"], row["table"])
        except ValueError:
            unreadable += 1
            continue
        if isinstance(worked, str) or isinstance(gold, str):
            wrong = worked != gold
        else:
            wrong = abs(worked - gold) > max(1e-5, 1e-4 * abs(gold))
        if wrong:
            told = f"{row['question']} | {row['program']} is {worked}, gold {gold}"
            faults.append(("the program comes to something else", Fault(id=name, what=told)))
        elif _other(row["answer"], gold):
            told = f"{row['question']} | answer {row['answer']!r}, exe_ans {gold}"
            faults.append(("the set's two gold fields differ", Fault(id=name, what=told)))
    return _checked("FinQA dev", items, len(items) - unreadable, faults, unreadable)


def _other(answer: str, gold: float | str) -> bool:
    """Whether the printed answer says something else than ``exe_ans``, percentages allowed."""
    if isinstance(gold, str):
        return str(answer).strip().lower() != gold.lower()
    try:
        said = float(re.sub(r"[$,%\s]", "", str(answer)) or "nan")
    except ValueError:
        return True
    decimals = len(re.sub(r"[^\d.]", "", str(answer)).partition(".")[2])
    slack = 0.51 * 10.0**-decimals + 1e-9
    return not any(abs(said - gold * times) <= slack for times in (1.0, 100.0))


def program(text: str, table: Sequence[Sequence[str]]) -> float | str:
    """A FinQA program worked out (Chen et al. 2021, arXiv 2109.00122).

    Raises:
        ValueError: it cannot be read.
    """
    steps = [(m[1], [arg.strip() for arg in m[2].split(",")]) for m in _STEP.finditer(text)]
    results: list[float | str] = []
    for name, args in steps:
        if name.startswith("table_"):
            results.append(_rows(name, args[0], table))
            continue
        left, right = (_argument(arg, results) for arg in args)
        results.append(_apply(name, left, right))
    if not results:
        raise ValueError(f"no program: {text!r}")
    return results[-1]


def _argument(text: str, results: Sequence[float | str]) -> float:
    if text.startswith("#"):
        value = results[int(text[1:])]
        if isinstance(value, str):
            raise ValueError(f"{text} is no number")
        return value
    if text.startswith("const_"):
        told = text.removeprefix("const_")
        return -float(told[1:]) if told.startswith("m") else float(told)
    percent = text.endswith("%")
    return float(text.rstrip("%").replace(",", "")) / (100 if percent else 1)


_OPERATIONS: dict[str, Callable[[float, float], float | str]] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b if b else float("inf"),
    "exp": lambda a, b: a**b,
    "greater": lambda a, b: "yes" if a > b else "no",
}


def _apply(name: str, a: float, b: float) -> float | str:
    if name not in _OPERATIONS:
        raise ValueError(f"no operation {name}")
    return _OPERATIONS[name](a, b)


def _rows(name: str, row: str, table: Sequence[Sequence[str]]) -> float:
    """Over the figures of the row of a name."""
    for cells in table:
        if cells and cells[0].strip().lower() == row.lower():
            told = [re.sub(r"[$,\s]", "", _AGAIN.sub("", cell)) for cell in cells[1:]]
            numbers = [_argument(each, ()) for each in told if re.fullmatch(r"-?[\d.]+%?", each)]
            over = {"table_sum": sum, "table_average": mean, "table_max": max, "table_min": min}
            if numbers and name in over:
                return float(over[name](numbers))
    raise ValueError(f"no row {row!r}")


# --- TAT-QA ---------------------------------------------------------------------------------------


def tatqa(data: Path) -> Checked:
    """TAT-QA's development questions: the derivation worked out, against the answer."""
    items: list[Labelled] = []
    faults: list[tuple[str, Fault]] = []
    checked = unreadable = 0
    path = data / "tatqa" / "tatqa_dataset_dev.json"
    for page in json.loads(path.read_text(encoding="utf-8")):
        for asked in page["questions"]:
            gold = f"{asked['answer']} {asked['scale']}".strip()
            items.append(Labelled(asked["uid"], asked["question"], gold, page["table"]["uid"]))
            if asked["answer_type"] != "arithmetic":
                continue
            read = _derived(asked["derivation"])
            answer, scale = asked["answer"], asked["scale"]
            if not read or not isinstance(answer, int | float):
                unreadable += 1
                continue
            checked += 1
            if any(_rounds(value, answer, scale) for value in read):
                continue
            what = f"{asked['question']} | {asked['derivation']} is {read[0]:g}, gold {gold}"
            opposite = any(_rounds(-value, answer, scale) for value in read)
            kind = "the sign differs" if opposite else "the derivation comes to something else"
            faults.append((kind, Fault(id=asked["uid"], what=what)))
    return _checked("TAT-QA dev", items, checked, faults, unreadable)


def _derived(text: str) -> list[float]:
    """What a derivation comes to; empty where it is no arithmetic alone.

    A number in brackets of its own is negative to an accountant and positive to a calculator; the
    set uses both, so that both are tried.
    """
    plain = re.sub(r"[$,€£]", "", text).replace("[", "(").replace("]", ")").replace("–", "-")
    plain = plain.split("=")[0]
    read: list[float] = []
    for each in dict.fromkeys((plain, re.sub(r"\((\d+(?:\.\d+)?)\)", r"(-\1)", plain))):
        try:
            read.append(evaluate(each))
        except ExpressionError:
            continue
    return read


def _rounds(value: float, gold: float, scale: str) -> bool:
    """Whether a value rounds to gold, in percent points where that is gold's scale."""
    shown = len(repr(float(gold)).partition(".")[2])
    slack = 0.51 * 10.0 ** -min(max(shown, 0), 2) + 1e-9
    times = (1.0, 100.0) if scale == "percent" else (1.0,)
    return any(abs(value * each - gold) <= slack for each in times)


# --- GSM8K ----------------------------------------------------------------------------------------

_MARK = re.compile(r"<<([^<>=]+)=([^<>]+)>>")
_NUMBER = re.compile(r"\d[\d,]*(?: \d{3})*(?:\.\d+)?|\.\d+")


def gsm8k(data: Path) -> Checked:
    """GSM8K: every marked step worked out, and the answer looked for in the steps."""
    items: list[Labelled] = []
    faults: list[tuple[str, Fault]] = []
    checked = 0
    for number, row in enumerate(_lines(data / "gsm8k" / "train.jsonl")):
        steps, _, told = row["answer"].rpartition("####")
        name, gold = f"gsm8k/{number}", _plain(told)
        items.append(Labelled(name, row["question"], told.strip()))
        marks = _MARK.findall(steps)
        checked += bool(marks)
        wrong = [f"{left}={right}" for left, right in marks if not _holds(left, right)]
        named = [_plain(each) for each in _NUMBER.findall(steps)]
        last = steps.strip().splitlines()[-1] if steps.strip() else ""
        if wrong:
            what = f"{row['question']} | {wrong[0]} | gold {told.strip()}"
            faults.append(("a step does not hold", Fault(id=name, what=what)))
        elif abs(gold) not in named:
            cents = any(abs(gold) in (each * 100, each / 100) for each in named)
            kind = "the answer is told in another unit" if cents else "the answer is in no step"
            what = f"{row['question']} | {_MARK.sub('', last)} | gold {told.strip()}"
            faults.append((kind, Fault(id=name, what=what)))
    return _checked("GSM8K train", items, checked, faults, len(items) - checked)


def _plain(text: str) -> float:
    return float(re.sub(r"[\s,$]", "", text).rstrip(".") or "nan")


def _holds(left: str, right: str) -> bool:
    """Whether a step holds, as it is rounded, or cannot be read."""
    try:
        value, told = evaluate(left), float(right.replace(",", ""))
    except (ExpressionError, ValueError):
        return True
    shown = len(right.strip().partition(".")[2])
    return abs(value - told) <= (0.51 * 10.0**-shown if shown else 0.5) + 1e-9


# --- headlines ------------------------------------------------------------------------------------


def sentfin(data: Path) -> Checked:
    """SEntFiN: titles told twice, and entities that their title does not name."""
    items: list[Labelled] = []
    faults: list[tuple[str, Fault]] = []
    for number, row in enumerate(_lines(data / "sentfin" / "train.jsonl")):
        for entity, label in row["entities"].items():
            name = f"sentfin/{number}/{entity}"
            items.append(Labelled(name, row["title"], label, entity.lower()))
            if not mentions(row["title"], [entity]):
                what = f"{row['title']} | {entity}: {label}"
                faults.append(("the title does not name the entity", Fault(id=name, what=what)))
    return _checked("SEntFiN train", items, len(items), faults)


_LINK = re.compile(r"https?://\S+")
_TFNS = ("negative", "positive", "neutral")


def tfns(data: Path) -> Checked:
    """TFNS: posts told twice, their links apart."""
    items: list[Labelled] = []
    with (data / "tfns" / "sent_train.csv").open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file)):
            text = _LINK.sub("", row["text"])
            items.append(Labelled(f"tfns/{number}", text, _TFNS[int(row["label"])]))
    return _checked("TFNS train", items, len(items), [])


PUBLIC: Mapping[str, Callable[[Path], Checked]] = {
    "finqa": finqa,
    "tatqa": tatqa,
    "sentfin": sentfin,
    "tfns": tfns,
    "gsm8k": gsm8k,
}


def public(name: str, data: Path) -> Checked:
    """Check one public set.

    Raises:
        ConfigError: no such set, or its file is not there.
    """
    if name not in PUBLIC:
        raise ConfigError(f"no checks of {name!r}; there are some of {', '.join(PUBLIC)}")
    try:
        return PUBLIC[name](data)
    except OSError as error:
        raise ConfigError(f"cannot read {name} below {data}: {error}") from error


# --- generated ------------------------------------------------------------------------------------


def generated(task: Task[Any, Any], fold: Fold, count: int, seed: int) -> Checked:
    """A job's own examples: gold under both judges, and prompts that are told twice.

    A prompt in handles can mean several things only where the handles hide what tells them apart:
    then no model could learn to answer it.
    """
    items: list[Labelled] = []
    faults: list[tuple[str, Fault]] = []
    for example in task.examples(fold, count, seed):
        asked, said = example.dialogue[1], example.dialogue[2]
        reply = said.content or str([(c.name, c.arguments) for c in said.tool_calls])
        items.append(Labelled(example.id, asked.content, reply))
        gold = str(example.answer)
        if not task.score(example, example.answer).right:
            faults.append(("gold is wrong by the job's own score", _fault(example.id, gold)))
        if not scorer.right(task.name, example, example.answer):
            faults.append(("gold is wrong by the decision's judge", _fault(example.id, gold)))
    # Handles are cut apart by ``words``: near prompts are as many as there are frames.
    return _checked(f"{task.name} {fold}", items, len(items), faults, near=2)


def _fault(name: str, what: str) -> Fault:
    return Fault(id=name, what=what[:300])


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
