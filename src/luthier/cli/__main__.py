"""`python -m luthier.cli`, the same as `luthier`."""

from luthier.cli.app import main

if __name__ == "__main__":
    main()
