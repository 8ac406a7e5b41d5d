"""How values, moments, durations, paths and XML are written: the lowest room, which knows no pack."""
