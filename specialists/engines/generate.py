"""transformers' ``generate`` with peft: what the in-process engine is timed beside. Serves nobody.

No grammar, no log-probabilities, no dialogues joining or leaving: token ids in, token ids out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch


class Generate:
    """A base and its adapters as transformers and peft run them, float32, on the CPU."""

    def __init__(self, base: Path, adapters: Mapping[str, Path]) -> None:
        """``adapters``: folders by name, at least one."""
        from peft import PeftModel
        from transformers import Qwen3ForCausalLM

        plain = Qwen3ForCausalLM.from_pretrained(base, dtype=torch.float32)
        (first, folder), *others = adapters.items()
        self._model: Any = PeftModel.from_pretrained(plain, str(folder), adapter_name=first)
        for name, folder in others:
            self._model.load_adapter(str(folder), adapter_name=name)
        self._model.eval()
        self._end: Any = plain.config.eos_token_id

    @torch.inference_mode()
    def write(
        self,
        prompts: Sequence[Sequence[int]],
        adapters: Sequence[str | None],
        *,
        tokens: int,
        samples: int = 1,
    ) -> list[list[int]]:
        """Exactly ``tokens`` new tokens after each prompt, ``samples`` times.

        Args:
            prompts: token ids, all as long.
            adapters: one for each prompt; None is the base.
            samples: more than one are drawn by lot; one is greedy.
        """
        ids = torch.tensor(prompts)
        options: dict[str, Any] = {
            "input_ids": ids,
            "attention_mask": torch.ones_like(ids),
            "max_new_tokens": tokens,
            "min_new_tokens": tokens,
            "do_sample": samples > 1,
            "num_return_sequences": samples,
            "pad_token_id": self._end,
        }
        if len(set(adapters)) > 1:
            names = [name or "__base__" for name in adapters]
            out = self._model.generate(**options, adapter_names=names)
        elif adapters[0] is None:
            with self._model.disable_adapter():
                out = self._model.generate(**options)
        else:
            self._model.set_adapter(adapters[0])
            out = self._model.generate(**options)
        return out[:, len(prompts[0]) :].tolist()
