"""`python -m oneseed`."""

from oneseed.cli import main

if __name__ == "__main__":
    main()
