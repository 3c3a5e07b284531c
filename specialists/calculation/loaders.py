"""Public calculation questions as examples, read from a folder, never from the network.

- ``finqa`` (Chen et al. 2021, MIT): ``dev.jsonl`` is for evaluation only; training takes the pages
  of ``train_sample_98.jsonl`` with their gold programs, and those of
  ``train_partial_goldctx.jsonl`` whose program can be induced without doubt (``induce.py``). Gold
  is ``exe_ans``.
- ``xbrl_formula`` (XBRL-Agent, MIT/Apache-2.0): one formula and its numbers, for evaluation.

A page is cut to the dozen numbers whose labels share most words with the question. Numbers keep the
scale their page writes them in, since gold does; percentages in tables stay percentages.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from specialists.calculation import program
from specialists.calculation.check import raw_match
from specialists.calculation.facts import CalculationInputs, Fact, prompt
from specialists.calculation.induce import induce
from specialists.calculation.task import Calculation, reply, run
from specialists.foundation.contracts import Message, Quantity
from specialists.foundation.errors import AnswerError
from specialists.task import Example
from specialists.workspace.handles import Handles
from specialists.workspace.lexicon import fold
from specialists.workspace.numbers import scan

if TYPE_CHECKING:
    from specialists.calculation.task import CalculationTask

Part = Literal["train", "test"]
FACTS = 10
SENTENCES = 2

_WORD = re.compile(r"[a-z]+|\d{4}")
_YEAR = re.compile(r"\b((?:19|20)\d\d)\b")
_STATED = re.compile(r"the (.+?) of (.+?) is ([^;]+?) ;")
_CHUNK = re.compile(r"(?:text|table)_\d+: ")


def load(
    task: CalculationTask,
    root: Path,
    part: Part,
    sources: Sequence[str] = ("finqa", "xbrl_formula"),
) -> Iterator[Example[CalculationInputs, Calculation]]:
    """Examples of public data below ``root`` (``$FINROUTE_DATA``).

    Training examples have a gold reply; test examples end with the question.

    Raises:
        FileNotFoundError: the folder lacks a source's file.
    """
    if "finqa" in sources:
        if part == "test":
            for record in _records(root / "finqa/dev.jsonl"):
                yield _test(task, f"finqa/{record['id']}", page(record), record["exe_ans"], "finqa")
        else:
            yield from _trained(task, root)
    if "xbrl_formula" in sources and part == "test":
        for number, record in enumerate(_records(root / "xbrl_formula/val.jsonl")):
            case = formula(record)
            if case is not None:
                yield _test(task, f"xbrl_formula/{number}", *case, "xbrl_formula")


def _records(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            yield json.loads(line)


def _test(
    task: CalculationTask,
    id_: str,
    inputs: CalculationInputs,
    gold: float | str,
    source: str,
) -> Example[CalculationInputs, Calculation]:
    answer = Calculation(raw=gold if isinstance(gold, str) else float(gold))
    dialogue = tuple(task.begin(inputs).messages)
    company = id_.split("/")[1] if source == "finqa" else ""
    return Example(id_, inputs, answer, dialogue, "templates", company, source, source)


def _trained(
    task: CalculationTask, root: Path
) -> Iterator[Example[CalculationInputs, Calculation]]:
    for record in _records(root / "finqa/train_sample_98.jsonl"):
        yield from _solved(task, record["id"], page(record), record["exe_ans"], record["program"])
    for record in _records(root / "finqa/train_partial_goldctx.jsonl"):
        inputs = gold_context(record)
        yield from _solved(task, record["id"], inputs, record["answer"], None)


def _solved(
    task: CalculationTask,
    id_: str,
    inputs: CalculationInputs,
    gold: float | str,
    written: str | None,
) -> Iterator[Example[CalculationInputs, Calculation]]:
    """The example, if its program is known and comes to gold over the numbers shown."""
    seed = sum(map(ord, id_))
    try:
        laid_out = prompt(inputs, _handles(seed))
        facts = laid_out.facts
        values = {h: f.quantity.value for h, f in facts.items()}
        ops = (
            translate(written, values)
            if written
            else (induce(_apart(values), float(gold)) if _number(gold) else None)
        )
        if ops is None:
            return
        answer = run(ops, inputs.question, facts)
    except AnswerError:
        return
    exact = gold if isinstance(gold, str) and not _number(gold) else float(gold)
    if not raw_match(exact, answer.raw, inputs.question):
        return
    messages = (
        *task.begin(inputs, seed=seed).messages,
        Message(role="assistant", content=reply(ops, laid_out)),
    )
    company = id_.split("/")[0] if "/" in id_ else ""
    yield Example(f"finqa/{id_}", inputs, answer, messages, "train", company, "finqa", "finqa")


def _handles(seed: int) -> Handles:
    return Handles(random.Random(seed))


def _number(text: float | str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _apart(values: Mapping[str, float]) -> dict[str, float]:
    """Only numbers whose value no other number shares: the others cannot be told apart."""
    shared = Counter(values.values())
    return {h: v for h, v in values.items() if shared[v] == 1}


# --- programs -----------------------------------------------------------------------------------


def translate(text: str, values: Mapping[str, float]) -> program.Program | None:
    """A FinQA program over literals as one over handles; None where a literal has no one number.

    Averages and sums of several numbers become ``table_average`` and ``table_sum``, so that one
    meaning has one form.
    """
    ops: list[program.Op] = []
    for name, args in re.findall(r"(\w+)\(([^()]*)\)", text):
        if name.startswith("table_"):
            return None
        parts = [_literal(a.strip(), values) for a in args.split(",")]
        if any(p is None for p in parts) or len(parts) != 2:
            return None
        ops.append(program.Op(name, tuple(p for p in parts if p is not None)))
    return _canonical(tuple(ops)) if ops else None


def _literal(arg: str, values: Mapping[str, float]) -> str | None:
    if arg.startswith("#") or arg in program.CONSTANTS:
        return arg
    try:
        value = float(arg.rstrip("%").replace(",", ""))
    except ValueError:
        return None
    fits = [h for h, v in values.items() if abs(v) == abs(value)]
    exact = [h for h in fits if values[h] == value]
    fits = exact or fits
    return fits[0] if len(fits) == 1 else None


def _canonical(ops: program.Program) -> program.Program:
    hundred = program.Op("multiply", (f"#{len(ops) - 2}", "const_100"))
    if ops[1:] and ops[-1:] == (hundred,):
        ops = ops[:-1]
    terms = _summed(ops)
    count = len(terms)
    average = program.Op("divide", (f"#{count - 2}", f"const_{count}"))
    if count > 2 and len(ops) == count - 1:
        return (program.Op("table_sum", tuple(terms)),)
    if count and len(ops) == count and ops[-1:] == (average,):
        return (program.Op("table_average", tuple(terms)),)
    less_one = program.Op("subtract", ("#0", "const_1"))
    if len(ops) == 2 and ops[0].name == "divide" and ops[1] == less_one:
        later, earlier = ops[0].args
        return program.Op("subtract", (later, earlier)), program.Op("divide", ("#0", earlier))
    return ops


def _summed(ops: program.Program) -> list[str]:
    """The numbers that a program's first steps add up: ``add(a, b), add(#0, c)`` -> a, b, c."""
    terms: list[str] = []
    for k, op in enumerate(ops):
        chained = op.name == "add" and (k == 0 or op.args[0] == f"#{k - 1}")
        fresh = op.args if k == 0 else op.args[1:]
        if not chained or any(not a.startswith("<") for a in fresh):
            break
        terms += fresh
    return terms


