#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes the reference numbers of SmolLM2 (any Llama-family GGUF) with Hugging Face transformers in fp32.

In:  the GGUF file and a text (.txt or .txt.gz). Out, in one folder:
  smol_eval_text.txt       characters FIRST..LAST of the text: what `lmopt eval --text` reads
  smol_eval_ids.npy        int32 [16, 512]: its first tokens without BOS (by llama.cpp; transformers' own GGUF tokenizer is wrong)
  smol_ref_logprobs.npy    float32 [16, 256, vocabulary]: log-probabilities of the tokens at positions 256..511 of each chunk
  smol_ref.json            perplexity, versions
  smol_greedy.json         greedy continuations of the prompts: ids, text and the margin between the two best logits
  smol_layers.npz          one short prompt: ids, what every module of every layer computes (named as in the lm dialect), logits
Needs torch, transformers, accelerate, gguf, llama-cpp-python, numpy: at development time only, never for script/test.
Usage: reference_smollm2.py MODEL.gguf TEXT OUT_DIR [--first 20000] [--last 120000] [--threads 2]
"""
import argparse
import ctypes
import gzip
import json
import pathlib

import llama_cpp as lc
import numpy as np
import torch
import transformers

CHUNK, COUNT, HALF, NEW_TOKENS = 512, 16, 256, 64
SHORT = "The capital of France is Paris, and 2+2=4."
# Plain text except the last, which is the model's own chat form: prose, code, other scripts, digits, a one-token prompt.
PROMPTS = [
    "The capital of France is",
    "Once upon a time, in a small village by the sea,",
    "def fibonacci(n):\n    \"\"\"Return the n-th Fibonacci number.\"\"\"\n",
    "Water boils at 100 degrees Celsius because",
    "1, 1, 2, 3, 5, 8, 13,",
    "Die Hauptstadt von Deutschland ist",
    "The",
    "Package maintainers should file a bug report when they find that a library",
    "Привет, как дела? 你好！ 😀",
    "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
    "<|im_start|>user\nWhy is the sky blue?<|im_end|>\n<|im_start|>assistant\n",
]


def read_text(path):
    data = pathlib.Path(path).read_bytes()
    return (gzip.decompress(data) if path.endswith(".gz") else data).decode("utf8")


def load_tokenizer(path):
    quiet = lc.llama_log_callback(lambda level, text, data: None)
    lc.llama_log_set(quiet, ctypes.c_void_p(0))
    vocabulary = lc.Llama(path, vocab_only=True, verbose=False)
    vocabulary.keep_alive = quiet
    return vocabulary


def log_softmax(logits):
    return torch.log_softmax(logits.double(), -1).float().numpy()


def evaluate(model, ids, out):
    """Writes the log-probabilities chunk by chunk; returns the perplexity."""
    shape = (COUNT, HALF, model.config.vocab_size)
    store = np.lib.format.open_memmap(out / "smol_ref_logprobs.npy", mode="w+", dtype=np.float32, shape=shape)
    losses = []
    for index, chunk in enumerate(ids):
        logits = model(torch.from_numpy(chunk[None]).long()).logits[0, HALF - 1:-1]
        store[index] = log_softmax(logits)
        losses.append(-store[index][np.arange(HALF), chunk[HALF:]].astype(np.float64).mean())
        print(f"chunk {index + 1}/{COUNT}: ppl so far {np.exp(np.mean(losses)):.4f}", flush=True)
    store.flush()
    return float(np.exp(np.mean(losses)))


def greedy(model, vocabulary, prompt):
    special = prompt.startswith("<|")
    ids = vocabulary.tokenize(prompt.encode(), add_bos=False, special=special)
    tokens, margins, cache, step = [], [], None, ids
    for _ in range(NEW_TOKENS):
        result = model(torch.tensor([step]), past_key_values=cache, use_cache=True)
        cache, best = result.past_key_values, result.logits[0, -1].topk(2)
        tokens.append(int(best.indices[0]))
        margins.append(round(float(best.values[0] - best.values[1]), 6))
        step = tokens[-1:]
    text = vocabulary.detokenize(tokens, special=True).decode("utf8", "replace")
    return {"prompt": prompt, "special": special, "prompt_tokens": ids, "tokens": tokens, "margins": margins, "text": text}


def layer_outputs(model, ids):
    """Runs one prompt and keeps what each module gives, under the dialect's names ("layers.3.attn.q")."""
    names = {"self_attn.q_proj": "attn.q", "self_attn.k_proj": "attn.k", "self_attn.v_proj": "attn.v",
             "self_attn.o_proj": "attn.o", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
             "mlp.gate_proj": "ffn.gate", "mlp.up_proj": "ffn.up", "mlp.down_proj": "ffn.down", "": "out"}
    found, handles = {"ids": np.array(ids, np.int32)}, []

    def keep(name):
        def hook(module, inputs, output):
            found[name] = (output[0] if isinstance(output, tuple) else output).numpy()[0].copy()
        return hook

    watched = [(model.model.embed_tokens, "embed"), (model.model.norm, "final_norm")]
    for index, layer in enumerate(model.model.layers):
        watched += [(layer.get_submodule(inner) if inner else layer, f"layers.{index}.{name}") for inner, name in names.items()]
    for module, name in watched:
        handles.append(module.register_forward_hook(keep(name)))
    found["logits"] = model(torch.tensor([ids])).logits[0].numpy()
    for handle in handles:
        handle.remove()
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("text")
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--first", type=int, default=20000)
    parser.add_argument("--last", type=int, default=120000)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)

    vocabulary = load_tokenizer(args.model)
    text = read_text(args.text)[args.first:args.last]
    (args.out / "smol_eval_text.txt").write_bytes(text.encode("utf8"))
    all_ids = vocabulary.tokenize(text.encode(), add_bos=False, special=False)
    ids = np.array(all_ids[:CHUNK * COUNT], np.int32).reshape(COUNT, CHUNK)
    np.save(args.out / "smol_eval_ids.npy", ids)
    print("ids written", flush=True)

    path = pathlib.Path(args.model)
    model = transformers.AutoModelForCausalLM.from_pretrained(str(path.parent), gguf_file=path.name, dtype=torch.float32,
                                                              attn_implementation="eager").eval()
    with torch.inference_mode():
        short = vocabulary.tokenize(SHORT.encode(), add_bos=False, special=False)
        np.savez(args.out / "smol_layers.npz", **layer_outputs(model, short))
        print("layers written", flush=True)
        continuations = [greedy(model, vocabulary, prompt) for prompt in PROMPTS]
        (args.out / "smol_greedy.json").write_text(json.dumps(continuations, indent=1, ensure_ascii=False) + "\n")
        print("greedy written", flush=True)
        ppl = evaluate(model, ids, args.out)
    (args.out / "smol_ref.json").write_text(json.dumps({
        "ppl": ppl, "tokens": len(all_ids), "first": args.first, "last": args.last, "chunks": COUNT, "context": CHUNK,
        "torch": torch.__version__, "transformers": transformers.__version__, "llama_cpp": lc.__version__}, indent=1) + "\n")
    print(f"fp32 ppl {ppl:.4f}")


if __name__ == "__main__":
    main()
