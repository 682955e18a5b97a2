#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes the seeds of the front ends' fuzz targets: small files that are good, or nearly. Needs only Python.

Inputs that a fuzzer found and that once failed are kept beside the seeds; this script does not touch them.
"""
import json
import os
import struct

HERE = os.path.dirname(os.path.abspath(__file__))
CORPUS = os.path.join(HERE, "..", "corpus")
MODELS = os.path.join(HERE, "..", "..", "models")
FAMILIES = os.path.join(HERE, "..", "..", "..", "frontends", "families")
U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 = range(13)
FORMATS = {U8: "B", I8: "b", U16: "H", I16: "h", U32: "I", I32: "i", F32: "f", BOOL: "?", U64: "Q", I64: "q", F64: "d"}


def save(target, name, data):
    os.makedirs(os.path.join(CORPUS, target), exist_ok=True)
    with open(os.path.join(CORPUS, target, name), "wb") as file:
        file.write(data)


def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def value(kind, content):
    if kind == STRING:
        return text(content)
    if kind == ARRAY:
        element, items = content
        return struct.pack("<IQ", element, len(items)) + b"".join(value(element, item) for item in items)
    return struct.pack("<" + FORMATS[kind], content)


def gguf(keys, tensors, version=3, alignment=32):
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(keys))
    for name, kind, content in keys:
        head += text(name) + struct.pack("<I", kind) + value(kind, content)
    data = b""
    for name, shape, kind, size in tensors:
        head += text(name) + struct.pack("<I", len(shape)) + struct.pack("<%dQ" % len(shape), *shape)
        head += struct.pack("<IQ", kind, len(data))
        data += bytes(i * 7 % 256 for i in range(size)) + b"\0" * (-size % alignment)
    return head + b"\0" * (-len(head) % alignment) + data


def llama_keys():
    return [("general.architecture", STRING, "llama"), ("llama.block_count", U32, 1), ("llama.context_length", U32, 16),
            ("llama.embedding_length", U32, 4), ("llama.feed_forward_length", U32, 6),
            ("llama.attention.head_count", U32, 2), ("llama.attention.layer_norm_rms_epsilon", F32, 1e-5)]


def make_gguf():
    embedding = ("token_embd.weight", [4, 2], 0, 32)
    save("fuzz-gguf", "llama", gguf(llama_keys(), [embedding, ("rope_freqs.weight", [1], 0, 4)]))
    extra = [("llama.attention.head_count_kv", ARRAY, (I32, [1])), ("llama.rope.scaling.type", STRING, "yarn"),
             ("llama.rope.scaling.factor", F32, 2.0), ("llama.rope.freq_base", F32, 1e5)]
    save("fuzz-gguf", "llama-yarn", gguf(llama_keys() + extra, [embedding], version=2))
    odd = [("general.type", STRING, "model"), ("general.sampling.penalty_repeat", F32, 1.5), ("llama.attention.scale", F32, 0.7),
           ("llama.attention.causal", BOOL, True), ("llama.rope.scaling.yarn_beta_fast", F32, 32.0), ("mine.note", STRING, "x")]
    save("fuzz-gguf", "llama-more-keys", gguf(llama_keys() + odd, [embedding, ("output.weight", [4, 2], 0, 32)]))
    experts = [("llama.expert_count", U32, 4), ("llama.expert_used_count", U32, 2), ("llama.expert_group_count", U32, 0)]
    save("fuzz-gguf", "llama-experts", gguf(llama_keys() + experts, [embedding, ("blk.0.ffn_down_exps.weight", [6, 4, 4], 0, 384)]))
    numbers = [(k, k, 1) for k in FORMATS]
    keys = [("k%d" % i, kind, content) for i, kind, content in numbers]
    keys += [("s", STRING, "text"), ("a", ARRAY, (STRING, ["x", "", "yy"])), ("b", ARRAY, (BOOL, [True, False])),
             ("n", ARRAY, (ARRAY, [(U16, [1, 2]), (STRING, ["z"])])), ("general.alignment", U32, 8)]
    save("fuzz-gguf", "values", gguf(keys, [], alignment=8))
    sizes = {0: (1, 4), 1: (1, 2), 30: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34),
             12: (256, 144), 13: (256, 176), 14: (256, 210), 10: (256, 84), 11: (256, 110), 20: (32, 18), 23: (256, 136), 39: (32, 17)}
    tensors = [("t%d" % kind, [elements, 1], kind, size) for kind, (elements, size) in sizes.items()]
    save("fuzz-gguf", "types", gguf([], tensors))


def safetensors(header, size):
    head = header.encode()
    return struct.pack("<Q", len(head)) + head + bytes(range(size))


def make_safetensors():
    header = {"__metadata__": {"format": "pt"}, "a": {"dtype": "F32", "shape": [2, 1], "data_offsets": [0, 8]},
              "b": {"dtype": "F16", "shape": [2], "data_offsets": [8, 12]},
              "c": {"dtype": "BF16", "shape": [1, 1, 1], "data_offsets": [12, 14]},
              "d": {"dtype": "I8", "shape": [], "data_offsets": [14, 15]},
              "e": {"dtype": "I64", "shape": [0], "data_offsets": [15, 15]}}
    save("fuzz-safetensors", "types", safetensors(json.dumps(header), 15))
    save("fuzz-safetensors", "empty", safetensors("{}", 0))
    save("fuzz-safetensors", "hole", safetensors('{"a":{"dtype":"I8","shape":[1],"data_offsets":[1,2]}}', 2))


def make_family_configs():
    """config.json of the first fixture of each family (fixtures are named after the families' folders) and of all with heads."""
    for family in sorted(entry.name for entry in os.scandir(FAMILIES) if entry.is_dir()):
        fixture = min(name for name in os.listdir(MODELS) if name.startswith(family + "-"))
        with open(os.path.join(MODELS, fixture, "config.json"), encoding="utf8") as file:
            save("fuzz-config-json", "family-" + family, json.dumps(json.load(file)).encode())
    for name in sorted(os.listdir(os.path.join(MODELS, "heads"))):
        with open(os.path.join(MODELS, "heads", name, "config.json"), encoding="utf8") as file:
            save("fuzz-config-json", "head-" + name, json.dumps(json.load(file)).encode())


def make_config_json():
    llama = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 9, "hidden_size": 8,
             "intermediate_size": 6, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1,
             "rms_norm_eps": 1e-5, "rope_theta": 5e5, "tie_word_embeddings": True, "head_dim": 4}
    scalings = {"linear": {"factor": 2.0}, "dynamic": {"factor": 2.0}, "yarn": {"factor": 4.0, "mscale": 1.0},
                "llama3": {"factor": 8.0, "low_freq_factor": 1.0, "original_max_position_embeddings": 64},
                "longrope": {"short_factor": [1, 2], "long_factor": [3, 4], "factor": 2.0}}
    for kind, parameters in scalings.items():
        config = dict(llama, rope_scaling=dict(parameters, rope_type=kind))
        save("fuzz-config-json", "llama-" + kind, json.dumps(config).encode())
    package = "sentence_transformers.models."
    modules = [{"path": "", "name": "0", "type": package + "Transformer"}, {"path": "1_Pooling/", "type": package + "Pooling"},
               {"path": "./2_Normalize", "type": package + "Normalize", "kwargs": []}]
    save("fuzz-config-json", "modules", json.dumps(modules).encode())
    pooling = {"word_embedding_dimension": 64, "pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}
    save("fuzz-config-json", "pooling", json.dumps(pooling).encode())
    save("fuzz-config-json", "pooling-list", json.dumps({"pooling_mode": ["mean"], "embedding_dimension": 64}).encode())
    settings = {"transformer_task": "feature-extraction", "module_output_name": "token_embeddings", "max_seq_length": None,
                "modality_config": {"text": {"method": "forward", "method_output_name": "last_hidden_state"}},
                "processor_kwargs": {"model_max_length": 1e30}, "model_args": {"dtype": "float32"}}
    save("fuzz-config-json", "transformer", json.dumps(settings).encode())
    model = {"prompts": {"query": "q: "}, "default_prompt_name": None, "truncate_dim": 64, "model_type": "SentenceTransformer"}
    save("fuzz-config-json", "sentence-model", json.dumps(model).encode())
    cross = {"model_type": "CrossEncoder", "activation_fn": "torch.nn.modules.activation.Sigmoid", "prompts": {}}
    save("fuzz-config-json", "cross-encoder", json.dumps(cross).encode())
    python = '{"a": NaN, "b": [Infinity, -Infinity], "a": "NaN \\" Infinity", "model_max_length": Infinity}'
    save("fuzz-config-json", "python", python.encode())
    generation = {"temperature": 0.7, "repetition_penalty": 1.1, "eos_token_id": 2, "suppress_tokens": [1]}
    save("fuzz-config-json", "generation", json.dumps(generation).encode())
    quantized = dict(llama, quantization_config={"quant_method": "gptq", "bits": 4}, sliding_window=4, layer_types=["x"])
    save("fuzz-config-json", "llama-quantized", json.dumps(quantized).encode())
    weights = {"num_bits": 4, "type": "int", "symmetric": True, "strategy": "group", "group_size": 32, "dynamic": False}
    compressed = {"quant_method": "compressed-tensors", "format": "pack-quantized", "kv_cache_scheme": None, "config_groups": {
        "group_0": {"targets": ["Linear"], "weights": weights, "input_activations": {"num_bits": 8, "dynamic": True}}}}
    for name, settings in {"compressed": compressed, "awq": {"quant_method": "awq", "version": "gemm", "w_bit": 4},
                           "gptq": {"quant_method": "gptq", "checkpoint_format": "gptq_v2", "dynamic": {"x": {"bits": 8}}}}.items():
        save("fuzz-config-json", "llama-" + name, json.dumps(dict(llama, quantization_config=settings)).encode())
    other = {"eos_token_id": [1, 2], "chat_template": [{"name": "default", "template": "{{ x }}"}]}
    save("fuzz-config-json", "other", json.dumps(other).encode())


def wire(number, content):
    """A field of a protocol buffer: an integer, a float or bytes."""
    def varint(value):
        return bytes([value & 0x7F | 0x80]) + varint(value >> 7) if value > 0x7F else bytes([value])
    if isinstance(content, float):
        return varint(number << 3 | 5) + struct.pack("<f", content)
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


def piece_model(kind, extra=(), trainer=b"", normalizer=b""):
    pieces = [("<unk>", 0.0, 2), ("<s>", 0.0, 3), ("</s>", 0.0, 3), ("\u2581", -3.0, 1), ("a", -2.0, 1), ("b", -2.5, 1),
              ("ab", -1.0, 1), ("\u2581a", -1.5, 1), ("<user>", 0.0, 4), *extra]
    data = b"".join(wire(1, wire(1, text.encode()) + wire(2, score) + wire(3, type)) for text, score, type in pieces)
    return data + wire(2, wire(3, kind) + trainer) + wire(3, normalizer)


def make_tokenizer_model():
    charsmap = struct.pack("<I", 8) + struct.pack("<2I", 1 << 10, 0) + b"x\0"  # a table that has nothing
    every_byte = [("<0x%02X>" % byte, 0.0, 6) for byte in range(256)]
    save("fuzz-tokenizer-model", "unigram", piece_model(1, [("c", -4.0, 5)], normalizer=wire(2, charsmap)))
    save("fuzz-tokenizer-model", "bpe", piece_model(2, normalizer=wire(3, 0) + wire(4, 0)))
    save("fuzz-tokenizer-model", "bytes", piece_model(2, every_byte, wire(35, 1), wire(1, b"identity") + wire(5, 0)))
    save("fuzz-tokenizer-model", "word", piece_model(3) + wire(4, b"") + wire(5, wire(2, b"x")))


make_gguf()
make_safetensors()
make_tokenizer_model()
make_family_configs()
make_config_json()
