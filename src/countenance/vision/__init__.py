"""From bytes to faces and templates: decode, detect, align, embed, judge; and the packs that do it."""
