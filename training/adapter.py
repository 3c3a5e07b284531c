"""From recipe to an adapter on disk: its dialogues, its training, the proof that it reloads, its
record."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from specialists.foundation.contracts import Message
from specialists.foundation.errors import ConfigError, RecordError
from specialists.foundation.records import CARD, RUN, RunRecord, artefact_digest
from training import canaries, cards, corpus, prose, recipe, sft, weights
from training.provenance import environment, now

Say = Callable[[str], None]
TOLERANCE = 1e-3
"""Mean absolute difference of log-probabilities (nats) that a reloaded adapter may show."""
SEARCHED = 96
"""Dialogues of the development fold among which the canary finds where the adapter acts."""
CHECKED = 32
"""Dialogues of the development fold that the reload check reads."""


def make(
    made: recipe.AdapterRecipe,
    work: Path,
    data: Path | None,
    out: Path,
    *,
    command: str,
    say: Say = print,
) -> RunRecord:
    """Train an adapter over ``out/base`` and write it to ``out/<job>``.

    Raises:
        ConfigError: there is no base.
        RecordError: what was saved is not what was trained, or the base changed.
    """
    base, folder = out / "base", out / made.job
    if not (base / RUN).exists():
        raise ConfigError(f"there is no base in {base}: make it with `finroute train pretrain`")
    before = artefact_digest(base)
    started = now()
    cases = work / "adapters"
    for shard, count in corpus.make_all(dialogues(made), cases, data):
        say(f"corpus: {shard.job} {shard.fold} {shard.index}: {count} dialogues")
    train, dev = sft.select(made, cases)
    run = sft.Adapting(made, base, train, dev, work, say)
    metrics = run.run()
    public = corpus.public_sources(cases, made.job) if made.public else {}
    if folder.exists():
        shutil.rmtree(folder)
    run.save(folder)
    checked = dev[:CHECKED]
    error = check_reload(run, base, folder, checked)
    if artefact_digest(base) != before:
        raise RecordError("the base's files changed while an adapter was trained on it")
    canaries.write(base, folder, made.job, dev[:SEARCHED])
    record = RunRecord.of(
        folder,
        kind="adapter",
        name=made.job,
        base=before,
        command=command,
        recipe=made.model_dump(mode="json"),
        seeds={"weights": made.seed, "order": made.seed, "corpus": made.corpus_seed},
        data={
            "dialogues": {"train": len(train), "dev": len(dev)},
            "public_dialogues": public,
            "public": prose.provenance(data, set(public)) if data else [],
        },
        metrics=metrics,
        reload={"mean_error": error, "tolerance": TOLERANCE, "dialogues": len(checked)},
        environment=environment(made.threads),
        started=started,
        seconds=metrics["seconds"],
    )
    record.write(folder / RUN)
    (folder / CARD).write_text(cards.adapter(record), encoding="utf-8")
    weights.name_adapter(out, made.job, record)
    return record


def dialogues(made: recipe.AdapterRecipe) -> corpus.CorpusRecipe:
    """The corpus an adapter learns from: one job's, of the adapter's own seed."""
    return corpus.CorpusRecipe(
        seed=made.corpus_seed, jobs=(made.job,), train=made.examples, dev=made.watch_count
    )


def check_reload(
    run: sft.Adapting, base: Path, folder: Path, dialogues: Sequence[tuple[Message, ...]]
) -> float:
    """Load the saved adapter and hold its log-probabilities against the trainer's.

    Returns the mean absolute difference (nats).

    Raises:
        RecordError: it is larger than :data:`TOLERANCE`.
    """
    trained = sft.reply_logprobs(run.model, run.tokenizer, dialogues)
    loaded = sft.reply_logprobs(sft.reload(base, folder), run.tokenizer, dialogues)
    error = sft.difference(trained, loaded)
    if not error <= TOLERANCE:
        raise RecordError(
            f"the saved adapter is not the trained one: its log-probabilities differ by "
            f"{error:.2g} nats"
        )
    return error
