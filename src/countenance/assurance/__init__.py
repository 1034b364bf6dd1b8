"""What this server knows of its packs' errors: calibrations in force, evaluations, tests by others, drift."""
