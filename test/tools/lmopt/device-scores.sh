# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Heads that rank words, on GPUs, over the fake driver ($LMOPT_LIBCUDA): by a tree, whose model scores known words; a
# certified head says what one without says. scores.sh has CPUs, test/e2e/device_heads.py the other heads.
. "$(dirname "$0")/harness.sh"
model=$SOURCE/test/models/llama-tied
text=$scratch/text.txt
for i in $(seq 12); do echo "Line $i: the compiler reads a model and writes a library."; done >"$text"
expect 0 "$LMOPT" calibrate --quiet "$model" --text "$text" -o "$scratch/stats" --ctx 64 --head-rows 100
gpu="--target nvptx:sm_80 --ptxas none"

# built NAME PASSES [OPTIONS]: a model of these.
built() {
  expect 0 "$LMOPT" compile --quiet "$model" --passes "$2" -o "$scratch/$1.so" "${@:3}"
}
# perplexity MODEL [OPTIONS]
perplexity() {
  expect 0 "$LMOPT" eval --quiet "$scratch/$1.so" --text "$text" --ctx 64 --format json "${@:2}"
  python3 -c 'import json, sys; print(json.loads(sys.argv[1])["ppl"])' "$out"
}
# near A B SHARE
near() {
  python3 -c 'import sys; a, b, share = map(float, sys.argv[1:]); sys.exit(not abs(a / b - 1) < share)' "$@" || fail "$1 is not $2"
}

# Of f32 only sums in another order are apart; codes flip here and there.
for pair in f32:1e-4 int8:2e-2; do
  recipe=${pair%:*}
  passes="lm-factorize-softmax{method=tree stats=$scratch/stats limit=100},lm-recipe-$recipe,lm-factorize-softmax{method=scores}"
  built cpu "$passes"
  # shellcheck disable=SC2086
  built gpu "$passes" $gpu
  alone=$(perplexity gpu --device cuda)
  near "$alone" "$(perplexity gpu --device cuda --reference "$scratch/gpu.so" --reference-device cuda)" 1e-4
  near "$alone" "$(perplexity cpu)" "${pair#*:}"
done
expect 0 "$LMOPT" inspect "$scratch/gpu.so"

# shellcheck disable=SC2086
built plain "lm-recipe-f32" $gpu
# shellcheck disable=SC2086
built certified "lm-recipe-f32,lm-factorize-softmax{count=20}" $gpu
expect 0 "$LMOPT" run -q "$scratch/plain.so" -p "Line 1:" -n 20 --device cuda
expected=$out
expect 0 "$LMOPT" run -q "$scratch/certified.so" -p "Line 1:" -n 20 --device cuda
[ "$out" = "$expected" ] || fail "a certified head says '$out', expected '$expected'"

finish
