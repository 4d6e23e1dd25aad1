"""`python -m ptrapp`: the command line, see `ptrapp.cli`."""

from ptrapp.cli.commands import main

if __name__ == "__main__":
    main()
