"""The terms of use: versioned documents, and whether an account has accepted those in force."""

from countenance.terms.documents_in_force import Acceptance, Document, Standard, Terms, load_terms

__all__ = ["Acceptance", "Document", "Standard", "Terms", "load_terms"]
