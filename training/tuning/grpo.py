# pyright: basic
"""Group-relative policy optimisation (Shao et al. 2024, arXiv 2402.03300) on TRL's GRPOTrainer.

TRL computes advantages and the loss; episodes come from ``rollouts.py`` through TRL's
``rollout_func``, rewards from ``rewards.py``, and groups that agree are replaced by ``groups.py``.
TRL's own tool loop is not used: it has no time limit on tools, counts tools' output against the
reply, and is not the loop that serves.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from statistics import fmean
from typing import Any

from datasets import Dataset

os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")  # rollout_func warns that it may change

from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer

from specialists.engines.local import LocalEngine
from specialists.foundation.errors import ConfigError
from specialists.workspace.sandbox import Sandbox
from training.tuning import loading, padding, processes, template
from training.tuning.groups import Drawn, Groups, Paid
from training.tuning.layout import SYNC
from training.tuning.rollouts import Rollout, Rollouts, Wish, seed_of
from training.tuning.trainer import Tuned, arguments
from training.tuning.watching import Gauge
from training.tuning.workshop import Workshop

SAMPLED_FROM = 25
"""Groups of the start that tell how often it is right, for the placebo."""


def train(shop: Workshop) -> dict[str, Any] | None:
    """Learn from rewards; see ``Workshop``. Returns metrics, or None where it was interrupted."""
    if shop.recipe.rollout.held:
        raise ConfigError(
            "rollout.held: GRPO learns from what the model itself would say; a grammar's words "
            "are not its own"
        )
    with asyncio.Runner() as runner:
        rollouts = open_rollouts(shop)
        try:
            return Learner(shop, rollouts, runner).run()
        finally:
            runner.run(rollouts.aclose())


def open_rollouts(shop: Workshop) -> Rollouts:
    """What draws a workshop's episodes."""
    recipe, student = shop.recipe, shop.student
    engine = LocalEngine.load(
        student.base,
        dtype=recipe.base.dtype,
        device=student.device,
        rows=recipe.rollout.parallel,
        threads=recipe.learning.threads,
        template=str(student.tokenizer.chat_template),
    )
    end = student.tokenizer.eos_token_id
    assert isinstance(end, int)
    return Rollouts(
        shop.task,
        engine,
        recipe.rollout,
        partial(template.bridge, engine.text.tokenizer),
        form=recipe.base.form,
        sandbox=Sandbox(),
        end=end,
    )


