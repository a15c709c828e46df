"""`face_recognition`, loaded with what is used here and nothing else.

Left to itself, the library reads two things on import that this product does without, and
takes two seconds of a processor for them, each time a face process starts:

- dlib's 68-point landmark model, whose training pictures exclude commercial use. Faces are
  aligned with the 5-point model, so its place is given to that: the file of the 68-point model
  is never opened and need not be on a terminal.
- the frontal face detector, which dlib carries in itself, compressed. `frontal.svm` is the same
  detector as dlib saves it; a test compares the two.
"""

from __future__ import annotations

import importlib
import warnings
from pathlib import Path
from typing import Any, Final

import dlib

FRONTAL_DETECTOR: Final = Path(__file__).with_name("frontal.svm")


def _frontal_detector() -> Any:
    return dlib.fhog_object_detector(str(FRONTAL_DETECTOR))


def _load() -> Any:
    own = dlib.get_frontal_face_detector
    with warnings.catch_warnings():
        # face_recognition_models finds its files through pkg_resources, which is deprecated.
        warnings.simplefilter("ignore")
        models: Any = importlib.import_module("face_recognition_models")
    models.pose_predictor_model_location = models.pose_predictor_five_point_model_location
    dlib.get_frontal_face_detector = _frontal_detector
    try:
        return importlib.import_module("face_recognition")
    finally:
        dlib.get_frontal_face_detector = own


face_recognition: Final = _load()
face_detector: Final = face_recognition.api.face_detector
