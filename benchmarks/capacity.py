"""How many events a second N processes take, from what one process was measured to need: a closed queueing network.

Each process is a customer that goes round between two stations: its own loop, where an event costs `loop_s` seconds
(work and waits for commits, one after another), and the processors, which all share with PostgreSQL and RabbitMQ and
where an event costs `cpu_s`. No process is faster alone than its loop, and all of them together are not faster than the
processors (the asymptotic bounds of Denning and Buzen); the partitioner is one customer more for all of them, whose
own loop takes each event once.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Demands:
    """Seconds for one event: of one process's loop, of the partitioner's loop, and of processors, all told."""

    loop_s: float
    partitioner_s: float
    cpu_s: float


def events_per_second(demands: Demands, processes: int, cores: float) -> float:
    """Predict the throughput of so many processes where so many processors are free for all that takes part."""
    loops = processes / demands.loop_s
    processors = cores / demands.cpu_s
    partitioner = 1 / demands.partitioner_s if demands.partitioner_s else float("inf")
    return min(loops, processors, partitioner)


def processes_for(demands: Demands, wanted: float) -> tuple[float, float]:
    """Say how many processes and processors a throughput takes, where the partitioner does not limit it."""
    return wanted * demands.loop_s, wanted * demands.cpu_s
