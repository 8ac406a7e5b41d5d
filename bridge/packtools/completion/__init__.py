"""What may be written at a place of a pack file: for who writes one, while it is half-written.

`outline` reads what stands there, whatever is missing; `allowed` finds in the schema of packs what belongs at the
place, and `names` the names that the pack itself has for it; `suggest` is all of it.
"""

from bridge.packtools.completion.suggest import Completion, Suggestion, suggest

__all__ = ["Completion", "Suggestion", "suggest"]
