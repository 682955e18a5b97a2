# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""cases.py: functions of lm ops as text, with random inputs and expectations, for the generate.py that import it.

Each function states its expectation (`lm.expect`) and tolerance; `lmopt-opt --lm-interpret` and `--lm-run-compiled` compare.
"""
import numpy as np

ULP = 2.0**-24
rng = np.random.default_rng(20260823)


def f32(*shape, scale=1.0):
    return (rng.standard_normal(shape) * scale).astype(np.float32)


def dense(array):
    array = np.asarray(array)
    kind = "si8" if array.dtype == np.int8 else {"f": "f32", "u": "ui8", "i": "i32"}[array.dtype.kind]
    if array.dtype.kind == "f":
        array = array.astype(np.float32)
    data = array.tobytes().hex().upper()
    body = f'"0x{data}"' if array.size > 1 else str(array.item() if kind != "f32" else float(array.item()))
    return f"dense<{body}>", f"tensor<{'x'.join(map(str, array.shape))}x{kind}>"


class Case:
    """One function: constants and params in, ops as text, expectations out."""

    def __init__(self, name):
        self.name, self.params, self.body, self.arguments = name, [], [], ""
        self.caches = 0

    def param(self, name, array, wrap="{}", shape=None):
        """`shape`: of the weight, where it is not that of the array that it is made of."""
        text, type_ = dense(array)
        weight = text if wrap == "{}" else wrap.format(f"{text} : {type_}")
        if wrap.startswith("#lm.quantize_rows"):
            type_ = f"!lm.int8<{array.shape[0]}x{array.shape[1]}>"
        if wrap.startswith("#lm.narrow"):
            type_ = type_.replace("xf32", "xbf16")
        if wrap.startswith("#lm.quantize_groups"):
            type_ = f"!lm.grouped<{array.shape[0]}x{array.shape[1]}, " + wrap.split("{}, ")[1]
        if wrap.startswith("#lm.quantize_codebook"):
            type_ = f"!lm.codebook<{array.shape[0]}x{array.shape[1]}, " + wrap.split("{}, ")[1]
        if shape:
            type_ = f"tensor<{'x'.join(map(str, shape))}xf32>"
        self.params.append(f"lm.param @{self.name}.{name} : {type_} = {weight}")
        return f"@{self.name}.{name}"

    def constant(self, name, array):
        text, type_ = dense(array)
        self.body.append(f"  %{name} = arith.constant {text} : {type_}")
        return type_

    def op(self, text):
        self.body.append("  " + text)

    def finish(self, results, ulps):
        """results: list of (value name, expected array; of codes the arrays that they are told by)."""
        types = [codes_type(*value) if isinstance(value, tuple) else dense(value)[1] for _, value in results]
        arrays = [array for _, value in results for array in (value if isinstance(value, tuple) else (value,))]
        expect = ", ".join("{} : {}".format(*dense(array)) for array in arrays)
        arguments = ", ".join(f"%cache{i}: !lm.cache" for i in range(self.caches))
        attributes = f"lm.expect = [{expect}], lm.tolerance = {ulps * ULP:.6e} : f64"
        head = f"func.func @{self.name}({arguments}) -> ({', '.join(types)}) attributes {{{attributes}}} {{"
        tail = f"  return {', '.join('%' + n for n, _ in results)} : {', '.join(types)}\n}}"
        return "\n".join(self.params + [head] + self.body + [tail]) + "\n"


def t(w, b=2, n=3, kind="f32"):
    return f"tensor<{b}x{n}x{w}x{kind}>"


def codes_type(codes, scale, zero=None):
    kind = "u8" if codes.dtype == np.uint8 else f"s8, group = {codes.shape[-1] // scale.shape[-1]}"
    return f"!lm.codes<{'x'.join(map(str, codes.shape))}, {kind}>"


def run_lines(options, chosen):
    run = "// RUN: lmopt-opt %s --lm-{} | FileCheck %s".format
    if chosen is None:
        return [run("interpret")]
    if not chosen:
        return [run("interpret"), run(f"run-compiled={options}")]
    compiled = run(f"run-compiled='{options} entry={','.join(chosen)}'") + " --check-prefix=COMPILED"
    return [run("interpret"), compiled, f"// COMPILED-COUNT-{len(chosen)}: as expected"]


def write(path, cases, lines):
    names = [line.split("@")[1].split("(")[0] for case in cases for line in case.splitlines() if line.startswith("func")]
    lines += [f"// CHECK{'' if i == 0 else '-NEXT'}: @{name}: as expected" for i, name in enumerate(names)]
    path.write_text("\n".join(lines + ["", *cases]))
