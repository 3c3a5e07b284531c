"""What a recipe will take: tokens, FLOPs, memory, hours and dollars on a named device.

Plain arithmetic over a recipe; no model library is imported and nothing is measured here.

How it counts

- *Products.* Two FLOPs for each weight of a matrix and token going forward (Kaplan et al. 2020,
  arXiv 2001.08361), and two more for the gradient of what came in. The gradient of a weight is two
  more again, but a frozen base has none: a LoRA step costs 4 N a token instead of 6 N, plus 6 for
  each adapter weight (Schulman et al. 2025, "LoRA without regret"). Checkpointing runs the layers
  forward once more: 6 N.
- *Attention.* Scores and their use are 4 × width of all heads for each token and token it looks
  back at (Chowdhery et al. 2022, arXiv 2204.02311, appendix B), of which there are half a dialogue
  on average; twice as much backward.
- *Output head.* TRL's fused head scores only the tokens that are learned from, in tiles that are
  computed again going backward: 6 × vocabulary × width for each of those, and no logits are kept.
- *Memory.* Weights by their type; an adapter weight in float32 with its gradient and AdamW's two
  moments is 16 bytes; activations by what autograd keeps of a Qwen3 layer (Korthikanti et al.
  2022, arXiv 2205.05198, count them for GPT's); keys and values of the episodes under way.
- *Time.* Learning and reading are bound by products, decoding by reading the weights once a step
  for all episodes together, and all by launches where the model is small; see ``devices.toml``.
"""

from __future__ import annotations

import json
import math
import re
import struct
import tomllib
from collections.abc import Callable, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

from specialists.foundation.config import Config
from specialists.foundation.contracts import Value
from specialists.foundation.errors import ConfigError
from training.tuning import likeness
from training.tuning.recipe import Recipe

DEVICES = Path(__file__).with_name("devices.toml")
LENGTHS = Path(__file__).with_name("lengths.toml")
EMBEDDED = Path(__file__).parents[2] / "specialists" / "weights" / "base"

AGREEING = 0.7
"""Share of GRPO's groups taken to be all right or all wrong, and so replaced (``grpo.refill``)."""
PADDED = 1.5
"""Longest of a batch over the mean, where rows are padded and not packed: GRPO, distillation."""
EXAMPLE_MS = 2.5
"""Making one generated example."""
RIGHT = 0.5
"""Share of sampled dialogues taken to be right, and so kept (self_sft, distill)."""
USABLE = 0.92
"""Share of a device's memory that a run can fill; the rest goes to the context and to gaps."""
SMALL = 1e8
"""Parameters below which a base is meant for a processor."""
MENTIONED = 3
"""Settings that are named where it does not fit."""
TILE = 4096
"""Tokens of a tile of TRL's fused head."""
BYTES = {"float32": 4, "bfloat16": 2}

Kind = Literal["learn", "read", "write"]


class Device(Config):
    """What a run runs on; ``devices.toml`` says what each number means."""

    name: str = ""
    about: str = ""
    match: str = ""
    """Part of the name that CUDA gives it."""
    unit: Literal["core", "GPU"] = "GPU"
    units: int = 1
    """How many the machine has."""
    count: int = 0
    """How many are in use together; 0: the recipe's threads on a processor, one GPU."""
    tflops: float
    memory_gb: float
    bandwidth_gbs: float
    hour_usd: float
    learn: float
    read: float
    write: float
    layer_ms: float
    token_ms: float
    start_s: float


