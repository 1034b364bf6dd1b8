"""Search over a gallery's rows: exact, whatever it looks at first."""

from countenance.gallery.scan.certified import CertifiedScan
from countenance.gallery.scan.contract import Matches, Scan

__all__ = ["CertifiedScan", "Matches", "Scan"]
