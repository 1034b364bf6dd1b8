"""The `countenance` command."""
