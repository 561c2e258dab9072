"""Write down what is said: ``python transcribe_script.py SPEECH.wav MODEL FOLDER WORDS.json``.

A script of its own, without the rest of the product: its memory goes back when it ends.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path

LANGUAGES = ("fr", "en")
# The model's own word for "this is no speech", and how sure it must be of a word's part.
MAX_SILENCE = 0.6
MIN_CONFIDENCE = -1.0


def listen(speech: str, model: str, models: str) -> list[tuple[float, float, str]]:
    from faster_whisper import WhisperModel
    from faster_whisper.audio import decode_audio

    local = Path(model).is_dir()
    whisper = WhisperModel(
        model, device="cpu", compute_type="int8", cpu_threads=2, download_root=None if local else models
    )
    sound = decode_audio(speech, sampling_rate=16_000)
    # The likelier of the two that we caption: a third that sounds alike is never chosen.
    chances = dict(whisper.detect_language(sound)[2])
    language = max(LANGUAGES, key=lambda each: chances.get(each, 0.0))
    segments, _ = whisper.transcribe(
        sound,
        language=language,
        word_timestamps=True,
        vad_filter=True,
        beam_size=5,
        condition_on_previous_text=False,
    )
    return whole_words(
        (float(word.start), float(word.end), str(word.word))
        for segment in segments
        if not (segment.no_speech_prob > MAX_SILENCE and segment.avg_logprob < MIN_CONFIDENCE)
        for word in segment.words or ()
    )


def whole_words(parts: Iterable[tuple[float, float, str]]) -> list[tuple[float, float, str]]:
    """Join what the model cut within a word: “l” and “'arbre” were heard as one."""
    words: list[tuple[float, float, str]] = []
    for start, end, text in parts:
        if words and not text.startswith(" "):
            first, _, before = words.pop()
            words.append((first, end, before + text.strip()))
        else:
            words.append((start, end, text.strip()))
    return words


if __name__ == "__main__":
    speech_file, model_name, models_folder, words_file = sys.argv[1:]
    Path(words_file).write_text(json.dumps(listen(speech_file, model_name, models_folder)))
