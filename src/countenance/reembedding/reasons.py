"""Why a face gets no template of another model."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """In words: they are kept, counted and shown as they are."""

    NO_PHOTO = "no photo"
    CHANGED_PHOTO = "changed photo"
    BROKEN_PHOTO = "broken photo"
    NO_FACE = "no face there"
    NO_CROP = "no crop"


MEANINGS = {
    Reason.NO_PHOTO: "no file of the folder has the photograph's bytes, nor its name",
    Reason.CHANGED_PHOTO: "a file has its name, and is not byte for byte the photograph that was enrolled",
    Reason.BROKEN_PHOTO: "the photograph, or the crop, cannot be decoded",
    Reason.NO_FACE: "the new model finds no face where the old one found this one",
    Reason.NO_CROP: "the vault has no crop of it: enrolled before it was opened, or over its time",
}
"""What to make of each."""
