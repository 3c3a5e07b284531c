"""What a run's folder holds, by name. Nothing is read or written here, and nothing heavy imported.

``checkpoints.py`` names its own: ``recipe.json`` and ``checkpoints/``.
"""

ADAPTER = "adapter"
"""The adapter with its record; there when the run is finished."""
PART = "adapter.part"
"""The same before it is proved."""
STARTED = "started.json"
"""When the run was begun, and how long its earlier parts took."""
LOGS = "logs"
"""TensorBoard's."""
TRACES = "traces"
"""Dialogues that were collected."""
SYNC = "sync"
"""The adapter as the engine that draws episodes reads it; gone when the run is finished."""
