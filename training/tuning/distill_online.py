# pyright: basic
"""On-policy distillation (Agarwal et al. 2023, arXiv 2306.13649) on TRL's DistillationTrainer: the
student replies, and each of its words is moved towards what the teacher would have said there.

For jobs of one reply and a teacher that runs here and has the student's tokens. Not for dialogues
with tools: TRL's tools are the same functions for every question, ours are over each question's own
tables; and plain on-policy distillation is reported to fail there, since one bad call derails all
that follows (arXiv 2605.07725). Nothing holds the student's replies to a grammar: what is learned
is what it would say by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerBase
from trl.trainer.distillation_config import DistillationConfig
from trl.trainer.distillation_trainer import DistillationTrainer

from specialists.engines.text import Text
from specialists.foundation.errors import ConfigError
from specialists.foundation.records import artefact_digest
from specialists.task import Example, Form, Task
from training.tuning import demonstrated, loading, teachers
from training.tuning.dialogues import Dialogue
from training.tuning.recipe import Recipe
from training.tuning.rendering import IGNORED, Rendered, render_all, windows
from training.tuning.rollouts import seed_of
from training.tuning.trainer import Tuned, arguments
from training.tuning.watching import Gauge
from training.tuning.workshop import Workshop

READ_TOKENS = 4096
"""Of a batch when measuring."""


def train(shop: Workshop) -> dict[str, Any] | None:
    """Train the student on its own replies, towards the teacher's probabilities.

    Returns metrics; None where it was interrupted and a checkpoint is there.

    Raises:
        ConfigError: a job or a teacher that this cannot be done with.
        EngineError: no such teacher.
    """
    recipe, student, rollout = shop.recipe, shop.student, shop.recipe.rollout
    check(recipe, shop.task)
    teacher, about = open_teacher(recipe, student)
    asked = _asked(shop)
    trainer = _Trainer(
        shop=shop,
        gauge=_gauge(shop, teacher),
        model=student.model,
        teacher_model=teacher,
        args=DistillationConfig(
            **arguments(recipe, shop.folder),
            shuffle_dataset=False,  # the material comes in the order it is learned from
            disable_dropout=True,
            beta=recipe.teacher.beta,
            temperature=rollout.temperature,
            top_p=rollout.top_p,
            max_completion_length=rollout.reply,
        ),
        train_dataset=Dataset.from_dict({"prompt": asked}),
        processing_class=student.tokenizer,
    )
    metrics = trainer.learn()
    if metrics is None:
        return None
    return metrics | {"teacher": about, "questions": len(asked), "generated": trainer.generated}


def check(recipe: Recipe, task: Task[Any, Any]) -> None:
    """Whether a job and a teacher can be distilled like this.

    Raises:
        ConfigError: they cannot.
    """
    told = recipe.teacher
    if task.tool_names or task.max_turns > 1:
        raise ConfigError(
            f"{task.name} is a dialogue with tools, which on-policy distillation is not for: TRL's "
            "tools know nothing of a question's own tables, and a wrong call derails what follows. "
            "Take the method distill, which learns from a teacher's whole dialogues"
        )
    if told.engine != "local":
        raise ConfigError(
            "teacher.engine: on-policy distillation reads the teacher's probability of every "
            'token, so the teacher must run here (teacher.engine = "local"); with an endpoint take '
            "the method distill"
        )
    if told.form != recipe.base.form:
        raise ConfigError(
            f"teacher.form: the teacher reads the student's own dialogues, so it must be of the "
            f"form {recipe.base.form!r}, not {told.form!r}"
        )


def open_teacher(recipe: Recipe, student: loading.Student) -> tuple[Any, dict[str, Any]]:
    """The teacher's model on the student's device, its adapter merged in, and what it is.

    It is frozen and its base is not shared, so merging it in float32 harms nobody.

    Raises:
        ConfigError: its tokens are not the student's, or its adapter is not for its base.
    """
    base, adapter = teachers.local_folders(recipe)
    theirs = AutoTokenizer.from_pretrained(base)
    _same_tokens(student.tokenizer, theirs, str(recipe.teacher.source or base.name))
    kind = torch.float32 if adapter else loading.TYPES[recipe.base.dtype]
    model: Any = AutoModelForCausalLM.from_pretrained(base, dtype=kind)
    ours = student.model.config.vocab_size
    if model.config.vocab_size != ours:
        raise ConfigError(
            f"teacher.source: {base.name} gives {model.config.vocab_size} probabilities a token "
            f"and the student {ours}: they can only be compared one to one"
        )
    if adapter:
        from peft import PeftModel

        try:
            model = PeftModel.from_pretrained(model, str(adapter)).merge_and_unload()
        except (RuntimeError, ValueError) as error:
            raise ConfigError(f"teacher.adapter: {adapter} is not for {base.name}: {error}") from (
                error
            )
    model.requires_grad_(False)
    model.to(student.device).eval()
    return model, {
        "base": artefact_digest(base),
        "adapter": artefact_digest(adapter) if adapter else None,
        "parameters": model.num_parameters(),
    }


def _same_tokens(ours: PreTrainedTokenizerBase, theirs: PreTrainedTokenizerBase, name: str) -> None:
    left, right = ours.get_vocab(), theirs.get_vocab()
    if left == right:
        return
    other = next(
        (token for token in left if left[token] != right.get(token)),
        next(iter(right.keys() - left.keys()), ""),
    )
    raise ConfigError(
        f"teacher.source: the tokens of {name} are not the student's ({len(right):,} against "
        f"{len(left):,}; {other!r} is {right.get(other)} there and {left.get(other)} here), so "
        "their probabilities cannot be compared; take a teacher with the same tokenizer, or the "
        "method distill, which learns from what it says"
    )


def prompt(task: Task[Any, Any], example: Example[Any, Any], form: Form, seed: int) -> Dialogue:
    """What the student is asked."""
    mixed = seed_of(seed, example.id) if teachers.shuffled(task, example) else None
    return Dialogue(tuple(task.begin(example.inputs, form=form, seed=mixed).messages))


def _asked(shop: Workshop) -> list[str]:
    """The prompts as the student reads them, but for those that are too long."""
    recipe, text = shop.recipe, _text(shop.student.tokenizer)
    seed, longest = recipe.seed_of("sampler"), recipe.data.length - recipe.rollout.reply
    if longest < 1:
        raise ConfigError(
            f"rollout.reply: {recipe.rollout.reply} tokens leave no room for a question in "
            f"data.length, {recipe.data.length}"
        )
    made = [
        text.render(prompt(shop.task, example, recipe.base.form, seed).messages)
        for example in shop.material.train
    ]
    short = [each for each in made if len(text.encode(each)) <= longest]
    if len(short) < len(made):
        shop.say(
            f"left out: {len(made) - len(short)} of {len(made)} questions of more than {longest} "
            "tokens (data.length less rollout.reply)"
        )
    step = recipe.learning.batch * recipe.learning.accumulate
    if len(short) < step:
        raise ConfigError(
            f"{len(short)} questions do not fill one step of {step}; set data.count higher or "
            "learning.batch lower"
        )
    return short


def _text(tokenizer: Any) -> Text:
    """The engines' reading of a tokenizer: questions are rendered by the code that serves them."""
    return Text(tokenizer, frozenset({tokenizer.eos_token_id}))


