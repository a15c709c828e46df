"""Speech from a loudspeaker: recordings where there are some, else another program's voice.

`Voice` says one `Utterance` at a time. Synthesizer and player are programs of their own, each a
child process with a deadline; see `docs/decisions/0013-a-voice-from-another-program.md`.
"""
