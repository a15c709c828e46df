"""What the face library is loaded with."""

from __future__ import annotations

import pickle
from pathlib import Path

import dlib

from devices.face.library import FRONTAL_DETECTOR, face_detector, face_recognition


def test_the_saved_detector_is_dlib_s_own(tmp_path: Path) -> None:
    own = dlib.get_frontal_face_detector()
    own.save(str(tmp_path / "own.svm"))
    assert (tmp_path / "own.svm").read_bytes() == FRONTAL_DETECTOR.read_bytes()
    assert pickle.dumps(own) == pickle.dumps(face_detector)


def test_the_model_of_the_non_commercial_pictures_is_never_opened() -> None:
    api = face_recognition.api
    assert "68" not in Path(api.predictor_68_point_model).name
    assert api.predictor_68_point_model == api.predictor_5_point_model
