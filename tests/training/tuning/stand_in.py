"""Stands for the command of one run: the same words and the same folder, nothing learned.

``fail=12`` fails with that seed, ``wait=60`` takes that long and stops at Ctrl-C as a run does.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from specialists.foundation.records import RunRecord
from training.tuning.recipe import load


def main() -> int:
    words, began = sys.argv[1:], time.time()
    told = dict(word.split("=", 1) for word in words if "=" in word)
    folder, seed = Path(words[words.index("--out") + 1]), int(told["seed"])
    (folder / "recipe.json").write_text("{}", encoding="utf-8")
    (folder / "checkpoints" / "checkpoint-5").mkdir(parents=True, exist_ok=True)
    if words[0].endswith(".toml"):
        print(f"rate {load(words[0]).learning.rate}")
    try:  # before it says that it learns: whoever hears that may stop it at once
        print(f"learning with {words[0]}, {os.environ['OMP_NUM_THREADS']} threads")
        if told.get("fail") == str(seed):
            print("the disk is on fire")
            return 7
        if "--resume" not in words:
            time.sleep(float(told.get("wait", 0)))
    except KeyboardInterrupt:
        print("checkpoint saved")
        return 130
    adapter = folder / "adapter"
    adapter.mkdir()
    (adapter / "adapter_model.safetensors").write_bytes(bytes([seed]) * 1000)
    RunRecord.of(
        adapter,
        kind="adapter",
        name="sentiment",
        metrics={"right": seed / 10, "readings": [1, 2], "watched": {"loss": 1.0}},
        environment={"process": os.getpid(), "began": began, "ended": time.time()},
        seconds=2.0,
        spent={"usd": 0.5, "device_hours": 0.25},
    ).write(adapter / "run.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
