"""A repair of vLLM's LoRA on CPUs. It runs in vLLM's processes and is never imported by ours.

vLLM marks the rows of a batch that want no adapter with slot −1. Its Triton kernels pass over them;
the PyTorch kernels that stand in on a CPU index the adapters with −1 instead, and so give those
rows the adapter in the *last* slot: a request for the base, batched with requests for adapters, is
answered by an adapter, and nothing says so (vllm-project/vllm#48421 and #49656; unrepaired in
0.32).

The kernels here go through the adapters of a batch instead of the rows. Rows of −1 are never
touched, and the weights are not copied once a row, which is also what made the path slow.

The server is told of this file by an entry point ``vllm.general_plugins`` that ``vllm_install.py``
writes; vLLM then calls ``register`` in each of its processes.
"""

from __future__ import annotations

import torch
from torch import Tensor


def bgmv_shrink(
    inputs: Tensor, stack: Tensor, output: Tensor, slots: Tensor, scaling: float = 1.0
) -> None:
    """Set each row of ``output`` to its adapter's ``scaling · A x``; to zeros without an adapter.

    Args:
        inputs: x, (rows, in).
        stack: A of every slot, (slots, rank, in) or (slots, 1, rank, in).
        output: (rows, at least rank), written in place, in its own type.
        slots: each row's adapter, (rows,); −1 is none.
    """
    rank = stack.shape[-2]
    output[: len(slots), :rank] = 0
    for slot, rows in _groups(slots):
        output[rows, :rank] = scaling * _product(inputs, stack, output, slot, rows)


def bgmv_expand(
    inputs: Tensor, stack: Tensor, output: Tensor, slots: Tensor, add_inputs: bool = True
) -> None:
    """``bgmv_expand_slice`` over all columns that ``output`` and the adapters both have."""
    size = min(stack.shape[-2], output.shape[1])
    bgmv_expand_slice(inputs, stack, output, slots, 0, size, add_inputs)


def bgmv_expand_slice(
    inputs: Tensor,
    stack: Tensor,
    output: Tensor,
    slots: Tensor,
    offset: int,
    size: int,
    add_inputs: bool = True,
) -> None:
    """Add each row's ``B x`` to ``size`` columns of ``output`` from ``offset`` on.

    Args:
        inputs: what ``bgmv_shrink`` gave, (rows, rank).
        stack: B of every slot, (slots, out, rank) or (slots, 1, out, rank).
        output: (rows, columns), written in place, in its own type.
        slots: each row's adapter, (rows,); −1 is none: its columns stay as they are.
        add_inputs: False puts ``B x`` in the columns' place; without an adapter that is zeros.
    """
    columns = slice(offset, offset + size)
    if not add_inputs:
        output[: len(slots), columns] = 0
    for slot, rows in _groups(slots):
        output[rows, columns] += _product(inputs, stack, output, slot, rows)[:, :size]


KERNELS = {
    "bgmv_shrink": bgmv_shrink,
    "bgmv_expand": bgmv_expand,
    "bgmv_expand_slice": bgmv_expand_slice,
}
"""By their names in vLLM. Its ``sgmv_*``, for prompts, call them by name, and so are mended too."""


def register() -> None:
    """Put these kernels in the place of vLLM's.

    Raises:
        RuntimeError: this vLLM has no such kernels. Going on would be to serve wrong answers.
    """
    from vllm.lora.ops.torch_ops import lora_ops  # pyright: ignore[reportMissingImports]
    from vllm.lora.punica_wrapper import punica_cpu  # pyright: ignore[reportMissingImports]

    for module in (lora_ops, punica_cpu):  # where they are defined, and where they were imported
        for name, kernel in KERNELS.items():
            if not hasattr(module, name):
                raise RuntimeError(f"no {name} in {module.__name__}: the repair is for vLLM 0.32")
            setattr(module, name, kernel)


def _groups(slots: Tensor) -> list[tuple[int, Tensor]]:
    """The adapters of a batch, each with its rows' indices."""
    return [
        (slot, (slots == slot).nonzero().squeeze(1))
        for slot in slots.unique().tolist()
        if slot >= 0
    ]


def _product(inputs: Tensor, stack: Tensor, output: Tensor, slot: int, rows: Tensor) -> Tensor:
    """A slot's matrix times some rows of ``inputs``, in the type of ``output``."""
    weights = stack[slot].reshape(stack.shape[-2:]).to(output.dtype)
    return torch.matmul(inputs[rows].to(output.dtype), weights.T)
