"""The only way to an operation: `pipeline` is the file to read first."""
