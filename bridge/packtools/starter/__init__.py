"""A pack to begin with, from sample messages: paths, codes and dates are guessed, the rest is marked for a person.

A guess stands in the file as it would be written by hand; what cannot be guessed is a TODO in a comment beside a value
that makes the pack load, so that the operator can go from one to the next with the checker at hand.
"""

from collections.abc import Sequence

from bridge.packtools.starter.cases_text import samples_case
from bridge.packtools.starter.commands_text import commands_block, with_list_of_slots
from bridge.packtools.starter.fields import inputs_of
from bridge.packtools.starter.pack_text import sections
from bridge.packtools.starter.roles import roles_of
from bridge.packtools.starter.samples import Sample, Unusable, read_samples

__all__ = ["Sample", "Unusable", "samples_case", "starter"]


def starter(name: str, samples: Sequence[Sample]) -> str:
    """Write `pack.yaml`. Raises `Unusable` for what is no sample."""
    read = read_samples(samples)
    inputs, roles = roles_of(inputs_of(read.messages))
    read = with_list_of_slots(read, inputs)
    return "".join(sections(name, read, inputs, roles)) + commands_block(read.format, inputs, roles)
