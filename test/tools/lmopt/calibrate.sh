# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# `lmopt calibrate` as a user meets it: what it writes, that it can be repeated, what it refuses. What the numbers are is
# tested in test/unit/models/CalibrationTest.cpp.
. "$(dirname "$0")/harness.sh"
fixtures=$SOURCE/test/models
text=$scratch/text.txt
for i in $(seq 40); do echo "Line $i: the compiler reads a model and writes a library."; done >"$text"

# header EXPRESSION: true for the header `h` of the file that was written, and its metadata `m`.
header() {
  python3 -c '
import json, struct, sys
file = open(sys.argv[1], "rb")
h = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
m = h.pop("__metadata__")
sys.exit(not eval(sys.argv[2]))' "$1" "$2" || fail "$1 should hold $2"
}

# A decoder: the text in pieces; sums of every input of a linear, once, and some rows of the head and of blocks.
expect 0 "$LMOPT" calibrate "$fixtures/llama-tied" --text "$text" -o "$scratch/d" --ctx 64 --head-rows 10 --block-rows 7
[ -z "$out" ] || fail "calibrate wrote to stdout: $out"
header "$scratch/d" 'm["format"] == "lmopt statistics 1" and int(m["sequences"]) == -(-int(m["tokens"]) // 64)'
header "$scratch/d" 'set(json.loads(m["values"])) == {n.rsplit(".", 1)[0] for n in h} and "layers.0.ffn.down" in m["values"]'
header "$scratch/d" '"layers.0.attn.k" not in m["values"] and h["head.rows"]["shape"][0] == h["head.lse"]["shape"][0] <= 10'
header "$scratch/d" 'all(0 < h["layers.%d.ffn.gate.rows" % i]["shape"][0] <= 7 for i in range(2)) and int(m["block_stride"]) > 0'
header "$scratch/d" 'all(h[n + ".products"]["shape"] == [w * (w + 1) // 2] for n in json.loads(m["values"]) for w in h[n + ".sums"]["shape"])'
expect 0 "$LMOPT" calibrate --quiet "$fixtures/llama-tied" --text "$text" -o "$scratch/again" --ctx 64 --head-rows 10 --block-rows 7 --memory 1 -t 3
[ -z "$err" ] || fail "--quiet is not quiet: $err"
cmp -s "$scratch/d" "$scratch/again" || fail "calibrating twice gives different bytes"
[ -z "$(ls -d "$scratch"/*.partial 2>/dev/null)" ] || fail "unfinished work is left behind"
from "$text" expect 0 "$LMOPT" calibrate "$fixtures/llama-tied" --text - -o "$scratch/stdin" --ctx 64 --head-rows 10 --block-rows 7
cmp -s "$scratch/d" "$scratch/stdin" || fail "standard input gives other statistics"

# Fewer tokens: whole sequences, spread over the text. No rows when none are wanted; chosen layers only.
expect 0 "$LMOPT" calibrate "$fixtures/llama-tied" --text "$text" -o "$scratch/few" --ctx 64 --tokens 640 --head-rows 0 --block-rows 0 \
  --layers 'layers.0.*' --layers 'head' --skip '*.attn.*'
header "$scratch/few" '500 <= int(m["tokens"]) <= 640 and not any(n.endswith(("rows", "lse")) for n in h)'
header "$scratch/few" 'sorted(json.loads(m["values"])) == ["head", "layers.0.ffn.down", "layers.0.ffn.gate"]'

# An encoder: a text a line. After passes, the values are those that the passes leave.
expect 0 "$LMOPT" calibrate "$fixtures/bert-mean" --text "$text" -o "$scratch/e"
header "$scratch/e" 'int(m["sequences"]) == 40 and not any(n.endswith("lse") for n in h)'
expect 0 "$LMOPT" calibrate "$fixtures/llama-tied" --text "$text" -o "$scratch/folded" --ctx 64 --head-rows 10 --passes lm-fold-norm-affine
cmp -s "$scratch/d" "$scratch/folded" && fail "statistics do not see what a pass did"
expect 0 "$LMOPT" import "$fixtures/bert-mean" -o "$scratch/imported"
expect 0 "$LMOPT" calibrate "$scratch/imported" --text "$text" -o "$scratch/from-mlir"
cmp -s "$scratch/e" "$scratch/from-mlir" || fail "an imported module has other statistics"
expect 0 "$LMOPT" calibrate "$fixtures/heads/bert-masked" --no-head --text "$text" -o "$scratch/h"

# Mistakes, and what is left of the output then: nothing.
bad=$scratch/bad
refuse 2 '-o.*required' "$LMOPT" calibrate "$fixtures/llama-tied" --text "$text"
refuse 2 '--text.*required' "$LMOPT" calibrate "$fixtures/llama-tied" -o "$bad"
refuse 2 'cannot go to standard output' "$LMOPT" calibrate "$fixtures/llama-tied" --text "$text" -o -
refuse 2 "is a source" "$LMOPT" calibrate "$fixtures/llama-tied" --text "$text" -o "$fixtures/llama-tied/model.safetensors"
refuse 2 'text.txt' "$LMOPT" calibrate "$fixtures/llama-tied" --text "$text" -o "$text"
refuse 2 '--ctx 999 is longer than the model can take: [0-9]+ positions' "$LMOPT" calibrate "$fixtures/llama-tied" --text "$text" -o "$bad" --ctx 999
refuse 2 "pattern 'layer.0' matches none" "$LMOPT" calibrate "$fixtures/llama-tied" --text "$text" -o "$bad" --layers layer.0
refuse 2 '--passes: .*lm-nothing' "$LMOPT" calibrate "$fixtures/llama-tied" --text "$text" -o "$bad" --passes lm-nothing
refuse 4 'cannot be observed: it works on a cache' "$LMOPT" calibrate "$fixtures/llama-tied" --text "$text" -o "$bad" --passes lm-expand-attention
: >"$scratch/empty"
refuse 2 'holds no text' "$LMOPT" calibrate "$fixtures/llama-tied" --text "$scratch/empty" -o "$bad"
refuse 5 'missing.txt' "$LMOPT" calibrate "$fixtures/llama-tied" --text "$scratch/missing.txt" -o "$bad"
refuse 5 'nowhere' "$LMOPT" calibrate "$fixtures/llama-tied" --text "$text" -o "$scratch/nowhere/s"
refuse 5 'missing-model' "$LMOPT" calibrate "$scratch/missing-model" --text "$text" -o "$bad"
mkdir "$bad.partial" && : >"$bad.partial/thesis.tex"
refuse 2 'thesis.tex' "$LMOPT" calibrate "$fixtures/llama-tied" --text "$text" -o "$bad"
[ ! -e "$bad" ] || fail "a calibration that failed left its output"
[ -e "$bad.partial/thesis.tex" ] || fail "somebody's file is gone"
finish
