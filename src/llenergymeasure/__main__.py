"""`python -m llenergymeasure` runs `llem`."""

from llenergymeasure.cli.entry import main

if __name__ == "__main__":
    main()
