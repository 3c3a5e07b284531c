"""The repaired kernels against what LoRA means, row by row."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from specialists.engines.vllm_cpu_plugin import bgmv_expand, bgmv_expand_slice, bgmv_shrink

SLOTS = 3
slots_of_rows = st.lists(st.integers(-1, SLOTS - 1), min_size=1, max_size=9)


def made(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@settings(deadline=None, max_examples=50)
@given(slots=slots_of_rows, flat=st.booleans(), scaling=st.sampled_from([1.0, 0.5]))
def test_shrink_is_a_of_each_rows_adapter(slots: list[int], flat: bool, scaling: float) -> None:
    x, stack = made(len(slots), 6), made(SLOTS, 1, 4, 6, seed=1)
    found = made(len(slots), 5, seed=2)
    beyond = found[:, 4:].clone()
    bgmv_shrink(x, stack.squeeze(1) if flat else stack, found, torch.tensor(slots), scaling)
    for row, slot in enumerate(slots):
        told = torch.zeros(4) if slot < 0 else scaling * (stack[slot, 0] @ x[row])
        torch.testing.assert_close(found[row, :4], told)
    assert torch.equal(found[:, 4:], beyond)


@settings(deadline=None, max_examples=50)
@given(slots=slots_of_rows, flat=st.booleans(), add=st.booleans(), offset=st.integers(0, 3))
def test_expand_slice_is_b_of_each_rows_adapter(
    slots: list[int], flat: bool, add: bool, offset: int
) -> None:
    x, stack = made(len(slots), 4), made(SLOTS, 1, 5, 4, seed=1)
    before = made(len(slots), 9, seed=2)
    found = before.clone()
    bgmv_expand_slice(
        x, stack.squeeze(1) if flat else stack, found, torch.tensor(slots), offset, 5, add
    )
    for row, slot in enumerate(slots):
        told = before[row].clone()
        delta = torch.zeros(5) if slot < 0 else stack[slot, 0] @ x[row]
        told[offset : offset + 5] = told[offset : offset + 5] * add + delta
        torch.testing.assert_close(found[row], told)


@settings(deadline=None, max_examples=50)
@given(slots=slots_of_rows, columns=st.integers(3, 7), add=st.booleans())
def test_expand_fills_the_columns_both_have(slots: list[int], columns: int, add: bool) -> None:
    """vLLM pads a vocabulary: output and adapter may differ in width."""
    x, stack = made(len(slots), 4), made(SLOTS, 1, 5, 4, seed=1)
    before = made(len(slots), columns, seed=2)
    found = before.clone()
    bgmv_expand(x, stack, found, torch.tensor(slots), add_inputs=add)
    both = min(columns, 5)
    for row, slot in enumerate(slots):
        delta = torch.zeros(5) if slot < 0 else stack[slot, 0] @ x[row]
        told = before[row, :both] * add + delta[:both]
        torch.testing.assert_close(found[row, :both], told)
    assert torch.equal(found[:, both:], before[:, both:])


def test_a_row_without_an_adapter_is_untouched_to_the_bit() -> None:
    """The bug was that −1 picked the last slot."""
    x, a, b = made(2, 6), made(SLOTS, 1, 4, 6, seed=1), made(SLOTS, 1, 5, 4, seed=2)
    output = made(2, 5, seed=3).to(torch.bfloat16)
    before = output.clone()
    buffer = torch.zeros(2, 4)
    slots = torch.tensor([-1, SLOTS - 1])
    bgmv_shrink(x, a, buffer, slots)
    bgmv_expand_slice(buffer, b, output, slots, 0, 5)
    assert torch.equal(output[0], before[0])
    assert not torch.equal(output[1], before[1])


def test_a_padded_output_keeps_its_padding() -> None:
    output = torch.ones(4, 5)
    bgmv_expand_slice(made(2, 4), made(SLOTS, 5, 4), output, torch.tensor([0, -1]), 0, 5, False)
    assert torch.equal(output[1], torch.zeros(5))
    assert torch.equal(output[2:], torch.ones(2, 5))
