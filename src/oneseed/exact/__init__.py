"""Numbers that must come out alike on every machine, computed in integers."""