# --- pages --------------------------------------------------------------------------------------


def page(record: Mapping[str, Any]) -> CalculationInputs:
    """A FinQA page as a question with the numbers that may matter to it."""
    question = record["question"]
    facts = table_facts(record["table"])
    sentences = [
        s
        for text in (record["pre_text"], record["post_text"])
        for s in re.split(
            r"(?<=[a-z0-9)]) \. ", text if isinstance(text, str) else " . ".join(text)
        )
    ]
    return select(question, facts, sentences)


def gold_context(record: Mapping[str, Any]) -> CalculationInputs:
    """A record of gold evidence: sentences, and table rows told in words."""
    text = record["contexts"].partition("\n")[2]
    facts: list[Fact] = []
    sentences: list[str] = []
    for chunk in _CHUNK.split(text):
        stated = _STATED.findall(chunk)
        if not stated:
            sentences += [s for s in re.split(r" \. ", chunk) if s.strip()]
        for row, column, cell in stated:
            fact = _fact(row, column, cell)
            if fact is not None:
                facts.append(fact)
    return select(record["question"], facts, sentences)


def table_facts(table: Sequence[Sequence[str]]) -> list[Fact]:
    """The numbers of a table, each with its row's label and its column's header."""
    if len(table) < 2:
        return []
    header = table[0]
    facts: list[Fact] = []
    for row in table[1:]:
        for j in range(1, min(len(row), len(header))):
            fact = _fact(row[0], header[j], row[j])
            if fact is not None:
                facts.append(fact)
    return facts


