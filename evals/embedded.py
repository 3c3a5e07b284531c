"""``docs/embedded-models.md``: every aim, what was measured, whether it was met; from records.

Nothing is measured here. A record that is missing is shown as not measured, not as met.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from evals import figures, measures
from evals.accuracy import Accuracy, Result
from evals.calibrating import Rehearsal
from evals.examining import Report as Exam
from evals.failures import Failures, causes
from evals.finqa import Report as Finqa
from evals.intervals import wilson
from evals.linking import Linking
from evals.reliability import risk_coverage
from evals.sentfin import Report as Sentfin
from specialists.foundation.contracts import Value
from specialists.foundation.records import CALIBRATION, RUN, Calibration, Manifest, RunRecord
from specialists.registry import MANIFEST

V = TypeVar("V", bound=Value)
SEALED, DEV, REHEARSAL = "exam-demo.json", "exam-dev.json", "rehearsal.json"
TRIED = Path(__file__).with_name("tried.md")
"""Prose: what was tried for what was missed. Put at the end of the page as it is."""


@dataclass(frozen=True)
class Row:
    """One line of the table of aims."""

    measure: str
    aim: str
    found: str
    met: bool | None
    """None: reported, or not measured."""


@dataclass(frozen=True)
class Records:
    """All that was measured."""

    accuracy: Accuracy | None
    sentfin: Sentfin | None
    finqa: Finqa | None
    linking: Linking | None
    sealed: Exam | None
    dev: Exam | None
    rehearsal: Rehearsal | None
    failures: Failures | None
    calibrations: Mapping[str, Calibration]
    base: RunRecord
    curves: Sequence[Mapping[str, Any]]
    stale: tuple[str, ...]
    """Records of other weights than those there are."""


def read(weights: Path, out: Path) -> Records:
    """Read every record there is."""
    manifest = Manifest.read(weights / MANIFEST)
    folders = {job: weights / each.folder for job, each in manifest.adapters.items()}
    base, adapters = manifest.base.digest, {j: a.digest for j, a in manifest.adapters.items()}
    sealed = _read(out / SEALED, Exam)
    made = [m for m in measures.MEASURES if (out / m.file).exists()]
    stale = [m.name for m in made if not measures.fresh(m, weights, out)]
    if sealed is not None and (sealed.base, sealed.adapters) != (base, adapters):
        stale.append("the sealed questions")
    curves = out / measures.CURVES
    return Records(
        accuracy=_read(out / "accuracy.json", Accuracy),
        sentfin=_read(out / "sentfin.json", Sentfin),
        finqa=_read(out / "finqa.json", Finqa),
        linking=_read(out / "linking.json", Linking),
        sealed=sealed,
        dev=_read(out / DEV, Exam),
        rehearsal=_read(out / REHEARSAL, Rehearsal),
        failures=_read(out / "failures.json", Failures),
        calibrations={
            job: Calibration.read(folder / CALIBRATION)
            for job, folder in folders.items()
            if (folder / CALIBRATION).is_file()
        },
        base=RunRecord.read(weights / manifest.base.folder / RUN),
        curves=[json.loads(line) for line in curves.read_text("utf-8").splitlines() if line]
        if curves.exists()
        else [],
        stale=tuple(stale),
    )


def _read(path: Path, kind: type[V]) -> V | None:
    return kind.model_validate_json(path.read_text(encoding="utf-8")) if path.exists() else None


# --- the table of aims --------------------------------------------------------------------------


def rows(records: Records) -> list[Row]:
    """Every aim with what was found."""
    return [
        _fold(records, "companies", "held-out companies, each specialist", 0.97),
        _fold(records, "templates", "held-out templates, each specialist", 0.90),
        _headlines(records.sentfin),
        _finqa(records.finqa, "gold evidence", 0.30),
        _finqa(records.finqa, "page", 0.22),
        _tatqa(records.finqa),
        *_exam(records.sealed),
        _ece(records),
        *_latency(records.sealed or records.dev),
    ]


def _fold(records: Records, fold: str, name: str, aim: float) -> Row:
    report = records.accuracy
    found = [
        r for r in (report.results if report else ()) if r.paper == fold and r.arm == "adapter"
    ]
    text = "; ".join(f"{r.job} {_share(r.accuracy, r.low, r.high)}" for r in found)
    met = all(r.accuracy >= aim for r in found) if found else None
    return Row(name, f"≥ {aim:.0%}", text, met)


def _headlines(report: Sentfin | None) -> Row:
    name, aim = "SEntFiN, test fold, near-duplicates removed", "≥ 0.85, above TF-IDF (paired)"
    paper = report.papers.get("sentfin") if report else None
    if paper is None:
        return Row(name, aim, "", None)
    arm = paper.arms.get("both") or paper.arms["model"]
    beside = paper.arms["tfidf"]
    low = arm.gain_low if arm.gain_low is not None else 0.0
    found = (
        f"{_share(arm.accuracy, arm.low, arm.high)} of {paper.count}; TF-IDF "
        f"{beside.accuracy:.3f}, gain {arm.gain or 0.0:+.3f}, lower bound {low:+.3f}"
    )
    return Row(name, aim, found, arm.accuracy >= 0.85 and low > 0)


def _finqa(report: Finqa | None, paper: str, aim: float) -> Row:
    name = f"FinQA dev, {'full page' if paper == 'page' else paper}, execution accuracy"
    share = None
    if report is not None:
        share = report.find(f"{paper} · both") or report.find(f"{paper} · ranker")
    if share is None:
        return Row(name, f"≥ {aim:.0%}", "", None)
    found = f"{_share(share.accuracy, share.low, share.high)} of {share.count}"
    return Row(name, f"≥ {aim:.0%}", found, share.accuracy >= aim)


def _tatqa(report: Finqa | None) -> Row:
    found = "; ".join(
        f"{share.name.removeprefix('TAT-QA · ')} {_share(share.accuracy, share.low, share.high)} "
        f"of {share.count}"
        for share in (report.tatqa if report else ())
    )
    return Row("TAT-QA dev, arithmetic and spans", "reported", found, None)


def _exam(report: Exam | None) -> Iterator[Row]:
    where = "sealed questions"
    first = next(iter(report.arms.values()), None) if report else None
    if report is None or first is None:
        for name, aim in (
            (f"{where}, right of the answerable", "≥ 80 %"),
            (f"{where}, wrong", "≤ 3 %, upper bound ≤ 5 %"),
            (f"{where}, unanswerable", "reported"),
            (f"{where}, controls beaten", "lower bound > 0"),
        ):
            yield Row(name, aim, "", None)
        return
    low, high = first.right_interval
    right = f"{_share(first.right_share, low, high)} of {first.count}"
    yield Row(f"{where}, right of the answerable", "≥ 80 %", right, first.right_share >= 0.8)
    wrong = f"{first.wrong_share:.1%}, upper bound {first.wrong_bound:.1%} ({first.wrong} wrong)"
    fine = first.wrong_share <= 0.03 and first.wrong_bound <= 0.05
    yield Row(f"{where}, wrong", "≤ 3 %, upper bound ≤ 5 %", wrong, fine)
    empty = f"{first.unanswerable_right} of {first.unanswerable} rightly not answered"
    yield Row(f"{where}, unanswerable", "reported", empty, None)
    controls = [m for m in report.margins if m.arm not in {"everything", "no encoder"}]
    told = "; ".join(f"{m.arm} {m.difference:+.2f} (≥ {m.low:+.2f})" for m in controls)
    beaten = all(m.low > 0 for m in controls) if controls else None
    yield Row(f"{where}, controls beaten", "lower bound > 0", told, beaten)


def _ece(records: Records) -> Row:
    found = {job: c.after for job, c in records.calibrations.items() if c.after is not None}
    text = "; ".join(f"{job} {r.ece:.3f} (Brier {r.brier:.3f})" for job, r in found.items())
    met = all(r.ece <= 0.05 for r in found.values()) if found else None
    return Row("calibration error (ECE), each adapter", "≤ 0.05", text, met)


def _latency(report: Exam | None) -> Iterator[Row]:
    first = next(iter(report.arms.values()), None) if report else None
    for name, aim, found in (
        ("warm ask, p50", 3.0, first.p50_s if first else None),
        ("warm ask, p95", 8.0, first.p95_s if first else None),
    ):
        text = "" if found is None or report is None else f"{found:.2f} s ({report.device})"
        yield Row(name, f"≤ {aim:g} s", text, None if found is None else found <= aim)


def _share(share: float, low: float, high: float) -> str:
    return f"{share:.3f} [{low:.3f}, {high:.3f}]"


# --- the page -----------------------------------------------------------------------------------


def page(records: Records, folder: Path) -> str:
    """The page as Markdown; its plots are drawn into ``folder``."""
    parts = [
        "# The embedded models, measured",
        "Made by `finroute evals embedded` from the records in `evals/results/`; nothing here is "
        "written by hand but the causes of failures and the last section. Intervals are 95 %; they "
        "treat questions as independent, and questions of one sentence frame are not.",
        _aims(records),
        _served(records),
        _calibrated(records, folder),
        _exams(records),
        _learning(records, folder),
        _linked(records.linking),
        _headline_arms(records.sentfin),
        _wrong(records.failures),
    ]
    if TRIED.exists():
        parts.append(TRIED.read_text(encoding="utf-8").strip())
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(cell.replace('|', '¦') for cell in row)} |" for row in body]
    return "\n".join(lines)


def _aims(records: Records) -> str:
    words = {True: "met", False: "**missed**", None: ""}
    body = [
        [r.measure, r.aim, r.found or "not measured", words[r.met] if r.found else ""]
        for r in rows(records)
    ]
    text = _table(["measure", "aim", "measured", ""], body)
    if records.stale:
        text += f"\n\nMeasured on earlier weights: {', '.join(records.stale)}."
    return text


def _served(records: Records) -> str:
    if records.accuracy is None:
        return ""
    report = records.accuracy
    jobs = list(dict.fromkeys(r.job for r in report.results))
    arms = ("adapter", "base", "random", "grammar")
    body: list[list[str]] = []
    for job in jobs:
        for fold in ("companies", "templates"):
            found = [report.find(job, fold, arm) for arm in arms]
            body.append([f"`{job}`", fold, *map(_cell, found), _admitted(found[0])])
    head = ["job", "held out", "adapter", "base alone", "random weights", "grammar alone", "checks"]
    note = (
        "`checks`: the share of answers that a job's own checks let through, and how many of those "
        "are right. Held-out templates are the half of the held-out frames that no calibration has "
        "seen, with companies never trained on."
    )
    return f"## Specialists\n\n{_table(head, body)}\n\n{note}"


def _cell(result: Result | None) -> str:
    return "" if result is None else f"{_share(result.accuracy, result.low, result.high)}"


def _admitted(result: Result | None) -> str:
    if result is None or result.admitted is None:
        return ""
    return f"{result.admitted:.2f}, right {result.admitted_right or 0.0:.3f}"


def _calibrated(records: Records, folder: Path) -> str:
    lines = ["## Calibration and abstention"]
    body = [
        [
            f"`{job}`",
            f"{c.count}",
            f"{c.before.ece:.3f} → {c.after.ece:.3f}",
            f"{c.before.brier:.3f} → {c.after.brier:.3f}",
            ", ".join(f"{name} {weight:.2f}" for name, weight in c.logistic.weights.items()),
        ]
        for job, c in records.calibrations.items()
        if c.before is not None and c.after is not None
    ]
    if body:
        lines.append(_table(["job", "fitted on", "ECE", "Brier", "weights of the signals"], body))
    rehearsal = records.rehearsal
    if rehearsal is None:
        return "\n\n".join(lines) if body else ""
    told = rehearsal.assurance
    came = ", ".join(f"{n} {name}" for name, n in told.sources.items())
    lines.append(
        f"Whole answers: thresholds by learn-then-test on {told.count} questions ({came}), at "
        f"{1 - told.delta:.0%}. The promise is for questions like these."
    )
    lines.append(
        _table(
            ["promised risk", "confidence", "given", "wrong", "p"],
            [
                [
                    f"{t.risk:.0%}",
                    f"{t.confidence:.3f}" if t.confidence <= 1 else "none",
                    str(t.given),
                    str(t.wrong),
                    f"{t.p:.3f}",
                ]
                for t in told.thresholds
            ],
        )
    )
    lines.append(_curves(rehearsal, folder))
    return "\n\n".join(lines)


def _curves(rehearsal: Rehearsal, folder: Path) -> str:
    tested = set(rehearsal.tested)
    curves: dict[str, list[tuple[float, float, float]]] = {}
    reliable: dict[str, tuple[list[float], list[bool]]] = {}
    for name, sat in rehearsal.asked.items():
        chosen = [each for each in sat if each.id in tested]
        sure = [rehearsal.sure.get(each.id) for each in chosen]
        wrong = [each.outcome == "wrong" for each in chosen]
        curves[name] = risk_coverage(sure, wrong)
        pairs = [(s, not w) for s, w in zip(sure, wrong, strict=True) if s is not None]
        reliable[name] = ([s for s, _ in pairs], [r for _, r in pairs])
    one = figures.risk_coverage(folder / "risk-coverage.svg", curves, 0.03)
    two = figures.reliability(folder / "reliability.svg", reliable)
    return f"{_figure(one, 'Risk over coverage')}\n{_figure(two, 'Reliability')}"


def _figure(path: Path, name: str) -> str:
    return f"![{name}](figures/{path.name})"


def _exams(records: Records) -> str:
    lines: list[str] = []
    for title, report in (
        ("Sealed questions", records.sealed),
        ("Development questions", records.dev),
    ):
        if report is None:
            continue
        first = next(iter(report.arms))
        body = [
            [
                name,
                _share(arm.right_share, *arm.right_interval),
                f"{arm.wrong_share:.3f} (≤ {arm.wrong_bound:.3f})",
                f"{arm.abstained}, {arm.partial}, {arm.errors}",
                f"{arm.unanswerable_right}/{arm.unanswerable}",
                next((f"{m.difference:+.2f} (≥ {m.low:+.2f})" for m in report.margins
                      if m.arm == name), ""),
                f"{arm.p50_s:.2f}, {arm.p95_s:.2f}",
            ]
            for name, arm in report.arms.items()
        ]  # fmt: skip
        head = [
            "arm",
            f"right of {report.arms[first].count} answerable",
            "wrong",
            "abstained, partial, errors",
            "unanswerable left",
            f"{first} over it",
            "p50, p95 (s)",
        ]
        kinds = ", ".join(
            f"{kind} {each.get('right', 0)}/{sum(each.values())}"
            for kind, each in report.arms[first].by_kind.items()
            if kind != "unanswerable"
        )
        lines += [f"## {title}", _table(head, body), f"Right by kind: {kinds}."]
        lines.append(
            f"`{report.file}`, SHA-256 `{report.sha256[:16]}…`, {report.started}, "
            f"{report.device}. The arms are described in `evals/contenders.py`."
        )
    return "\n\n".join(lines)


def _learning(records: Records, folder: Path) -> str:
    lines = ["## Learning curves"]
    readings: Sequence[Mapping[str, Any]] = records.base.metrics.get("readings", ())
    if readings:
        path = figures.tokens(folder / "tokens.svg", readings)
        lines.append(_figure(path, "Exact dialogues over tokens"))
    runs = records.curves
    if not runs:
        return "\n\n".join(lines) if readings else ""
    most = max(run["frames"] for run in runs)
    main = next((r["recipe"]["shape"] for r in runs), "")
    by_frames = [r for r in runs if r["name"].startswith(f"{main}-")]
    by_size = [r for r in runs if r["frames"] == most]
    lines.append(
        _figure(figures.frames(folder / "frames.svg", by_frames), "Over frames")
        + "\n"
        + _figure(figures.parameters(folder / "parameters.svg", by_size), "Over parameters")
    )
    body = [
        [
            r["name"],
            f"{r['frames']:,}",
            f"{r['parameters'] / 1e6:.2f} M",
            f"{r['tokens'] / 1e6:.2f} M",
            _share(r["exact"], *wilson(round(r["exact"] * r["heldout"]), r["heldout"])),
            f"{r['seconds']:.0f} s",
        ]
        for r in sorted(runs, key=lambda r: (r["parameters"], r["frames"]))
    ]
    head = ["run", "frames", "parameters", "tokens", "exact plans, unseen frames", "time"]
    lines.append(_table(head, body))
    lines.append(
        "Planning alone, from nothing, judged by forced decoding without the grammar; see "
        "`training/curves.py`."
    )
    return "\n\n".join(lines)


def _linked(report: Linking | None) -> str:
    if report is None:
        return ""
    shares = [[s.name, _share(s.share, s.low, s.high), str(s.count)]
              for s in (*report.questions, *report.names)]  # fmt: skip
    methods = [
        [
            rows.source,
            rows.method,
            *(f"{share.share:.3f}" for share in rows.recall.values()),
            _share(rows.exact.share, rows.exact.low, rows.exact.high),
        ]
        for rows in report.rows
    ]
    text = f"## Linking\n\n{_table(['questions and names', 'right', 'of'], shares)}"
    if not methods:
        return text
    depths = [f"recall @{k}" for k in report.rows[0].recall]
    return f"{text}\n\n{_table(['pages', 'method', *depths, 'exact'], methods)}"


def _headline_arms(report: Sentfin | None) -> str:
    if report is None:
        return ""
    body = [
        [
            source,
            name,
            _share(arm.accuracy, arm.low, arm.high),
            "" if arm.gain is None else f"{arm.gain:+.3f} (≥ {arm.gain_low or 0.0:+.3f})",
        ]
        for source, paper in report.papers.items()
        for name, arm in paper.arms.items()
    ]
    return f"## Headlines\n\n{_table(['set', 'arm', 'accuracy', 'over TF-IDF'], body)}"


def _wrong(report: Failures | None) -> str:
    if report is None:
        return ""
    named = causes()
    lines = ["## Ten failures of each specialist", "On held-out frames, the first that came."]
    for job, failures in report.jobs.items():
        body = [
            [
                _short(f.asked, 160),
                f"`{_short(f.gold, 90)}`",
                f"`{_short(f.said, 90)}`" + ("" if f.admitted else " (refused by its checks)"),
                named.get(f.id) or "unnamed",
            ]
            for f in failures
        ]
        lines.append(f"### `{job}`\n\n{_table(['asked', 'gold', 'said', 'cause'], body)}")
    return "\n\n".join(lines)


def _short(text: str, most: int) -> str:
    plain = " ".join(text.replace("`", "'").split())
    return plain if len(plain) <= most else f"… {plain[-most:]}"
