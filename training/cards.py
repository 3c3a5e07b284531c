"""Model cards: what an artefact is, what it learned from, how good it is, and how to make it
again."""

from __future__ import annotations

from typing import Any

from specialists.foundation.records import RunRecord

_HEAD = """---
license: apache-2.0
language: en
library_name: {library}
{extra}tags: [finance, finroute{tags}]
---
"""

_LIMITS = """## Limits

Trained from nothing on a CPU. It knows the dialogue forms of this project's jobs and
nothing else: no world knowledge, no general language ability. Its prompts must come from the
project's own renderer (lower case, names and figures replaced by handles). Use it as the embedded
default and as a stand-in in tests; for real work serve a hub model with adapters trained by the
same recipes.
"""


def base(record: RunRecord) -> str:
    """The base model's card."""
    run, corpus = record.metrics, record.data
    lines = [
        _HEAD.format(library="transformers", extra="", tags=", qwen3"),
        "# finroute base\n",
        f"A Qwen3-architecture language model of {run['parameters'] / 1e6:.2f} M parameters, made "
        f"from nothing on {run['tokens'] / 1e6:.1f} M tokens in {run['seconds'] / 60:.0f} minutes. "
        "Weights are stored in bfloat16 and computed with in float32.\n",
        "## What it learned from\n",
        "| part | dialogues or passages | tokens |",
        "|---|---|---|",
        *(
            f"| {name} | {part['sequences']:,} | {part['tokens']:,} |"
            for name, part in corpus["parts"].items()
            if not name.endswith("-dev")
        ),
        "\nGenerated dialogues hold no company name and no sentence template of the held-out "
        "folds.\n",
        _sources(corpus["public"]),
        _stages(run["stages"]),
        "## While it learned\n",
        "Held-out loss, and the share of gold replies that greedy decoding without a grammar gets "
        "exactly right (development fold: unseen draws of the training distribution):\n",
        _readings(run["readings"]),
        _LIMITS,
        _again(record),
    ]
    return "\n".join(lines)


def adapter(record: RunRecord) -> str:
    """An adapter's card."""
    run, recipe = record.metrics, record.recipe
    job, rank = recipe["specialist"], recipe["lora"]["rank"]
    first, last = run["readings"][0], run["readings"][-1]
    best = next(r for r in run["readings"] if r["step"] == run["best_step"])
    lines = [
        _HEAD.format(library="peft", extra="base_model: finroute-base\n", tags=", lora"),
        f"# finroute {job}\n",
        f"A LoRA adapter (rank {rank}, all linear layers of the blocks, none on "
        f"embeddings or output head) over the finroute base, tuned by supervised learning for the "
        f"job `{job}` on {run['examples']:,} dialogues in {run['seconds'] / 60:.1f} "
        "minutes.\n",
        "## On companies it did not learn from\n",
        "Replies that greedy decoding without a grammar gets exactly right, and whole dialogues:\n",
        "| | loss | replies | dialogues |",
        "|---|---|---|---|",
        *(
            f"| {name} (step {r['step']}) | {r['loss']:.4f} | {r['exact']:.3f} "
            f"| {r['dialogues']:.3f} |"
            for name, r in (("base", first), ("kept", best), ("last", last))
        ),
        "\nAccuracy on held-out companies and templates, through the engine and its grammar, is in "
        "the project's README (`finroute evals accuracy`).\n",
        f"Loaded again from disk, it gives the trainer's log-probabilities with a mean error of "
        f"{record.reload['mean_error']:.1e}; the base's weights are unchanged.\n",
        _sources(record.data["public"]),
        _LIMITS,
        _again(record),
    ]
    return "\n".join(lines)


def _stages(stages: list[dict[str, Any]]) -> str:
    if len(stages) < 2:
        return ""
    steps = ", ".join(str(stage["from_step"]) for stage in stages[1:])
    return (
        f"The run was stopped and resumed with other settings at step {steps} (`stages` in "
        "`run.json`); the recipe is that of its last stage, so made again in one go it comes out "
        "like this one but not bit for bit.\n"
    )


def _sources(public: list[dict[str, str]]) -> str:
    if not public:
        return "No public data was used.\n"
    rows = [f"| {p['name']} | `{p['file']}` | {p['licence']} |" for p in public]
    return "\n".join(
        [
            "Public data, training parts only:\n",
            "| data | file | licence |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def _readings(readings: list[dict[str, Any]]) -> str:
    if not readings:
        return ""
    names = list(readings[-1]["dev"])
    lines = [
        "| M tokens | " + " | ".join(names) + " |",
        "|---|" + "---|" * len(names),
    ]
    for row in readings:
        cells = []
        for name in names:
            part = row["dev"].get(name)
            if part is None:
                cells.append("")
            elif "exact" not in part:
                cells.append(f"{part['loss']:.2f}")
            else:
                cells.append(f"{part['loss']:.3f} · {part['exact']:.2f}")
        lines.append(f"| {row['tokens'] / 1e6:.1f} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _again(record: RunRecord) -> str:
    return (
        f"## Make it again\n\n```sh\n{record.command}\n```\n\n`run.json` beside this file has "
        "seeds, digests, versions and the machine.\n"
    )
