"""A photo, upright and small, for the page that its own sender gets; it is kept nowhere.

Few bytes can be many pixels, and these pages are in no budget of the nets': so a JPEG is made small while it
is decoded, what cannot be is shown up to a size, and one photo of the process is looked at at a time.
"""

from __future__ import annotations

import base64
import io
import threading
from typing import Final

from PIL import Image, JpegImagePlugin, PngImagePlugin

from countenance.errors import ServiceError
from countenance.vision.container import Container, parse_container
from countenance.vision.decode import count_pixels

_SIDE_PX: Final = 1024
_MOST_WHOLE_PX: Final = 16_000_000
"""Of what is decoded whole before it is small: PNG, and progressive JPEG. At most about 150 MB."""
_PATIENCE_S: Final = 10.0
_ONE_AT_A_TIME: Final = threading.Lock()
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def preview(photo: bytes) -> str:
    """A JPEG in base64, turned as the API turned it; empty where there is none to show.

    That is: no picture that the API takes, too large to be shown, or others were looked at for too long.
    """
    try:
        pixels, container = count_pixels(photo), parse_container(photo)
    except ServiceError:
        return ""
    is_whole = container.kind == "PNG" or container.scans > 1
    if is_whole and pixels > _MOST_WHOLE_PX:
        return ""
    if not _ONE_AT_A_TIME.acquire(timeout=_PATIENCE_S):
        return ""
    try:
        return _small(container)
    except (OSError, ValueError, SyntaxError):  # it begins well and ends badly
        return ""
    finally:
        _ONE_AT_A_TIME.release()


def _small(container: Container) -> str:
    # the plugins themselves, as in vision.decode: nothing else is ever opened
    plugin = PngImagePlugin.PngImageFile if container.kind == "PNG" else JpegImagePlugin.JpegImageFile
    with plugin(io.BytesIO(container.picture)) as image:
        image.draft("RGB", (_SIDE_PX, _SIDE_PX))
        image.thumbnail((_SIDE_PX, _SIDE_PX))
        small = image.convert("RGB")
    if (turn := _TURNS.get(container.orientation)) is not None:
        small = small.transpose(turn)
    target = io.BytesIO()
    small.save(target, "JPEG", quality=85)
    return base64.b64encode(target.getvalue()).decode()
