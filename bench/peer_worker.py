"""One library under measurement in a process of its own: paths come in, times and embeddings go out.

    python peer_worker.py countenance PACK | face_recognition

Runs in two environments, so it imports nothing of the bench. A line in: the path of a picture. A line
out: {"seconds": decode + detect + embed of the largest face, "embedding": [...] or null}.
"""

import json
import os
import sys
import time
from pathlib import Path


def countenance_embedder(pack_name):
    from countenance.vision.pipeline import Vision
    from packs import installed_pack

    vision = Vision(installed_pack(pack_name), threads=1)

    def embed(path):
        pixels = vision.decode(Path(path).read_bytes())
        faces = vision.detect(pixels).faces
        return vision.embed(pixels, faces[:1])[0] if faces else None

    return embed


def face_recognition_embedder():
    import warnings

    warnings.simplefilter("ignore")  # its models package warns about pkg_resources at import
    import face_recognition

    def embed(path):
        image = face_recognition.load_image_file(path)
        boxes = face_recognition.face_locations(image)
        if not boxes:
            return None
        largest = max(boxes, key=lambda box: (box[2] - box[0]) * (box[1] - box[3]))
        return face_recognition.face_encodings(image, [largest])[0]

    return embed


def main():
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints must not get between the answers
    embed = (
        face_recognition_embedder()
        if sys.argv[1] == "face_recognition"
        else countenance_embedder(sys.argv[2])
    )
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        started = time.perf_counter()
        embedding = embed(line.strip())
        seconds = time.perf_counter() - started
        values = None if embedding is None else [float(value) for value in embedding]
        print(json.dumps({"seconds": seconds, "embedding": values}), file=answers, flush=True)


if __name__ == "__main__":
    main()
