"""What people do with packs: run cases, explain, compare, draw, begin one. Stands on `mapping/` and `flows/`."""
