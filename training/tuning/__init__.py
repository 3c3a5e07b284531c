"""Where adapters are made: a recipe in, one folder with an adapter and its record out.

Not the embedded base (``training.pretrain``), nor the encoders. ``import training.tuning`` is
light: torch and TRL are imported when a recipe runs.
"""
