"""Draws the tables of keys in docs/packs.md from the declaration of packs and from the examples beside them."""
