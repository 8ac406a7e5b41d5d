"""What holds for every message a pack may get: no gaps, no dead rules, no impossible outcomes; which histories park.

The theory stands at the top of `gaps`.
"""