class Shape(Value):
    """The sizes of a model that its cost follows from."""

    parameters: float
    layers: int
    width: int
    vocabulary: int
    heads: int
    """Width of all query heads together."""
    kv: int
    """Width of all key heads together."""
    inner: int
    exact: bool = True
    """Read from its files or known; else taken from ``recipe.base`` in a Qwen3's proportions."""

    @property
    def matrices(self) -> float:
        """Weights of the layers: all but embeddings and head, which are one matrix here."""
        return self.parameters - self.vocabulary * self.width

    def adapter(self, rank: int) -> float:
        """Weights of a LoRA on all linear layers."""
        d, a, k, i = self.width, self.heads, self.kv, self.inner
        return rank * self.layers * ((d + a) + 2 * (d + k) + (a + d) + 3 * (d + i))

    def kept(self, dtype_bytes: int) -> float:
        """Bytes that autograd keeps for one token of one layer."""
        d, a, k, i = self.width, self.heads, self.kv, self.inner
        # Two norms over the width: their input in float32, its scaled form and the output; norms of
        # queries and keys the same; queries, keys and values as attention reads them, its output;
        # the feed-forward's three products and the activation. LoRA reads its input in float32.
        norms = 2 * d * (4 + 4 + dtype_bytes) + (a + k) * (4 + 4 + dtype_bytes)
        attention = (2 * a + 2 * k) * dtype_bytes
        forward = 4 * i * dtype_bytes
        casts = 0 if dtype_bytes == 4 else (2 * d + a + i) * 4
        return norms + attention + forward + casts


class Phase(Value):
    """One part of a run."""

    name: str
    kind: Kind
    tokens: float
    flops: float
    seconds: float


class Estimate(Value):
    """What a recipe is expected to take on a device."""

    device: str
    units: int
    unit: str
    steps: int
    examples: int
    """Dialogues or episodes learned from."""
    phases: tuple[Phase, ...]
    memory: dict[str, float]
    """Gigabytes (of a GPU, or of the machine) by what fills them."""
    room_gb: float
    """That there is for them."""
    tokens: float
    """That a gradient is computed over."""
    generated: float
    """That are sampled."""
    flops: float
    seconds: float
    hours: float
    device_hours: float
    hour_usd: float
    usd: float
    notes: tuple[str, ...] = ()
    """What was taken for granted."""
    helps: tuple[str, ...] = ()
    """Where it does not fit: settings under which it would."""

    @property
    def memory_gb(self) -> float:
        """At the peak."""
        return sum(self.memory.values())

    @property
    def fits(self) -> bool:
        """Whether the memory is enough."""
        return self.memory_gb <= self.room_gb


class Lengths(Config):
    """Mean tokens of a dialogue."""

    prompt: float
    reply: float
    between: float
    turns: float

    @property
    def whole(self) -> float:
        """Tokens of the whole dialogue."""
        return self.prompt + self.reply + self.between


def devices() -> dict[str, Device]:
    """The devices there are numbers of, by name."""
    told = tomllib.loads(DEVICES.read_text(encoding="utf-8"))
    return {name: Device(name=name, **numbers) for name, numbers in told.items()}


def device(name: str, *, hour_usd: float | None = None) -> Device:
    """A device by its name; ``8xh100-80gb`` is eight of it.

    Args:
        hour_usd: the price of an hour of one unit, where it is not the listed one.

    Raises:
        ConfigError: no such device.
    """
    known = devices()
    several = re.fullmatch(r"(\d+)x(.+)", name)
    found = known.get(several[2] if several else name)
    if found is None or (several and int(several[1]) < 1):
        raise ConfigError(
            f"no device {name!r}: there are {', '.join(known)}, and 8x{next(reversed(known))} "
            "is eight of one"
        )
    changes: dict[str, Any] = {"count": int(several[1])} if several else {}
    if hour_usd is not None:
        changes["hour_usd"] = hour_usd
    return found.model_copy(update=changes)


def fitting(recipe: Recipe) -> Device:
    """The device a base is meant for: a processor for the embedded one, an H100 for hub bases.

    Raises:
        ConfigError: nothing tells how large the base is.
    """
    where = recipe.base.device
    if where != "auto":
        return device("cpu-2" if where == "cpu" else "h100-80gb")
    small = not recipe.base.source or shape(recipe).parameters < SMALL
    return device("cpu-2" if small else "h100-80gb")


def known_as(gpus: tuple[str, ...]) -> Device:
    """The device that CUDA's names stand for; a processor where there are none.

    A GPU without numbers gets those of the smallest one, and no price.
    """
    known = devices()
    if not gpus:
        return known["cpu-2"]
    for found in known.values():
        if found.match and re.search(rf"\b{re.escape(found.match)}\b", gpus[0]):
            return found
    return known["l4"].model_copy(
        update={"name": gpus[0], "about": "not in devices.toml", "hour_usd": 0.0}
    )


