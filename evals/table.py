"""The accuracy report as Markdown, and its place in the README."""

from __future__ import annotations

from pathlib import Path

from evals.accuracy import Accuracy, Result
from specialists.foundation.errors import ConfigError

START, END = "<!-- accuracy:start -->", "<!-- accuracy:end -->"

_FOLDS = {"companies": "held-out companies", "templates": "held-out templates"}
_NAMES = {
    "sentfin": "SEntFiN, test fold",
    "tfns": "TFNS, test fold",
    "finqa": "FinQA dev",
    "tatqa": "TAT-QA dev",
    "xbrl_formula": "XBRL formulas, validation part",
    "sec_ner": "SEC agreements, test fold",
}


def markdown(report: Accuracy) -> str:
    """The tables: generated questions with all controls, then public data."""
    jobs = list(dict.fromkeys(r.job for r in report.results))
    lines = [
        "| job | questions | its adapter | base alone | random weights | grammar alone |",
        "|---|---|---|---|---|---|",
    ]
    for job in jobs:
        for paper, words in _FOLDS.items():
            cells = [
                _cell(report.find(job, paper, a)) for a in ("adapter", "base", "random", "grammar")
            ]
            lines.append(f"| `{job}` | {words} | **{cells[0]}** | " + " | ".join(cells[1:]) + " |")
    public = [r for r in report.results if r.arm == "adapter" and r.paper not in _FOLDS]
    if public:
        lines += [
            "",
            "Real wording, never trained on:",
            "",
            "| job | data | its adapter | base alone | TF-IDF + logistic regression |",
            "|---|---|---|---|---|",
        ]
        for row in public:
            base = _cell(report.find(row.job, row.paper, "base"))
            classical = _cell(report.find(row.job, row.paper, "tf-idf"))
            name = _NAMES.get(row.paper, row.paper)
            lines.append(f"| `{row.job}` | {name} | **{_cell(row)}** | {base} | {classical} |")
    return "\n".join([*lines, "", _notes(report)])


def _cell(result: Result | None) -> str:
    if result is None:
        return ""
    return f"{result.accuracy:.2f} [{result.low:.2f}, {result.high:.2f}] of {result.count}"


def _notes(report: Accuracy) -> str:
    tuned = [r for r in report.results if r.arm == "adapter" and r.seconds]
    speed = sum(r.tokens for r in tuned) / max(sum(r.seconds for r in tuned), 1e-9)
    adapters = [size for name, size in report.sizes.items() if name != "base"]
    held = [r.templates for r in tuned if r.paper == "templates"]
    clusters = f"{min(held)} to {max(held)}" if held else "few"
    return (
        "Share right, with 95 % Wilson intervals, greedy, over the real engine, grammar and tools. "
        "Held-out templates are sentence frames never trained on, with companies never trained on; "
        f"the questions of a job come from {clusters} such frames, and intervals that treat them "
        "as independent are too narrow. The adapters were all made by supervised learning; those "
        "that no decision record adopts are served as provisional. The base was pretrained on the "
        "same jobs, so it is a strong control, and random weights of the adapter's spread hardly "
        "move it; `grammar alone` draws uniformly from what the grammar admits. "
        f"Base {report.sizes['base'] / 1e6:.1f} MB, adapters "
        f"{min(adapters) / 1e6:.1f} MB each, {speed:,.0f} tokens/s written in batches "
        f"({report.device}). Made by `finroute evals accuracy` in "
        f"{report.seconds / 60:.0f} minutes."
    )


def embed(readme: Path, text: str) -> None:
    """Put text between the README's markers.

    Raises:
        ConfigError: the markers are not there.
    """
    whole = readme.read_text(encoding="utf-8")
    before, start, rest = whole.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise ConfigError(f"{readme.name} has no lines {START} and {END}")
    readme.write_text(f"{before}{START}\n{text}\n{END}{after}", encoding="utf-8")
