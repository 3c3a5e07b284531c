"""Our jobs as tasks of inspect_ai: the same dialogues, its logs and its viewer.

``tasks.py`` holds the tasks, ``model.py`` the provider ``finroute``. Nothing here decides between
adapters: that is ``evals/decision``.
"""
