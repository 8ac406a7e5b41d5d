"""ACME's messages in bulk."""

from collections.abc import Iterator

import orjson

# A job's life in ten events; the two that the Buyer hears nothing of are part of every day.
LIFE = ("NEW", "SCHD", "SCHD", "HOLD", "SCHD", "ENRT", "WIP", "WIP", "DONE", "CLSD")
VISIT_FROM = 2  # the first event that has a visit


def event(job: int, version: int, stat: str, *, visit: bool) -> bytes:
    """Make one event."""
    body = {
        "MSG_ID": f"E-{job:06d}-{version:02d}",
        "JOB_NO": f"J-{job:06d}",
        "JOB_VER": version,
        "TS": f"2026-03-05 13:{version:02d}:05",
        "CUST_ACC": "PL-00017",
        "STAT": stat,
        "RSN": "",
        "VISIT_REQ": "Y",
        "VISIT_NO": f"V-{job:06d}" if visit else "",
        "WIN_FROM": "2026-03-06 08:00" if visit else "",
        "WIN_TO": "2026-03-06 12:00" if visit else "",
        "TECH": "T042" if visit else "",
        "EST_MIN": "120",
        "SITE_ID": f"SITE-{job % 100}",
        "TT_NO": f"TT-{job}",
        "TASKS": "REPLACE SFP|PERFORM OTDR",
        "REMARK": "Ring twice",
    }
    return orjson.dumps(body)


def lives(jobs: int, first: int = 0) -> Iterator[tuple[str, bytes]]:
    """Ten events of each job, interleaved: all first events, then all second ones. Gives routing keys and bodies."""
    for step, stat in enumerate(LIFE):
        for job in range(first, first + jobs):
            yield f"job.{stat.lower()}", event(job, step + 1, stat, visit=step >= VISIT_FROM)