class Learner:
    """One run: TRL's trainer, and what it asks of us."""

    def __init__(self, shop: Workshop, rollouts: Rollouts, runner: asyncio.Runner) -> None:
        self.shop, self.rollouts, self.runner = shop, rollouts, runner
        recipe = shop.recipe
        self.groups = Groups(recipe, shop.task, rollouts, shop.material.train)
        self._followed: int | None = None
        """The step whose adapter the engine draws from."""
        steps = recipe.learning.steps
        if not steps:
            raise ConfigError("learning.steps: GRPO runs for a number of steps; 0 is none")
        g = recipe.grpo
        whole = recipe.learning.batch * (g.generations or recipe.learning.accumulate)
        if len(shop.material.train) < whole // g.group:
            raise ConfigError(
                f"{len(shop.material.train)} questions are fewer than the {whole // g.group} that "
                "one generation asks; set data.count higher or learning.batch lower"
            )
        self.trainer = _Trainer(
            shop=shop,
            gauge=Gauge(self._watch, by="right", more=True),
            model=shop.student.model,
            reward_funcs=[_rewards],
            rollout_func=self._rollout,
            args=GRPOConfig(
                **arguments(recipe, shop.folder),
                num_generations=g.group,
                steps_per_generation=g.generations or recipe.learning.accumulate,
                max_completion_length=recipe.rollout.tokens,
                temperature=recipe.rollout.temperature,
                top_p=recipe.rollout.top_p,
                shuffle_dataset=False,
                loss_type=g.loss,
                scale_rewards=g.scale,
                importance_sampling_level=g.level,
                epsilon=g.epsilon,
                epsilon_high=g.epsilon_high,
                beta=g.beta,
                mask_truncated_completions=g.mask_truncated,
                disable_dropout=True,
            ),
            # An example is named by its place: what is asked about it is the rollout's business.
            train_dataset=Dataset.from_dict(
                {"prompt": [str(place) for place in range(len(shop.material.train))]}
            ),
            processing_class=shop.student.tokenizer,
        )

    def run(self) -> dict[str, Any] | None:
        """Learn."""
        shop = self.shop
        if shop.recipe.method == "grpo_placebo":
            self._follow()
            self.groups.luck = self._success()
        metrics = self.trainer.learn()
        if metrics is None:
            return None
        told = self.trainer.told
        history = [row for row in self.trainer.state.log_history if "reward" in row]
        return metrics | {
            "episodes": told.episodes,
            "generated": told.generated,
            "rewards": [round(row["reward"], 4) for row in history],
            "agreeing": [round(row["frac_reward_zero_std"], 4) for row in history],
            "seconds_of_rollouts": round(told.seconds, 1),
            "share_of_tools": round(told.tool_seconds / max(metrics["learning_seconds"], 1e-9), 4),
            "luck": self.groups.luck if shop.recipe.method == "grpo_placebo" else None,
        }

    def _follow(self) -> None:
        """Copy the adapter, and it alone, to the engine that draws, where it has changed."""
        step = self.trainer.state.global_step
        if step == self._followed:
            return
        self._followed = step
        folder = self.shop.folder / SYNC / str(processes.rank())  # each process has an engine
        loading.save_adapter(
            self.trainer.accelerator.unwrap_model(self.trainer.model),
            folder,
            self.shop.recipe.base.name,
        )
        self.rollouts.follow(folder)

    def _rollout(self, prompts: list[str], trainer: GRPOTrainer) -> dict[str, Any]:
        """TRL's ``rollout_func``: episodes for prompts that come in whole groups."""
        begun = time.monotonic()
        self._follow()
        places = [int(prompt) for prompt in prompts[:: self.shop.recipe.grpo.group]]
        drawn = self.runner.run(self.groups.draw(places, trainer.state.global_step))
        paid = [paid for group in drawn.groups for paid in group]
        self._note(drawn, paid, time.monotonic() - begun)
        rollouts = [each.rollout for each in paid]
        return {
            "prompt_ids": [each.prompt for each in rollouts],
            "completion_ids": [each.completion for each in rollouts],
            "logprobs": [each.logprobs for each in rollouts],
            "env_mask": [each.mask for each in rollouts],
            "reward": [each.reward for each in paid],
            "parts": [dict(each.parts) for each in paid],
        }

    def _note(self, drawn: Drawn, paid: Sequence[Paid], seconds: float) -> None:
        told = self.trainer.told
        told.seconds += seconds
        # Calls of one batch wait side by side: what they cost is what the longest episode waited.
        told.tool_seconds += max((p.rollout.tool_seconds for p in paid), default=0.0)
        told.episodes += drawn.asked * self.shop.recipe.grpo.group
        told.generated += drawn.written
        self.trainer.learned += sum(len(p.rollout.prompt) + len(p.rollout.completion) for p in paid)
        note = self.trainer._log_metric
        note("groups/asked", float(drawn.asked))
        note("groups/replaced", float(drawn.replaced))
        note("rollouts/seconds", seconds)

    def _success(self) -> float:
        """How often the start is right."""
        examples = self.shop.material.train[:SAMPLED_FROM]
        seed = self.shop.recipe.seed_of("sampler")
        wishes = [
            Wish(example, seed_of(seed, "start", place, number))
            for place, example in enumerate(examples)
            for number in range(4)
        ]
        drawn = self.runner.run(self.rollouts.draw(wishes))
        return fmean(self._right(rollout) for rollout in drawn)

    def _right(self, rollout: Rollout) -> float:
        return float(self.shop.task.score(rollout.wish.example, rollout.run.answer).right)

    def _watch(self) -> dict[str, float]:
        """Greedy accuracy on the watched examples."""
        self._follow()
        wishes = [Wish(example, 0) for example in self.shop.material.watched]
        drawn = self.runner.run(self.rollouts.draw(wishes, temperature=0.0))
        right = fmean(self._right(rollout) for rollout in drawn) if drawn else 0.0
        return {"right": right}


@dataclass
class Told:
    """What was drawn so far, the parts of a resumed run together."""

    episodes: int = 0
    generated: int = 0
    """Tokens sampled."""
    seconds: float = 0.0
    """Spent drawing."""
    tool_seconds: float = 0.0
    """Of those, waiting for tools."""


class _Trainer(Tuned, GRPOTrainer):
    """TRL's trainer with our checkpoints, progress and watching."""

    args: GRPOConfig
    model: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.told = Told()

    def keep(self) -> dict[str, Any]:
        return asdict(self.told)

    def take(self, kept: dict[str, Any]) -> None:
        self.told = Told(**kept)

    @property
    def _batches(self) -> int:
        """Micro-batches of a generation."""
        told = self.args.steps_per_generation
        assert told is not None
        return told

    def boundary(self) -> bool:
        # Episodes that were drawn and not yet learned from are in no checkpoint.
        return self._step % (self._batches * self.num_iterations) == 0

    def counted(self, inputs: Any) -> int:
        return 0  # a batch holds questions; episodes are counted when they are drawn

    def _prepare_inputs(self, generation_batch: Any) -> Any:
        fresh = self.boundary() or self._buffered_inputs is None
        inputs = super()._prepare_inputs(generation_batch)
        if not self.model.training:
            return inputs
        if fresh:
            # Where all of a generation is one step's, micro-batches may hold episodes of like
            # length: the sum of their gradients is the same, and less of it is padding.
            whole = self._batches == self.args.gradient_accumulation_steps
            self._buffered_inputs = padding.fitted(self._buffered_inputs, alike=whole)
        return self._buffered_inputs[self._step % self._batches]

    def figures(self) -> dict[str, float]:
        told = self._metrics["train"].get("reward", [])
        return {"reward": told[-1]} if told else {}


def _rewards(
    prompts: Any,
    completions: Any,
    reward: list[float | None],
    parts: list[dict[str, float | None]],
    log_metric: Any,
    **_: Any,
) -> list[float | None]:
    """The rewards the rollouts came with; each part's mean is logged."""
    for name in dict.fromkeys(name for each in parts for name in each):
        told = [value for each in parts if (value := each.get(name)) is not None]
        if told:
            log_metric(f"parts/{name}", fmean(told))
    return reward
