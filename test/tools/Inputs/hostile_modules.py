# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Writes modules that are meant to hurt: nested, multiplied, endless, or pointing where nothing should be read.
# In: a folder. Out: files NAME.mlir there, and on stdout a line NAME CODE for each: the exit codes of `lmopt import`
# that are right, with commas (3 malformed, 4 unsupported, 5 not readable, 0 harmless).
import os
import sys

folder = sys.argv[1]
N = 10000

FORWARD = (
    "func.func @forward(%ids: tensor<?x?xi32>, %c: !lm.cache) -> (tensor<?x?x4xf32>, !lm.cache) {\n"
    "  %x = lm.embedding %ids, @t : (tensor<?x?xi32>) -> tensor<?x?x4xf32>\n"
    "  BODY\n"
    "  return %x, %c : tensor<?x?x4xf32>, !lm.cache\n}\n"
)


def write(name, codes, text):
    with open(os.path.join(folder, name + ".mlir"), "w") as file:
        file.write(text)
    print(name, codes)


def model(attributes="", value="dense<0.5>", type="tensor<8x4xf32>", before="", body="", head=""):
    """A module that is a model, with something put in."""
    return (
        f"{before}\nmodule attributes {{lm.config = {{vocabulary = 4 : i64, max_positions = 16 : i64}}{attributes}}} {{\n{head}\n"
        f"lm.param @t : {type} = {value}\n" + FORWARD.replace("BODY", body) + "}\n"
    )


def nested(opening, inside, closing, count=N):
    return opening * count + inside + closing * count


# Brackets of every kind, in every place.
write("modules", 3, nested("module {", "", "}", 5000))
write("modules-generic", 3, nested('"builtin.module"() ({', "", "}) : () -> ()", 5000))
write("functions", 3, nested('"func.func"() <{function_type = () -> (), sym_name = "f"}> ({', "", "}) : () -> ()", 5000))
write("open-only", 3, "[" * N)
write("arrays", 3, model(", lm.a = " + nested("[", "", "]")))
write("dictionaries", 3, model(", lm.a = " + nested("{a = ", "1", "}")))
write("tuples", 3, model(", lm.a = " + nested("tuple<", "i32", ">")))
write("function-types", 3, model(", lm.a = " + nested("(", "i32", ") -> i32")))
write("vectors", 3, model(", lm.a = " + nested("vector<4x", "i32", ">")))
write("complex", 3, model(", lm.a = " + nested("complex<", "f32", ">")))
write("memrefs", 3, model(", lm.a = " + nested("memref<4x", "i32", ">")))
write("encodings", 3, model(", lm.a = " + nested("tensor<4xf32, ", "1", ">")))
write("dense", 3, model(value="dense<" + nested("[", "1.0", "]") + ">"))
write("dense-as-type", 3, model(", lm.a = dense<" + nested("[", "1", "]") + "> : tensor<1xi32>"))
write("distinct", 3, model(", lm.a = " + nested("distinct[0]<", "1", ">")))
write("derivations", 3, model(value=nested("#lm.scale<", "dense<0.5> : tensor<8x4xf32>", ", 2.0>")))
write("rotations", 3, model(value=nested("#lm.rotate_columns<", "dense<0.5> : tensor<8x4xf32>", ", block = 4>")))
write("locations-call", 3, model(body="lm.add %x, %x : tensor<?x?x4xf32> loc(" + nested('callsite("a" at ', '"b"', ")") + ")"))
write("locations-fused", 3, model(body="%y = lm.add %x, %x : tensor<?x?x4xf32> loc(" + nested("fused[", '"b"', "]") + ")"))
write("locations-named", 3, model(body="%y = lm.add %x, %x : tensor<?x?x4xf32> loc(" + nested('"a"(', '"b"', ")") + ")"))
write("opaque", 3, model(", lm.a = #other" + nested("<", "", ">")))
write("operands", 3, model(body="%y = lm.add " + nested("(", "%x", ")") + ", %x : tensor<?x?x4xf32>"))

# Depth without brackets.
write("affine-minus", 3, model(", lm.a = affine_map<(d0) -> (" + "-" * N + "d0)>"))
write("affine-sum", 3, model(", lm.a = affine_map<(d0) -> (" + "d0 + " * N + "d0)>"))
write("affine-product", 3, model(", lm.a = affine_map<(d0) -> (" + "2 * " * N + "d0)>"))
write("affine-brackets", 3, model(", lm.a = affine_map<(d0) -> (" + nested("(", "d0", ")") + ")>"))
write("integer-set", 3, model(", lm.a = affine_set<(d0) : (" + "d0 >= 0, " * N + nested("(", "d0", ")") + " >= 0)>"))


def chain(first, link, count=N):
    lines = [first]
    for i in range(1, count):
        lines.append(link.replace("NEXT", str(i)).replace("LAST", str(i - 1)))
    return "\n".join(lines)


