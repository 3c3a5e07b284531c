"""`python -m training`, with FSDP on a CPU.

accelerate takes FSDP up on accelerators alone; here its check is told that two processes on a CPU
are some. What runs then is FSDP2 itself, over gloo.
"""

from __future__ import annotations

from typing import Any

from accelerate import PartialState
from accelerate.utils import DistributedType

_begin = PartialState.__init__


def _as_accelerators(self: PartialState, *args: Any, **kwargs: Any) -> None:
    _begin(self, *args, **kwargs)
    if PartialState._shared_state.get("distributed_type") == DistributedType.MULTI_CPU:
        PartialState._shared_state["distributed_type"] = DistributedType.MULTI_XPU


if __name__ == "__main__":
    PartialState.__init__ = _as_accelerators
    from training.__main__ import main

    main()
