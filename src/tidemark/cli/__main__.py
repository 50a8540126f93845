"""`python -m tidemark.cli`: the command `tidemark`."""

from tidemark.cli.main import main

main()
