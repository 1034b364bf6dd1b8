"""Face recognition that does only what its terms countenance."""

__version__ = "0.1.0"
