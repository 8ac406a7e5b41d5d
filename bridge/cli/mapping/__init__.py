"""`mef-bridge mapping`: work on packs, one module a verb."""
