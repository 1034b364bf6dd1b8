"""A pack on a data set: labelled photos in, an evaluation and its reports out (docs/spec/evaluation.md)."""
