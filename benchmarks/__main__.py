"""`python -m benchmarks`: all of them, one after another."""

from benchmarks import bookings, deliveries, throughput, translation


def main() -> None:
    """Run all."""
    translation.main()
    bookings.main()
    throughput.main()
    deliveries.main()


if __name__ == "__main__":
    main()