def _fact(row: str, column: str, cell: str) -> Fact | None:
    numbers = scan(cell)
    if not numbers:
        return None
    written = numbers[0].quantity
    unit = "%" if written.unit == "%" else ""
    quantity = Quantity(value=written.value, unit=unit)
    row_year, column_year = _YEAR.findall(row), _YEAR.findall(column)
    if column_year:
        return Fact(quantity=quantity, measure=row.strip(), year=int(column_year[-1]))
    if row_year and len(row_year) == 1:
        return Fact(quantity=quantity, measure=column.strip(), year=int(row_year[0]))
    return Fact(quantity=quantity, measure=f"{row} {column}".strip())


def select(question: str, facts: Sequence[Fact], sentences: Sequence[str]) -> CalculationInputs:
    """The facts and sentences that share most with a question."""
    asked = _words(question)
    common = Counter(w for f in facts for w in set(_words(f.measure)))
    common.update(w for s in sentences for w in set(_words(s)))
    years = {w for w in asked if w.isdigit()}

    def weight(words: Sequence[str]) -> float:
        return sum(1.0 / (1.0 + common[w]) ** 0.5 for w in set(words) & set(asked))

    def rank(fact: Fact) -> float:
        score = weight(_words(fact.measure)) / (1.0 + 0.05 * len(_words(fact.measure)))
        return score + (0.35 if str(fact.year) in years else -0.1 if years and fact.year else 0.0)

    best = sorted(range(len(facts)), key=lambda i: (-rank(facts[i]), i))
    told = [s for s in sentences if any(not n.is_year for n in scan(s))]
    ranked = sorted(range(len(told)), key=lambda i: (-weight(_words(told[i])), i))
    top = rank(facts[best[0]]) if best else 0.0
    many = SENTENCES if not best or (ranked and weight(_words(told[ranked[0]])) > 0.5 * top) else 1
    kept = sorted(best[: FACTS if many == 1 else FACTS - 4])
    plain = [_plain(told[i]) for i in sorted(ranked[:many])]
    return CalculationInputs(
        question=question, facts=tuple(facts[i] for i in kept), context=tuple(plain)
    )


def _words(text: str) -> list[str]:
    return [w for t in _WORD.findall(text.lower()) if len(w := fold(t)) > 2 or w.isdigit()]


def _plain(sentence: str) -> str:
    """A sentence whose numbers keep their page's scale: ``$ 3.2 million`` counts as 3.2."""
    return re.sub(
        r"(\d)\s+(?:thousand|million|billion)s?\b", r"\1", sentence.replace("$", " ")
    ).strip()


def formula(record: Mapping[str, str]) -> tuple[CalculationInputs, float] | None:
    """An XBRL formula question; None where its answer is no number."""
    if not _number(record["target"]):
        return None
    text = record["context"]
    name = re.search(r"Use formula (.*?) to answer", text)
    quoted = re.search(r'Question:\s*"(.*?)"\.? Answer', text, re.DOTALL)
    if not name or not quoted:
        return None
    title = re.sub(r"\(.*?\)", "", name[1]).strip()
    inputs = CalculationInputs(question=f"what is the {title} ?", context=(quoted[1],))
    return inputs, float(record["target"])
