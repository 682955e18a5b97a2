#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What int8 schemes cost a model, before any of them is built: fake quantization in PyTorch.

In: a checkpoint (GGUF of SmolLM2, or the MiniLM directory) and a text. Out: one line of quality a scheme, against fp32.
Decoder: text tokenized once without BOS, chunks of 512, positions 256..511 scored; ppl ratio, mean KL(fp32 || scheme), top1.
Encoder: cosine of the sentence vectors to fp32, least and mean over the first 256 lines of 40 to 400 characters.
A scheme is written  [fold+][rotN[/M]+]w8[gG]+a8[gG][+embed8]:
  fold     norm weights go into the linears behind them (never into a table that the embedding shares)
  rotN/M   inputs and weights rotated by a block Hadamard of N; of M where the input is wider than the model
  w8gG     weights s8, one scale a row (or one for G inputs); a8gG: activations u8, one scale a token (or G inputs)
  embed8   the embedding table is the same int8 codes as the head's (tied), or s8 a row of its own (encoder)
Formulas: docs/passes.md (lm-quantize-weights, lm-rotate). Needs torch, transformers, llama_cpp (SmolLM2's tokenizer).

  simulate_int8.py decoder smol.gguf developers-reference.txt w8+a8 fold+rot64+w8+a8+embed8
  simulate_int8.py encoder minilm/   developers-reference.txt w8+a8 rot64+w8+a8
"""
import argparse
import copy
import os
import re
import time

import torch
from torch import nn

CHUNK, HALF = 512, 256


def hadamard(n):
    """Normalized Sylvester Hadamard matrix: symmetric and orthogonal."""
    h = torch.ones(1, 1)
    while h.shape[0] < n:
        h = torch.cat([torch.cat([h, h], 1), torch.cat([h, -h], 1)], 0)
    return h / n**0.5


def rotate(x, block):
    return (x.reshape(-1, block) @ hadamard(block)).reshape(x.shape)


def quantize_rows(w, group=0):
    g = w.reshape(w.shape[0], -1, group) if group else w[:, None, :]
    s = g.abs().amax(-1, keepdim=True) / 127
    q = torch.where(s > 0, (g / s).round().clamp(-127, 127), 0)
    return (q * s).reshape(w.shape)


def quantize_tokens(x, group=0):
    g = x.reshape(*x.shape[:-1], -1, group) if group else x
    lo, hi = g.amin(-1, keepdim=True).clamp(max=0), g.amax(-1, keepdim=True).clamp(min=0)
    s = (hi - lo) / 255
    s = torch.where(s > 0, s, 1)
    z = (-lo / s).round().clamp(0, 255)
    return (((g / s).round() + z).clamp(0, 255) - z).mul(s).reshape(x.shape)


class Scheme:
    def __init__(self, text, width):
        self.fold = self.embed = False
        self.block = self.wide = self.wgroup = self.agroup = 0
        for part in text.split("+"):
            if part == "fold":
                self.fold = True
            elif part == "embed8":
                self.embed = True
            elif m := re.fullmatch(r"rot(\d+)(?:/(\d+))?", part):
                self.block, self.wide = int(m[1]), int(m[2] or m[1])
            elif m := re.fullmatch(r"([wa])8(?:g(\d+))?", part):
                setattr(self, m[1] + "group", int(m[2] or 0))
            else:
                raise SystemExit(f"unknown part '{part}' of scheme '{text}'; see the head of this file")
        self.width = width

    def block_for(self, inputs):
        return self.wide if inputs > self.width else self.block


class QuantizedLinear(nn.Module):
    def __init__(self, linear, scheme):
        super().__init__()
        self.block = scheme.block_for(linear.in_features)
        self.group = scheme.agroup
        w = linear.weight.data
        w = rotate(w, self.block) if self.block else w
        self.weight, self.bias = quantize_rows(w, scheme.wgroup), linear.bias

    def forward(self, x):
        x = rotate(x, self.block) if self.block else x
        return nn.functional.linear(quantize_tokens(x, self.group), self.weight, self.bias)


def quantize_linears(model, scheme):
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Linear):
                setattr(parent, name, QuantizedLinear(child, scheme))


def fold_llama_norms(model):
    for layer in model.model.layers:
        for norm, readers in ((layer.input_layernorm, (layer.self_attn.q_proj, layer.self_attn.k_proj, layer.self_attn.v_proj)),
                              (layer.post_attention_layernorm, (layer.mlp.gate_proj, layer.mlp.up_proj))):
            for reader in readers:
                reader.weight.data = reader.weight.data * norm.weight.data
            norm.weight.data = torch.ones_like(norm.weight.data)


def quantize_embedding(table, block):
    w = quantize_rows(rotate(table.weight.data, block) if block else table.weight.data)
    table.weight = nn.Parameter(rotate(w, block) if block else w, requires_grad=False)


def decoder(args):
    import llama_cpp
    from transformers import AutoModelForCausalLM
    folder, file = os.path.split(os.path.abspath(args.model))
    base = AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32).eval()
    vocab = llama_cpp.Llama(args.model, vocab_only=True, verbose=False)
    text = open(args.text, encoding="utf8").read()[20000:120000]
    ids = vocab.tokenize(text.encode(), add_bos=False, special=False)
    chunks = torch.tensor(ids[:CHUNK * args.chunks]).reshape(-1, CHUNK)

    def score(model, reference=None):
        nll, kl, top1, kept = [], [], [], []
        for i, chunk in enumerate(chunks):
            logits = model(chunk[None], logits_to_keep=HALF + 1).logits[0, :-1].double()
            lp = torch.log_softmax(logits, -1)
            nll.append(-lp.gather(1, chunk[HALF:, None]).mean())
            if reference is None:
                kept.append(lp.float())
            else:
                r = reference[i].double()
                kl.append((r.exp() * (r - lp)).sum(-1).mean())
                top1.append((r.argmax(-1) == lp.argmax(-1)).double().mean())
        mean = lambda v: float(torch.stack(v).mean()) if v else 0.0
        return float(torch.tensor(mean(nll)).exp()), mean(kl), mean(top1), kept

    ppl, _, _, reference = score(base)
    print(f"fp32 ppl {ppl:.4f}\n{'scheme':36} {'ratio':>8} {'kl':>8} {'top1':>7}", flush=True)
    for text in args.schemes:
        start, model = time.time(), copy.deepcopy(base)
        # The head gets its own tensor first: the embedding is quantized or not independently of it.
        model.lm_head.weight = nn.Parameter(model.lm_head.weight.data.clone(), requires_grad=False)
        scheme = Scheme(text, model.config.hidden_size)
        if scheme.fold:
            fold_llama_norms(model)
        if scheme.embed:
            quantize_embedding(model.model.embed_tokens, scheme.block)
        quantize_linears(model, scheme)
        q, kl, top1, _ = score(model, reference)
        print(f"{text:36} {q / ppl:8.4f} {kl:8.5f} {top1:7.4f}   ({time.time() - start:.0f} s)", flush=True)


def encoder(args):
    from sentence_transformers import SentenceTransformer
    lines = [l.strip() for l in open(args.text, encoding="utf8")]
    lines = [l for l in lines if 40 <= len(l) <= 400][:256]
    base = SentenceTransformer(args.model, device="cpu")
    embed = lambda m: m.encode(lines, convert_to_tensor=True, normalize_embeddings=True)
    reference = embed(base)
    print(f"{len(lines)} sentences\n{'scheme':36} {'min':>8} {'mean':>8}", flush=True)
    for text in args.schemes:
        model = copy.deepcopy(base)
        bert = model[0].auto_model
        scheme = Scheme(text, bert.config.hidden_size)
        if scheme.embed:
            quantize_embedding(bert.embeddings.word_embeddings, 0)
        quantize_linears(bert.encoder, scheme)
        cosine = (embed(model) * reference).sum(-1)
        print(f"{text:36} {cosine.min():8.5f} {cosine.mean():8.5f}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["decoder", "encoder"])
    parser.add_argument("model")
    parser.add_argument("text")
    parser.add_argument("schemes", nargs="+")
    parser.add_argument("--chunks", type=int, default=16)
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    with torch.inference_mode():
        (decoder if arguments.kind == "decoder" else encoder)(arguments)