def shape(recipe: Recipe, base: Path | None = None) -> Shape:
    """The sizes of a recipe's base: from its files where they are here, else as they are known.

    Raises:
        ConfigError: nothing tells how large it is.
    """
    told = recipe.base
    folder = base or (Path(told.source) if told.source else EMBEDDED)
    if (folder / "config.json").is_file():
        return read_shape(folder)
    if not (told.parameters and told.layers and told.width and told.vocabulary):
        raise ConfigError(
            f"cannot tell how large {told.source or folder} is: it is not a local folder, and "
            "base.parameters, base.layers, base.width and base.vocabulary are not all set"
        )
    original = likeness.ORIGINALS.get(told.source)
    if original is not None:
        known = original.shape
        heads, kv, inner = known.heads * known.head, known.kv_heads * known.head, known.inner
    else:
        heads, kv, inner = 2 * told.width, min(told.width, 1024), 3 * told.width
    return Shape(
        parameters=told.parameters,
        layers=told.layers,
        width=told.width,
        vocabulary=told.vocabulary,
        heads=heads,
        kv=kv,
        inner=inner,
        exact=original is not None,
    )


def read_shape(folder: Path) -> Shape:
    """The sizes of a model in a folder, from ``config.json`` and the headers of its weights.

    Raises:
        ConfigError: files that do not say.
    """
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        config = config.get("text_config", config)
        head = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
        return Shape(
            parameters=sum(_count(path) for path in sorted(folder.glob("*.safetensors"))),
            layers=config["num_hidden_layers"],
            width=config["hidden_size"],
            vocabulary=config["vocab_size"],
            heads=config["num_attention_heads"] * head,
            kv=config.get("num_key_value_heads", config["num_attention_heads"]) * head,
            inner=config["intermediate_size"],
        )
    except (OSError, KeyError, TypeError, ValueError, struct.error) as error:
        raise ConfigError(f"cannot tell how large the model in {folder} is: {error!r}") from error


def _count(path: Path) -> int:
    """Numbers in a safetensors file: eight bytes of length, then a JSON header."""
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header: dict[str, Any] = json.loads(file.read(length))
    return sum(math.prod(t["shape"]) for name, t in header.items() if name != "__metadata__")


def lengths(recipe: Recipe) -> Lengths:
    """Mean lengths of a job's dialogues in a recipe's form, none longer than the recipe allows."""
    table = tomllib.loads(LENGTHS.read_text(encoding="utf-8"))
    told = table.get(recipe.specialist, {}).get(recipe.base.form)
    if told is None or recipe.data.file:
        # Data of one's own: nothing is known but the limit.
        part = recipe.data.length / 8
        return Lengths(prompt=part * 2, reply=part, between=part, turns=1)
    found = Lengths(**told)
    if found.whole <= recipe.data.length:
        return found
    share = recipe.data.length / found.whole
    return Lengths(
        prompt=found.prompt * share,
        reply=found.reply * share,
        between=found.between * share,
        turns=found.turns,
    )


