# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What fixtures with mixtures of experts need: prompts whose routing is decided.

A router chooses experts by comparing scores, so a model's numbers jump where two scores are near each other: another order of sums, or a
code of int8 that flips, may then give a token other experts, which no tolerance bounds. So tokens of prompts are drawn one after another,
each until all routers of all layers prefer the last expert that is used by at least MARGIN to the first one that is not. Causal models
leave earlier tokens' scores as they are.
"""
import torch

# In the units of scores, whose deviation the fixtures' routers make about ROUTER_GAIN. Twice the most by which the recipe int8 moved a score in any
# prompt that was tried (1.01; of the prompts that are kept 0.57, and bf16 0.31), since two scores may move towards each other. Four bits
# move some by more (3.4) and choose other experts for five of 546 tokens: what is compared there is one module with itself.
MARGIN = 2.1
ROUTER_GAIN = 4.0
FLOAT_MARGIN = 1e-3


def routers(model):
    """Modules that give (scores, gates, chosen), with how many they choose."""
    return [module for module in model.modules() if type(module).__name__.endswith("TopKRouter")]


def margins(model, ids):
    """For each token the least distance between an expert that is used and one that is not, over all layers."""
    found = []

    def keep(module, _, output):
        order = output[0].float().sort(dim=-1, descending=True).values
        if module.top_k < order.shape[-1]:
            found.append(order[:, module.top_k - 1] - order[:, module.top_k])

    hooks = [module.register_forward_hook(keep) for module in routers(model)]
    with torch.inference_mode():
        model(torch.tensor([ids]))
    for hook in hooks:
        hook.remove()
    return torch.stack(found).min(dim=0).values


def check(model, expected):
    """Nor may a continuation that transformers chose depend on rounding: FLOAT_MARGIN is a thousand times that of f32."""
    for case in expected.json["cases"]:
        least = float(margins(model, case["ids"] + case["greedy"][:-1]).min())
        assert least > FLOAT_MARGIN, f"a prompt of {len(case['ids'])} tokens: two experts are {least} apart; use another name"


def draw(model, rng, length):
    """A prompt of so many random tokens."""
    ids = []
    while len(ids) < length:
        ids.append(int(rng.integers(0, model.config.vocab_size)))
        if float(margins(model, ids)[-1]) < MARGIN:
            ids.pop()
    return ids
