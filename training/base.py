"""From recipe to the embedded base on disk: corpus, tokenizer, tokens, weights, record, card.

Every stage leaves its result in the work folder and is skipped when it is there, so that a stopped
run goes on where it stopped.
"""

from __future__ import annotations

import itertools
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import torch
from transformers import AutoTokenizer, PreTrainedTokenizerFast, Qwen3ForCausalLM

from specialists.engines.template import chat_template
from specialists.foundation.errors import ConfigError
from specialists.foundation.records import CARD, RUN, RunRecord
from training import cards, copying, corpus, grow, prose, weights
from training import tokenizer as tokenizing
from training.batches import Tokens
from training.pretrain import Pretraining, build
from training.provenance import environment
from training.recipe import BaseRecipe

Say = Callable[[str], None]


def prepare(recipe: BaseRecipe, work: Path, data: Path | None, say: Say = print) -> None:
    """Make the corpus, the tokenizer and the tokens."""
    total = 0
    for shard, count in corpus.make_all(recipe.corpus, work, data):
        total += count
        say(f"corpus: {shard.job} {shard.fold} {shard.index}: {count} dialogues, {total} in all")
    tokenizer = learn_tokenizer(recipe, work, data, say)
    for name, tokens in tokenise(recipe, tokenizer, work, data).items():
        say(f"tokens: {name}: {len(tokens):,} sequences, {len(tokens.ids):,} tokens, "
            f"{tokens.reply.mean() if len(tokens) else 0:.0%} of them replies")  # fmt: skip


def learn_tokenizer(
    recipe: BaseRecipe, work: Path, data: Path | None, say: Say = print
) -> PreTrainedTokenizerFast:
    """The tokenizer of the work folder, learned first if there is none."""
    folder = work / "tokenizer"
    if folder.exists():
        return AutoTokenizer.from_pretrained(folder)
    if recipe.grown_from:
        known = AutoTokenizer.from_pretrained(grow.source(recipe.grown_from))
        known.save_pretrained(folder)
        return known
    bare = tokenizing.bare(chat_template())
    texts: list[str] = []
    replies: list[str] = []
    for job in recipe.corpus.jobs:
        generated = corpus.dialogues(work, job, ("train",))
        public = corpus.dialogues(work, job, ("public",))
        for dialogue in itertools.chain(
            itertools.islice(generated, recipe.tokenizer.sample),
            itertools.islice(public, recipe.tokenizer.sample),
        ):
            texts.append(corpus.render_text(bare, dialogue))
            replies += [corpus.render_text(bare, [m]) for m in dialogue if m.role == "assistant"]
    if data is not None:
        passages = list(prose.read(data))
        random.Random(recipe.seed).shuffle(passages)
        texts += [p[:400] for p in passages[: recipe.tokenizer.sample]]
    scaffolding = tokenizing.mine_scaffolding(
        replies, at_least=len(replies) // 400, limit=recipe.tokenizer.scaffolding
    )
    say(f"tokenizer: {len(texts):,} texts; one token each for {scaffolding}")
    tokenizer = tokenizing.train(
        texts,
        vocabulary=recipe.tokenizer.vocabulary,
        scaffolding=scaffolding,
        chat_template=chat_template(),
        context=recipe.model.context,
    )
    tokenizer.save_pretrained(folder)
    return tokenizer


def tokenise(
    recipe: BaseRecipe, tokenizer: PreTrainedTokenizerFast, work: Path, data: Path | None
) -> dict[str, Tokens]:
    """All parts as tokens: ``<job>``, ``<job>-public`` where there is any, ``<job>-dev``, ``prose``
    …"""
    folder = work / "tokens"
    folder.mkdir(parents=True, exist_ok=True)
    parts: dict[str, Tokens] = {}
    for job in recipe.corpus.jobs:
        for name, fold in ((job, "train"), (f"{job}-public", "public"), (f"{job}-dev", "dev")):
            path = folder / f"{name}.npz"
            if not path.exists():
                corpus.tokenise(tokenizer, work, job, (fold,)).save(path)
            tokens = Tokens.load(path)
            if len(tokens):
                parts[name] = tokens
    path = folder / f"{copying.NAME}.npz"
    if not path.exists():
        exercises = copying.dialogues(recipe.corpus.copying, recipe.corpus.seed)
        Tokens.of([corpus.render(tokenizer, d) for d in exercises]).save(path)
    parts[copying.NAME] = Tokens.load(path)
    if data is not None:
        path, dev = folder / f"{corpus.PROSE}.npz", folder / f"{corpus.PROSE}-dev.npz"
        if not (path.exists() and dev.exists()):
            made = corpus.tokenise_prose(tokenizer, data, recipe.corpus)
            made[0].save(path)
            made[1].save(dev)
        parts[corpus.PROSE], parts[f"{corpus.PROSE}-dev"] = Tokens.load(path), Tokens.load(dev)
    return parts


