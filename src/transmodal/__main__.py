"""Run the command line as `python -m transmodal`."""

from transmodal.cli import main

if __name__ == "__main__":
    main()