write("alias-arrays", 3, model(", lm.a = #a9999", before=chain("#a0 = []", "#aNEXT = [#aLAST]")))
write("alias-types", 3, model(", lm.a = !t9999", before=chain("!t0 = i32", "!tNEXT = tuple<!tLAST>")))
write("alias-functions", 3, model(", lm.a = !t9999", before=chain("!t0 = () -> i32", "!tNEXT = () -> !tLAST")))
write("alias-locations", 3, model(before=chain('#l0 = loc("a")', '#lNEXT = loc("a"(#lLAST))')))
write("alias-calls", 3, model(before=chain('#l0 = loc("a")', '#lNEXT = loc(callsite("a" at #lLAST))')))
write("alias-weights", 3, model(value="#w9999", before=chain("#w0 = dense<0.5> : tensor<8x4xf32>", "#wNEXT = #lm.scale<#wLAST, 2.0>")))
write("alias-doubling", 3, model(", lm.a = #a59", before=chain("#a0 = []", "#aNEXT = [#aLAST, #aLAST]", 60)))
write("alias-doubling-types", 3, model(", lm.a = !t59", before=chain("!t0 = i32", "!tNEXT = tuple<!tLAST, !tLAST>", 60)))
write("alias-doubling-config", 3, model(before=chain("#a0 = []", "#aNEXT = [#aLAST, #aLAST]", 60)).replace("vocabulary =", "deep = #a59, vocabulary =", 1))
write("alias-doubling-weights", 3, model(value="#w59", before=chain("#w0 = dense<0.5> : tensor<8x4xf32>", "#wNEXT = #lm.sum<#wLAST, #wLAST>", 60)))
write("weights-64-deep", 0, model(value="#w62", before=chain("#w0 = dense<0.5> : tensor<8x4xf32>", "#wNEXT = #lm.scale<#wLAST, 2.0>", 63)))
write("sums-64-deep", 0, model(value="#w62", before=chain('#w0 = #lm.gguf<"f", "k", q8_0>', '#wNEXT = #lm.sum<#lm.gguf<"f", "k", f32>, #wLAST>', 63)))
write("weights-65-deep", 3, model(value="#w64", before=chain("#w0 = dense<0.5> : tensor<8x4xf32>", "#wNEXT = #lm.scale<#wLAST, 2.0>", 65)))

# Memory and time.
write("wide-integer", 3, model(", lm.a = 1 : i16777215"))
write("wide-integers", 3, model(", lm.a = dense<[" + "1, " * N + "1]> : tensor<10001xi16777215>"))
write("digits", 3, model(", lm.a = " + "9" * 3000000 + " : i64"))
write("digits-float", 3, model(", lm.a = 0." + "9" * 3000000 + " : f64"))
write("exponent", "0,3", model(", lm.a = 1e999999999999 : f64"))
write("huge-splat", 3, model(type="tensor<1000000000000xf32>"))
write("huge-matrix", 0, model(type="tensor<1000000000x4xf32>"))
write("overflowing-splat", 3, model(type="tensor<4294967296x4294967296xf32>"))
write("overflowing-list", 3, model(value="dense<[1.0]>", type="tensor<4294967296x4294967296xf32>"))
write("overflowing-hex", 3, model(value='dense<"0x00000000">', type="tensor<4294967296x4294967296x4294967296xf32>"))
write("zero-sized", 3, model(value="dense<>", type="tensor<0x4xf32>"))
write("constant", 0, model(body="%k = arith.constant dense<0.5> : tensor<1x4294967296x4xf32>"))
write("sparse", "0,3", model(", lm.a = sparse<[[0, 0], [1000000, 5]], [1, 2]> : tensor<1000001x1000001xi32>"))
write("sparse-outside", "0,3", model(", lm.a = sparse<[[9, 9]], [1]> : tensor<2x2xi32>"))
write("long-chain", 0, model(body="%x0 = lm.add %x, %x : tensor<?x?x4xf32>\n" + "\n".join(
    f"  %x{i} = lm.add %x{i - 1}, %x{i - 1} : tensor<?x?x4xf32>" for i in range(1, 20000))))
write("many-results", "0,3", model(head="func.func private @g() -> (" + ", ".join(["i32"] * 20000) + ")"))
write("many-blocks", 3, model(body="cf.br ^b0" + "".join(f"\n  ^b{i}:\n  cf.br ^b{i + 1}" for i in range(3))))
write("long-string", "0,3", model(', lm.a = "' + "x" * 3000000 + '"'))
write("long-name", "0,3", model(head=f"lm.param @{'n' * 1000000} : tensor<1xf32> = dense<0.5>"))

# Files that are none.
for name, path in (("zero", "/dev/zero"), ("null", "/dev/null"), ("folder", "/"), ("pipe", os.path.join(folder, "pipe")), ("absent", "/nowhere/x")):
    for kind, key in (("gguf", "q8_0"), ("safetensors", "f32")):
        write(f"file-{name}-{kind}", 0, model(value=f'#lm.{kind}<"{path}", "t", {key}>'))
write("side-file", "3,5", model(', lm.tokenizer = "pipe"'))
write("side-file-up", 3, model(', lm.tokenizer = "../zero"'))

# Other parts of MLIR.
write("resources", 3, model(before="") + '{-# dialect_resources: { builtin: { blob: "0x10000000FF" } } #-}\n')
write("resource-alignment", 3, model(value="dense_resource<blob>") + '{-# dialect_resources: { builtin: { blob: "0x03000000FF" } } #-}\n')
write("resource-absent", 3, model(value="dense_resource<blob>"))
write("unregistered", 3, model(body='"other.op"() : () -> ()'))
write("unregistered-attribute", 3, model(", lm.a = #other.x<1>"))
write("empty", 3, "")
write("comment", 3, "// nothing\n")
write("no-function", 3, "module {}\n")
write("no-body", 3, "func.func private @forward()\n")
write("another-function", 3, "func.func @f() { return }\n")
write("two-models", 3, model().rstrip()[:-1] + FORWARD.replace("@forward", "@encode").replace("BODY", "") + "}\n")
write("nested-model", 3, "module { " + model() + " }")
write("good", 0, model())
