"""`python -m benchmarks`: all of them, one after another; exit code 1 if bookings or isolation miss their target."""

import sys

from benchmarks import bookings, deliveries, isolation, latency, reads, starts, throughput, translation


def main() -> bool:
    """Run all; tell whether bookings and isolation met their targets."""
    starts.main()
    translation.main()
    met = bookings.main()
    throughput.main()
    deliveries.main()
    latency.main()
    reads.main()
    return isolation.main() and met


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
