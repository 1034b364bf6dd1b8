"""What others must be able to trust by itself: tree, notes, receipts, proofs, witness, verifier, figures.

Knows no database, no settings, and of the house its errors and what a Similarity means; made of C2SP's
formats (docs/spec/audit-log.md).
"""