def _gauge(shop: Workshop, teacher: Any) -> Gauge | None:
    # The gold replies stand for what is to be said: the same words at every measurement.
    examples = [example for example in shop.material.watched if example.dialogue]
    if shop.recipe.base.form == "compact":
        watched = [Dialogue(example.dialogue) for example in examples]
    else:
        watched = asyncio.run(demonstrated.gold(shop.task, examples, shop.say))
    seen, _ = render_all(shop.student.tokenizer, watched, shop.recipe.data.length)
    if not seen:
        return None
    pad = shop.student.tokenizer.pad_token_id
    assert isinstance(pad, int)
    return Gauge(lambda: read(shop.student.model, teacher, seen, pad), by="divergence")


class _Trainer(Tuned, DistillationTrainer):
    """TRL's trainer, with what all trainers here share."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.generated = 0
        """Tokens the student said in this part of the run; of this process."""
        self._reads = _text(self.processing_class)

    def counted(self, inputs: Any) -> int:
        return 0  # questions; their replies are counted when they are there

    def figures(self) -> dict[str, float]:
        told = self._metrics["train"]["entropy"]
        return {"entropy": told[-1]} if told else {}

    def _tokenize_prompts(self, prompts: list) -> Any:
        # As the engines do it: nothing is added to the text.
        return [self._reads.encode(each) for each in prompts], None, {}

    def _generate(self, prompts: list) -> Any:
        made = super()._generate(prompts)
        self.generated += sum(len(ids) for ids in made[1])
        return made

    def compute_loss(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        self.learned += int(inputs["prompt_mask"].sum() + inputs["completion_mask"].sum())
        return super().compute_loss(model, inputs, *args, **kwargs)


@torch.no_grad()
def read(student: Any, teacher: Any, dialogues: Sequence[Rendered], pad: int) -> dict[str, float]:
    """How far a student is from its teacher on given replies, in the precision of its weights.

    Gives ``divergence`` (Kullback-Leibler, student against teacher, nats a token) and ``loss``
    (nats a token of the replies, of the student).
    """
    sums, count = torch.zeros(2, dtype=torch.float64), 0
    was_training = student.training
    student.eval()
    device = next(student.parameters()).device
    for places in windows([len(each) for each in dialogues], READ_TOKENS):
        some = [dialogues[i] for i in places]
        width = max(len(each) for each in some)
        ids = torch.tensor([each.ids + [pad] * (width - len(each)) for each in some])
        there = torch.tensor([[1] * len(each) + [0] * (width - len(each)) for each in some])
        labels = torch.tensor([each.labels + [IGNORED] * (width - len(each)) for each in some])
        said = labels[:, 1:] != IGNORED
        target = labels[:, 1:][said].to(device)
        told = []
        for model in (student.get_base_model(), teacher):
            hidden = model.model(
                input_ids=ids.to(device), attention_mask=there.to(device), use_cache=False
            ).last_hidden_state[:, :-1][said.to(device)]
            told.append(model.lm_head(hidden).float().log_softmax(-1))
        own, theirs = told
        divergence = (own.exp() * (own - theirs)).sum()
        loss = -own.gather(1, target[:, None]).sum()
        sums += torch.stack([divergence, loss]).double().cpu()
        count += len(target)
    student.train(was_training)
    divergence, loss = (sums / max(count, 1)).tolist()
    return {"divergence": divergence, "loss": loss}