def learn(
    recipe: BaseRecipe,
    work: Path,
    data: Path | None,
    *,
    resume: bool = False,
    say: Say = print,
) -> Pretraining | None:
    """Pretrain in the work folder. Returns the finished run; None when it was interrupted.

    Raises:
        ConfigError: the work folder holds a started run and ``resume`` is not set, or none to
            resume.
    """
    checkpoint = work / "checkpoint.pt"
    if checkpoint.exists() and not resume:
        raise ConfigError(
            f"{work} holds a started run: go on with --resume, or remove checkpoint.pt"
        )
    if resume and not checkpoint.exists():
        raise ConfigError(f"{work} holds no checkpoint to go on from")
    tokenizer = learn_tokenizer(recipe, work, data, say)
    parts = tokenise(recipe, tokenizer, work, data)
    # Without public data the mix is the generated part alone.
    mixes = {
        key: {name: share for name, share in mix.items() if data or name in parts}
        for key, mix in (("shares", recipe.shares), ("early", recipe.early))
    }
    recipe = recipe.model_copy(update=mixes)
    torch.set_num_threads(recipe.threads)
    torch.manual_seed(recipe.seed)
    end, pad = tokenizer.eos_token_id, tokenizer.pad_token_id
    assert isinstance(end, int)
    assert isinstance(pad, int)
    if recipe.grown_from:
        model = grow.grown(grow.source(recipe.grown_from), recipe.model)
    else:
        model = build(recipe.model, len(tokenizer), end=end, pad=pad)
    train = {name: tokens for name, tokens in parts.items() if not name.endswith("-dev")}
    dev = {name[:-4]: tokens for name, tokens in parts.items() if name.endswith("-dev")}
    run = Pretraining(recipe, model, train, dev, work, say)
    if resume:
        run.resume()
        say(f"resumed at step {run.step}, {run.tokens / 1e6:.2f} M tokens")
    return run if run.run() else None


def save(model: Qwen3ForCausalLM, tokenizer: PreTrainedTokenizerFast, out: Path) -> None:
    """Write weights rounded to bfloat16 (they are computed with in float32 when served), and
    tokenizer."""
    if out.exists():
        shutil.rmtree(out)
    out.mkdir(parents=True)
    rounded = {k: v.to(torch.bfloat16) for k, v in model.state_dict().items()}
    copy = Qwen3ForCausalLM(model.config).bfloat16()
    copy.load_state_dict(rounded)
    copy.save_pretrained(out, safe_serialization=True)
    tokenizer.save_pretrained(out)


def publish(
    run: Pretraining,
    recipe: BaseRecipe,
    work: Path,
    data: Path | None,
    out: Path,
    *,
    command: str,
) -> RunRecord:
    """Write the base with its record and card to ``out/base``, and name it in the manifest."""
    folder = out / "base"
    tokenizer: PreTrainedTokenizerFast = AutoTokenizer.from_pretrained(work / "tokenizer")
    save(run.model, tokenizer, folder)
    parts = tokenise(recipe, tokenizer, work, data)
    public = {job: corpus.public_sources(work, job) for job in recipe.corpus.jobs}
    read = {source.file.split("/")[0] for source in prose.SOURCES if source.file in prose.FILES}
    extra = {source for counts in public.values() for source in counts} - read
    record = RunRecord.of(
        folder,
        kind="base",
        name="finroute-base",
        command=command,
        recipe=recipe.model_dump(mode="json"),
        seeds={"weights": recipe.seed, "order": recipe.seed, "corpus": recipe.corpus.seed},
        data={
            "parts": {
                name: {"sequences": len(part), "tokens": len(part.ids)}
                for name, part in parts.items()
            },
            "public_dialogues": public,
            "public": [*prose.provenance(data), *prose.provenance(data, extra)] if data else [],
        },
        metrics={
            "parameters": sum(p.numel() for p in run.model.parameters()),
            "steps": run.step,
            "tokens": run.tokens,
            "seconds": round(run.seconds, 1),
            "tokens_per_second": round(run.tokens / max(run.seconds, 1e-9)),
            "bytes": sum(f.stat().st_size for f in folder.iterdir()),
            "stages": run.stages,
            "readings": run.readings,
        },
        environment=environment(recipe.threads),
        started=run.started,
        seconds=round(run.seconds, 1),
    )
    record.write(folder / RUN)
    (folder / CARD).write_text(cards.base(record), encoding="utf-8")
    weights.name_base(out, record)
    return record
