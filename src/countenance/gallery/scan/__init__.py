"""Search over a gallery's rows: exact, whatever it looks at first."""

from countenance.gallery.scan.accelerator import Accelerator, ScanDevice
from countenance.gallery.scan.block import NewRows
from countenance.gallery.scan.certified import CertifiedScan, Matches
from countenance.gallery.scan.layout import Layout
from countenance.gallery.scan.rows import Memory, Rows

__all__ = [
    "Accelerator",
    "CertifiedScan",
    "Layout",
    "Matches",
    "Memory",
    "NewRows",
    "Rows",
    "ScanDevice",
]
