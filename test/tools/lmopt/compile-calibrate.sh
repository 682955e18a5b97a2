# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# `lmopt compile --calibrate`: the passes get statistics as they need them, and the artifact is the one that statistics
# made by hand give.
. "$(dirname "$0")/harness.sh"
model=$SOURCE/test/models/llama-tied
text=$scratch/text.txt
for i in $(seq 40); do echo "Line $i: the compiler reads a model and writes a library."; done >"$text"
prune='lm-prune-ffn{ratio=0.5 multiple=4}'

# One measurement; the same artifact as with `lmopt calibrate` and stats=, but for the recipe that it tells.
expect 0 "$LMOPT" compile "$model" --passes "$prune,lm-normalize-rope" --calibrate "$text" -o "$scratch/one.so"
[ "$(ls "$scratch")" = "$(printf 'one.so\ntext.txt')" ] || fail "more is left than the artifact: $(ls "$scratch")"
expect 0 "$LMOPT" calibrate "$model" --text "$text" -o "$scratch/st"
expect 0 "$LMOPT" compile "$model" --passes "lm-prune-ffn{ratio=0.5 multiple=4 stats=$scratch/st},lm-normalize-rope" -o "$scratch/two.so"
expect 0 "$LMOPT" eval "$scratch/one.so" --text "$text" --ctx 64 --reference "$scratch/two.so" --format json
case $out in *'"kl":0.0,'*'"top1":1.0'*) ;; *) fail "measured by hand it is another model: $out" ;; esac

# What a pass changed is measured anew, what none changed is not.
again="$prune,lm-fold-norm-affine,$prune"
expect 0 "$LMOPT" compile "$model" --passes "$again" --calibrate "$text" -o "$scratch/twice" --stop-after optimize
[ -e "$scratch/twice.stats" ] && [ -e "$scratch/twice.2.stats" ] || fail "two measurements make two files"
cmp -s "$scratch/twice.stats" "$scratch/twice.2.stats" && fail "the second measurement is of the model as it was before"
expect 0 "$LMOPT" compile "$scratch/twice" --passes '' -o "$scratch/twice.so"
expect 0 "$LMOPT" compile "$model" --passes "lm-prune-ffn{layers=layers.0.*},lm-rotate{layers=layers.1.attn.o},lm-prune-ffn{layers=layers.0.*}" \
  --calibrate "$text" -o "$scratch/x.so" --dump-stages "$scratch/stages" --verbose

# A recipe of one's own. Interrupted, the next run finds what was measured.
echo '{"name": "narrow", "passes": [{"pass": "lm-prune-ffn", "options": {"ratio": 0.5}}, {"pass": "lm-normalize-rope"}]}' >"$scratch/r.json"
cp "$scratch/st" "$scratch/three.so.stats"
expect 0 "$LMOPT" compile "$model" --recipe "$scratch/r.json" --calibrate "$text" -o "$scratch/three.so"
case $err in *"three.so.stats' holds these statistics already"*) ;; *) fail "measured again: $err" ;; esac
[ ! -e "$scratch/three.so.stats" ] || fail "statistics stay behind"

# Recipes that round weights fit them, then.
expect 0 "$LMOPT" compile "$model" --recipe int8 --calibrate "$text" -o "$scratch/fitted" --stop-after optimize
grep -q 'fit = <' "$scratch/fitted/model.mlir" || fail "int8 was not fitted"

# An encoder.
expect 0 "$LMOPT" compile "$SOURCE/test/models/bert-mean" --passes "$prune" --calibrate "$text" -o "$scratch/e.so"

# Mistakes.
bad=$scratch/bad.so
refuse 2 "no pass of this recipe wants statistics" "$LMOPT" compile "$model" --recipe bf16 --calibrate "$text" -o "$bad"
refuse 2 "no pass of this recipe wants statistics" "$LMOPT" compile "$model" --passes "lm-prune-ffn{stats=$scratch/st}" --calibrate "$text" -o "$bad"
refuse 5 "missing.txt" "$LMOPT" compile "$model" --passes "$prune" --calibrate "$scratch/missing.txt" -o "$bad"
refuse 2 "'ratio' must be between 0 and 1" "$LMOPT" compile "$model" --passes 'lm-prune-ffn{ratio=1.5}' --calibrate "$text" -o "$bad"
refuse 2 "'stats' is missing" "$LMOPT" compile "$model" --passes "$prune" -o "$bad"
refuse 2 "without quotes" "$LMOPT" compile "$model" --passes "$prune" --calibrate "$text" -o "$scratch/it's.so"
refuse 2 "is a source" "$LMOPT" compile "$model" --passes "$prune" --calibrate "$text" -o "$text"
echo mine >"$bad.stats"
refuse 2 "bad.so.stats' is in the way" "$LMOPT" compile "$model" --passes "$prune" --calibrate "$text" -o "$bad"
[ "$(cat "$bad.stats")" = mine ] || fail "somebody's file is gone"
cp "$text" "$bad.stats"
refuse 2 "is a source" "$LMOPT" compile "$model" --passes "$prune" --calibrate "$bad.stats" -o "$bad"
[ ! -e "$bad" ] || fail "a compilation that failed left its output"
finish
