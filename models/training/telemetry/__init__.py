"""How the telemetry detector is made: formulas, the graph written from them, faults to check it with, its card."""
