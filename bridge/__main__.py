"""`python -m bridge` is `mef-bridge`."""

from bridge.cli import main

if __name__ == "__main__":
    main()
