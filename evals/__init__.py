"""Where specialists are judged: accuracy and latency, beside the controls that keep them honest."""
