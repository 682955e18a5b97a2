# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Heads by a tree, by clusters and by a preview as a user meets them: a model that scores known words by a tree has the
# same perplexity as by all of its logits, in each format; `eval` and `run` work with all of them. What is computed is tested in
# test/unit/codegen and test/unit/models.
. "$(dirname "$0")/harness.sh"
model=$SOURCE/test/models/llama-tied
text=$scratch/text.txt
for i in $(seq 40); do echo "Line $i: the compiler reads a model and writes a library."; done >"$text"
expect 0 "$LMOPT" calibrate --quiet "$model" --text "$text" -o "$scratch/stats" --ctx 64 --head-rows 200

# built NAME OPTIONS PASSES: a model with such a head.
built() {
  expect 0 "$LMOPT" compile --quiet "$model" --passes "lm-factorize-softmax{stats=$scratch/stats limit=100 $2},$3" -o "$scratch/$1.so"
}
# perplexity MODEL [OPTIONS]
perplexity() {
  expect 0 "$LMOPT" eval --quiet "$scratch/$1.so" --text "$text" --ctx 64 --format json "${@:2}"
  python3 -c 'import json, sys; print(json.loads(sys.argv[1])["ppl"])' "$out"
}
same() {
  python3 -c 'import sys; a, b = map(float, sys.argv[1:]); sys.exit(not abs(a / b - 1) < 1e-4)' "$1" "$2" || fail "$1 is not $2"
}

expect 0 "$LMOPT" compile --quiet "$model" --recipe f32 -o "$scratch/f32.so"
# Against itself as reference all logits are computed, alone the words that came: a sum of some ten logarithms and the
# logarithm of a sum that is 1 up to 2^-20.
for recipe in f32 int8; do
  built "tree-$recipe" method=tree "lm-recipe-$recipe,lm-factorize-softmax{method=scores}"
  same "$(perplexity "tree-$recipe")" "$(perplexity "tree-$recipe" --reference "$scratch/tree-$recipe.so")"
done
expect 0 "$LMOPT" inspect "$scratch/tree-f32.so"

# The others differ from the model a little, and generate.
built adaptive cuts=40\ method=adaptive lm-recipe-f32,lm-factorize-softmax
built preview "method=preview rank=8 rescored=30" lm-recipe-f32
for kind in adaptive preview tree-f32; do
  expect 0 "$LMOPT" eval --quiet "$scratch/$kind.so" --text "$text" --ctx 64 --format json --reference "$scratch/f32.so"
  json '0 < r["kl"] < 1 and r["tokens"] > 100'
  expect 0 "$LMOPT" run --quiet "$scratch/$kind.so" -p "Line 1:" -n 4
done
finish
