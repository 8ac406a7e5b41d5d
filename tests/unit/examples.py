"""On how many examples a unit test tries its rule: few enough for a quick run, and the same in every run."""

from hypothesis import HealthCheck, Phase, settings


def examples(number: int) -> settings:
    """Make settings for so many examples. No clock: a busy machine says nothing of a rule. No files, no chance.

    A failure is made small, not explained: that traces every line, and takes minutes where a pack is loaded.
    """
    return settings(
        max_examples=number,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=[HealthCheck.too_slow],
    )
