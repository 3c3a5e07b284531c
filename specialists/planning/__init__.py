"""The job ``planning``: a question and a catalogue become a plan of subtasks."""
