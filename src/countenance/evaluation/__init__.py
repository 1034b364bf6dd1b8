"""Error rates from scores: pure functions, numbers in and numbers out (ISO/IEC 19795-1's terms)."""
