"""`python -m redraw`: the command line."""

from redraw.cli import main

if __name__ == "__main__":
    main()