class _Clock:
    """Turns work into seconds on one device."""

    def __init__(self, device: Device, shape: Shape, recipe: Recipe, units: int) -> None:
        self.device, self.shape, self.recipe, self.units = device, shape, recipe, units
        self.weights = shape.parameters * BYTES[recipe.base.dtype]
        self.kv_token = 2 * shape.layers * shape.kv * BYTES[recipe.base.dtype]

    def learn(
        self,
        name: str,
        tokens: float,
        scored: float,
        length: float,
        passes: float,
        padded: float = 1.0,
    ) -> Phase:
        """Forward and backward over tokens, ``scored`` of which are learned from."""
        s, ckpt = self.shape, self.recipe.learning.checkpointing
        adapter = s.adapter(self.recipe.lora.rank)
        layer = 2 * s.matrices + _attention(s, length)
        # Forward; backward through what came in (attention has two inputs for each product).
        flops = tokens * (layer + 2 * s.matrices + 2 * _attention(s, length) + 6 * adapter)
        flops += tokens * (layer + 2 * adapter if ckpt else 0.0)
        flops += scored * 6 * s.vocabulary * s.width
        slow = 4.0 if ckpt else 3.0
        return self._phase(name, "learn", tokens, flops, slow * passes, padded)

    def read(self, name: str, tokens: float, scored: float, length: float, passes: float) -> Phase:
        """Forward alone."""
        s = self.shape
        flops = tokens * (2 * s.matrices + _attention(s, length))
        flops += scored * 2 * s.vocabulary * s.width
        return self._phase(name, "read", tokens, flops, passes)

    def write(self, name: str, tokens: float, episodes: float, context: float) -> Phase:
        """Sampling, ``rollout.parallel`` episodes at a time on each unit."""
        s, d = self.shape, self.device
        flops = tokens * (2 * s.parameters + 2 * _attention(s, context))
        together = max(1.0, min(self.recipe.rollout.parallel, episodes))
        steps = tokens / together / self._engines
        moved = self.weights + self.kv_token * context * together
        step = max(
            moved / (d.bandwidth_gbs * 1e9 * d.write),
            flops / max(tokens, 1) * together / (d.tflops * 1e12 * d.read),
            s.layers * d.layer_ms / 1e3,
        )
        seconds = steps * (step + together * d.token_ms / 1e3)
        return Phase(name=name, kind="write", tokens=tokens, flops=flops, seconds=seconds)

    @property
    def _engines(self) -> int:
        """In-process engines: one a GPU; one a process on cores, whatever its threads."""
        return self.units if self.device.unit == "GPU" else 1

    def start(self) -> Phase:
        """Libraries, the base, the examples; and the proof at the end."""
        seconds = self.device.start_s + self.recipe.data.count * EXAMPLE_MS / 1e3
        return Phase(name="start and end", kind="read", tokens=0, flops=0, seconds=seconds)

    def _phase(
        self,
        name: str,
        kind: Kind,
        tokens: float,
        flops: float,
        passes: float,
        padded: float = 1.0,
    ) -> Phase:
        d = self.device
        share = d.learn if kind == "learn" else d.read
        seconds = max(
            padded * flops / (d.tflops * 1e12 * share * self.units),
            passes * self.shape.layers * d.layer_ms / 1e3,
        )
        return Phase(name=name, kind=kind, tokens=tokens, flops=flops, seconds=seconds)


def _attention(shape: Shape, length: float) -> float:
    """FLOPs of a token's attention going forward, in a dialogue of this length: it looks back at
    half of it."""
    return 2.0 * shape.layers * shape.heads * length


