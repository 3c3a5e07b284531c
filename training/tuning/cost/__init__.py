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

from training.tuning.cost.clock import Phase
from training.tuning.cost.dialogue import Lengths, lengths
from training.tuning.cost.estimating import Estimate, compared, estimate
from training.tuning.cost.hardware import Device, device, devices, fitting, known_as
from training.tuning.cost.plans import AGREEING
from training.tuning.cost.shapes import EMBEDDED, Shape, read_shape, shape

__all__ = [
    "AGREEING",
    "EMBEDDED",
    "Device",
    "Estimate",
    "Lengths",
    "Phase",
    "Shape",
    "compared",
    "device",
    "devices",
    "estimate",
    "fitting",
    "known_as",
    "lengths",
    "read_shape",
    "shape",
]
