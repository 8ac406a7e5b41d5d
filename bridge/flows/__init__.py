"""Use cases: each loads, decides and commits. They know the domain, the packs and the ports, never a driver."""
