"""What others must be able to trust by itself: tree, notes, receipts, proofs, witness, offline verifier.

Knows no database, no settings and nothing of the house but its errors; made of C2SP's formats
(docs/spec/audit-log.md).
"""
