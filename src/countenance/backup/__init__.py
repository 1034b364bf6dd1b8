"""One file that holds an installation: made while it serves, proved, restored without later erasures."""
