"""`python -m countenance.cli`: the same as the `countenance` command."""

from countenance.cli.main import main

main()