def estimate(
    recipe: Recipe, on: Device, *, base: Path | None = None, units: int | None = None
) -> Estimate:
    """What a recipe will take.

    Args:
        base: the base's folder, where it is known.
        units: GPUs or cores in use; None: the device's count, or the recipe's threads on cores.

    Raises:
        ConfigError: nothing tells how large the base is.
    """
    sizes = shape(recipe, base)
    in_use = units or on.count or (recipe.learning.threads if on.unit == "core" else 1)
    clock = _Clock(on, sizes, recipe, in_use)
    processes = in_use if on.unit == "GPU" else max(1, in_use // recipe.learning.threads)
    plan = _rewarded if recipe.rewarded else _online if _is_online(recipe) else _supervised
    steps, examples, phases = plan(recipe, clock, processes)
    phases = [clock.start(), *phases]
    memory = _memory(recipe, sizes, on, processes)
    room = on.memory_gb * USABLE
    seconds = sum(phase.seconds for phase in phases)
    device_hours = seconds / 3600 * in_use
    helps: tuple[str, ...] = ()
    if sum(memory.values()) > room:
        helps = _helps(recipe, on, sizes, processes)
    return Estimate(
        device=on.name,
        units=in_use,
        unit=on.unit,
        steps=steps,
        examples=examples,
        phases=tuple(phases),
        memory=memory,
        room_gb=room,
        tokens=sum(p.tokens for p in phases if p.kind == "learn"),
        generated=sum(p.tokens for p in phases if p.kind == "write"),
        flops=sum(p.flops for p in phases),
        seconds=seconds,
        hours=seconds / 3600,
        device_hours=device_hours,
        hour_usd=on.hour_usd,
        usd=device_hours * on.hour_usd,
        notes=_notes(recipe, sizes),
        helps=helps,
    )


def _is_online(recipe: Recipe) -> bool:
    return recipe.method == "distill_online"


def _step_size(recipe: Recipe, processes: int) -> int:
    return recipe.learning.batch * recipe.learning.accumulate * processes


def _supervised(recipe: Recipe, clock: _Clock, processes: int) -> tuple[int, int, list[Phase]]:
    """Supervised learning, its dialogues given, asked for or sampled first."""
    size, phases = lengths(recipe), list[Phase]()
    pool = recipe.data.count
    if recipe.method == "self_sft":
        drawn = pool * recipe.self_sft.samples
        phases += _episodes("episodes of its own", clock, size, drawn, recipe)
        pool = int(pool * _kept(recipe.self_sft.samples, recipe.self_sft.keep))
    elif recipe.method == "distill":
        pool = int(pool * _kept(recipe.teacher.samples, 1))
    passes = recipe.learning.batch * recipe.learning.accumulate * processes
    steps = recipe.learning.steps or max(1, round(pool * recipe.learning.epochs / passes))
    examples = steps * _step_size(recipe, processes)
    if not recipe.learning.steps:
        examples = round(pool * recipe.learning.epochs)
    phases.append(
        clock.learn(
            "learning",
            examples * size.whole,
            examples * size.reply,
            size.whole,
            steps * recipe.learning.accumulate,
        )
    )
    readings = _readings(recipe, steps)
    watched = readings * recipe.watch.count
    passes = watched / recipe.learning.batch
    phases.append(
        clock.read("watching", watched * size.whole, watched * size.reply, size.whole, passes)
    )
    return steps, examples, phases


def _kept(samples: int, keep: int) -> float:
    """Dialogues kept of a question on average: right ones of so many, at most ``keep``."""
    wrong = 1 - RIGHT
    return sum(
        min(n, keep) * math.comb(samples, n) * RIGHT**n * wrong ** (samples - n)
        for n in range(samples + 1)
    )


def _rewarded(recipe: Recipe, clock: _Clock, processes: int) -> tuple[int, int, list[Phase]]:
    """Episodes, then learning from them."""
    size = lengths(recipe)
    steps = recipe.learning.steps
    learned = steps * _step_size(recipe, processes)
    # Groups that agree are replaced, and some of those that replace them agree again.
    rounds = sum(AGREEING**k for k in range(recipe.grpo.refill + 1))
    phases = _episodes("episodes", clock, size, learned * rounds, recipe)
    tokens, scored = learned * size.whole, learned * (size.reply + size.between)
    passes = steps * recipe.learning.accumulate
    # TRL scores what was drawn a second time where it is older than the step that learns from it.
    if recipe.grpo.generations > 1 or recipe.grpo.beta:
        times = bool(recipe.grpo.generations > 1) + bool(recipe.grpo.beta)
        phases.append(
            clock.read("scoring", times * tokens, times * scored, size.whole, times * passes)
        )
    phases.append(clock.learn("learning", tokens, scored, size.whole, passes, PADDED))
    watched = _readings(recipe, steps) * recipe.watch.count
    phases += _episodes("watching", clock, size, watched, recipe)
    return steps, learned, phases


def _online(recipe: Recipe, clock: _Clock, processes: int) -> tuple[int, int, list[Phase]]:
    """Dialogues of its own; a teacher reads them; learning towards it."""
    size = lengths(recipe)
    each = _step_size(recipe, processes)
    steps = recipe.learning.steps or max(
        1, round(recipe.data.count * recipe.learning.epochs / each)
    )
    learned = steps * each
    phases = _episodes("episodes", clock, size, learned, recipe)
    tokens, scored = learned * size.whole, learned * size.reply
    passes = steps * recipe.learning.accumulate
    phases.append(clock.read("teacher reads", tokens, scored, size.whole, passes))
    phases.append(clock.learn("learning", tokens, scored, size.whole, passes, PADDED))
    watched = _readings(recipe, steps) * recipe.watch.count
    phases.append(
        clock.read("watching", watched * size.whole, watched * size.reply, size.whole, watched)
    )
    return steps, learned, phases


def _episodes(name: str, clock: _Clock, size: Lengths, count: float, recipe: Recipe) -> list[Phase]:
    """Drawing episodes: what is put in front of the model is read, what it says is written."""
    if not count:
        return []
    read = count * (size.prompt + size.between)
    passes = count * size.turns / max(1, recipe.rollout.parallel)
    return [
        clock.read(f"{name}: read", read, 0.0, size.whole, passes),
        clock.write(f"{name}: write", count * size.reply, count, size.whole),
    ]


def _readings(recipe: Recipe, steps: int) -> int:
    """Measurements on the watched examples: at the start, on the way, at the end."""
    return 2 + (steps - 1) // recipe.watch.every if recipe.watch.every else 2


def _memory(recipe: Recipe, sizes: Shape, on: Device, processes: int) -> dict[str, float]:
    """Gigabytes at the peak. Under FSDP each GPU holds its share of the frozen weights."""
    size, wide = lengths(recipe), BYTES["bfloat16" if recipe.learning.bf16 else "float32"]
    adapter = sizes.adapter(recipe.lora.rank)
    # A micro-batch at its largest: long dialogues come together; padded, one sets the width.
    packed = not recipe.rewarded and not _is_online(recipe) and recipe.sft.packing
    longest = min(recipe.data.length, 2 * size.whole)
    if recipe.rewarded:
        longest = min(size.prompt + recipe.rollout.tokens, 2 * size.whole)
    row = size.whole * 1.25 if packed else longest
    tokens = recipe.learning.batch * row
    layers = sizes.layers if not recipe.learning.checkpointing else 1
    kept = tokens * layers * sizes.kept(wide)
    if recipe.learning.checkpointing:
        kept += tokens * sizes.layers * sizes.width * wide
    tile = min(tokens, TILE) * min(sizes.vocabulary, TILE) * 4 * 2
    told = {
        "weights": sizes.parameters * BYTES[recipe.base.dtype] / processes,
        "adapter, gradient, AdamW": adapter * 16,
        "activations": kept + tile + tokens * sizes.width * 4 * 3,
    }
    if recipe.rewarded or _is_online(recipe) or recipe.method == "self_sft":
        held = min(size.prompt + recipe.rollout.tokens, 2 * size.whole) * recipe.rollout.parallel
        told["episodes' keys and values"] = (
            held * 2 * sizes.layers * sizes.kv * BYTES[recipe.base.dtype]
        )
        # The engine that draws has its own copy, the adapter merged into it.
        told["the engine that draws"] = sizes.parameters * BYTES[recipe.base.dtype] * 2
    if _is_online(recipe) or (recipe.method == "distill" and recipe.teacher.engine == "local"):
        told["teacher"] = sizes.parameters * BYTES[recipe.base.dtype]
    if on.unit == "core":  # training/allocator.py has freed memory kept for the next step
        told["kept by the allocator"] = 1.5 * kept
    told = {what: number / 1e9 for what, number in told.items()}
    return told | {"libraries": 1.0 if on.unit == "core" else 1.5}


def _helps(recipe: Recipe, on: Device, sizes: Shape, processes: int) -> tuple[str, ...]:
    """Changes under which it would fit: single ones, or two together where no single one does."""

    def fits(changed: Recipe, device: Device = on) -> bool:
        used = sum(_memory(changed, sizes, device, processes).values())
        return used <= device.memory_gb * USABLE

    def told(*changes: tuple[str, Callable[[Recipe], Recipe | None]]) -> str:
        changed: Recipe | None = recipe
        for _, change in changes:
            changed = change(changed) if changed is not None else None
        if changed is None or not fits(changed):
            return ""
        return " ".join(words.format(r=changed) for words, _ in changes)

    found = [words for change in _CHANGES if (words := told(change))]
    if not found:
        found = [words for pair in combinations(_CHANGES, 2) if (words := told(*pair))]
    found = found[:MENTIONED]
    found += [
        f"--device {other.name}"
        for other in devices().values()
        if other.unit == on.unit and other.name != on.name and fits(recipe, other)
    ]
    return tuple(found)


def _checkpointed(recipe: Recipe) -> Recipe | None:
    if recipe.learning.checkpointing:
        return None
    return _with(recipe, "learning", checkpointing=True)


def _smaller(by: int) -> Callable[[Recipe], Recipe | None]:
    """The same step in smaller micro-batches, whole groups in GRPO."""

    def change(recipe: Recipe) -> Recipe | None:
        batch, least = recipe.learning.batch, recipe.grpo.group if recipe.rewarded else 1
        if batch // by < least or batch % (by * least):
            return None
        whole = recipe.learning.accumulate * by
        return _with(recipe, "learning", batch=batch // by, accumulate=whole)

    return change


def _fewer(by: int) -> Callable[[Recipe], Recipe | None]:
    def change(recipe: Recipe) -> Recipe | None:
        fewer = recipe.rollout.parallel // by
        return _with(recipe, "rollout", parallel=fewer) if fewer else None

    return change


def _halved(recipe: Recipe) -> Recipe | None:
    if recipe.base.dtype == "bfloat16":
        return None
    return _with(recipe, "base", dtype="bfloat16")


def _with(recipe: Recipe, section: str, **changes: Any) -> Recipe:
    changed = getattr(recipe, section).model_copy(update=changes)
    return recipe.model_copy(update={section: changed})


_BATCH = "learning.batch={r.learning.batch} learning.accumulate={r.learning.accumulate}"
_CHANGES: tuple[tuple[str, Callable[[Recipe], Recipe | None]], ...] = (
    ("learning.checkpointing=true", _checkpointed),
    (_BATCH, _smaller(2)),
    (_BATCH, _smaller(4)),
    (_BATCH, _smaller(8)),
    ("rollout.parallel={r.rollout.parallel}", _fewer(4)),
    ("base.dtype=bfloat16", _halved),
)


def _notes(recipe: Recipe, sizes: Shape) -> tuple[str, ...]:
    """What was taken for granted."""
    found: list[str] = []
    if not sizes.exact:
        found.append("the base's heads and inner width are taken to be in a Qwen3's proportions")
    if recipe.data.file:
        found.append("dialogues of your own are taken to be half as long as data.length")
    elif recipe.base.form == "full":
        found.append("dialogues are taken to be as long as gold ones, 3.5 characters to a token")
    if recipe.rewarded and recipe.grpo.refill:
        found.append(f"{AGREEING:.0%} of the groups are taken to agree, and are drawn again")
    if recipe.method in ("self_sft", "distill"):
        found.append(f"{RIGHT:.0%} of the sampled dialogues are taken to be right")
    if recipe.method == "distill":
        limit = recipe.teacher.budget_usd
        asked = f"up to {recipe.data.count * recipe.teacher.samples:,} dialogues are asked of it"
        capped = f", {limit:g} dollars at most" if limit else ""
        found.append(f"what the teacher takes is not counted: {asked}{capped}")
    if _is_online(recipe):
        found.append("the teacher is taken to be of the student's size")
    if recipe.watch.patience and not recipe.rewarded:
        found.append("it may stop earlier, when watching shows no gain")
    return tuple(found)


def compared(expected: Estimate, metrics: Mapping[str, Any], *, seconds: float) -> dict[str, Any]:
    """What was expected, what it came to, and how far off: actual over expected.

    Args:
        metrics: a run's; ``tokens``, ``generated`` and ``learning_seconds`` where they are there.
        seconds: wall time of the whole run, of all its parts.
    """
    guess = {
        "tokens": round(expected.tokens),
        "generated": round(expected.generated),
        "seconds": round(expected.seconds, 1),
    }
    actual = {
        what: metrics[what] for what in ("tokens", "generated") if metrics.get(what) is not None
    } | {"seconds": round(seconds, 1)}
    return {
        "device": expected.device,
        "units": expected.units,
        "expected": guess
        | {
            "steps": expected.steps,
            "flops": float(f"{expected.flops:.4g}"),
            "memory_gb": round(expected.memory_gb, 2),
            "usd": round(expected.usd, 4),
        },
        "actual": actual,
        "ratio": {what: round(actual[what] / guess[what], 3) for what in actual if guess.get(what)},
    }
