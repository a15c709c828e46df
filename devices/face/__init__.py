"""Matching a live face with a card's portrait, in a process of its own.

`FaceStation` (in `client`) is for the screen's process; `engine` and `quality` run in the
child only and import NumPy, OpenCV and face_recognition.
"""
