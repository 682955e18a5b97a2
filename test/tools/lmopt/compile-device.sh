# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# compile --target nvptx: what is made for which architecture, what ptxas adds, what is refused. The fake driver
# ($LMOPT_LIBCUDA) takes no cubins, so that a model that has them shows that the text serves as well.
. "$(dirname "$0")/harness.sh"
model=$SOURCE/test/models/llama-gqa-9-3
gpu=$scratch/gpu.so

expect 0 "$LMOPT" compile "$model" -o "$gpu" --target nvptx --ptxas none
expect 0 "$LMOPT" inspect "$gpu" --format json
json 'r["device"] == "cuda" and [i["name"] for i in r["images"]] == ["sm_80", "sm_90a"]'
json 'all(i["cubin_bytes"] == 0 and i["ptx_bytes"] > 0 for i in r["images"])'
json 'all(i["persistent"]["name"].startswith("walk") and i["persistent"]["kernels"] > 5 for i in r["images"])'
json 'r["images"][0]["persistent"]["barriers"] == r["manifest"]["launches_decode"] - 1'
json 'r["manifest"]["target"] == {"cubin": [], "device": "cuda", "ptx": ["sm_80", "sm_90a"]}'
json 'r["forecast"][0]["launches"] == r["manifest"]["launches_decode"] > 0 and r["forecast"][0]["tokens_per_second"] > 0'
# A token takes five launches a layer and two (ptx.md 4.4).
json 'r["manifest"]["launches_decode"] <= 5 * sum(s["name"].endswith(".attn.q") for s in r["manifest"]["steps"]) + 2'
expect 0 "$LMOPT" run -q "$gpu" -p 'the cat' -n 4 --device cuda
text=$out
export LMOPT_CUDA_PERSISTENT=1
expect 0 "$LMOPT" run -q "$gpu" -p 'the cat' -n 4 --device cuda
[ "$out" = "$text" ] || fail "in one launch a step it says '$out', expected '$text'"
unset LMOPT_CUDA_PERSISTENT

# The same again, byte for byte; one architecture alone.
expect 0 "$LMOPT" compile "$model" -o "$scratch/again.so" --target nvptx --ptxas none
cmp "$gpu" "$scratch/again.so" || fail "two compilations differ"
expect 0 "$LMOPT" compile "$model" -o "$gpu" --target nvptx:sm_80 --ptxas none --dump-stages "$scratch/stages"
expect 0 "$LMOPT" inspect "$gpu" --format json
json '[i["name"] for i in r["images"]] == ["sm_80"]'
for stage in plan.mlir schedule.mlir lower.mlir sm_80.ptx; do
  [ -s "$scratch/stages/$stage" ] || fail "no $stage among the stages"
done
grep -q '^\.target sm_80' "$scratch/stages/sm_80.ptx" || fail "sm_80.ptx is for another target"
expect 0 "$LMOPT" compile "$model" -o "$scratch/plan.mlir" --target nvptx --stop-after plan
grep -q 'ptx.fragments' "$scratch/plan.mlir" || fail "the plan has no layout of GPUs"

# With ptxas, or with what says it is.
if command -v ptxas >/dev/null || [ -x /usr/local/cuda/bin/ptxas ]; then
  ptxas=$(command -v ptxas || echo /usr/local/cuda/bin/ptxas)
  expect 0 "$LMOPT" compile "$model" -o "$gpu" --target nvptx --ptxas "$ptxas"
  expect 0 "$LMOPT" inspect "$gpu" --format json
  json 'all(i["cubin_bytes"] > 0 for i in r["images"])'
  expect 0 "$LMOPT" run -q "$gpu" -p 'the cat' -n 4 --device cuda
  [ "$out" = "$text" ] || fail "with cubins it says '$out', expected '$text'"
else
  echo "skipped: ptxas is not here"
fi
printf '#!/bin/sh\necho no such thing >&2\nexit 1\n' >"$scratch/broken"
chmod +x "$scratch/broken"
refuse 1 "failed for sm_80: no such thing" "$LMOPT" compile "$model" -o "$scratch/none.so" --target nvptx --ptxas "$scratch/broken"
refuse 5 'cannot find' "$LMOPT" compile "$model" -o "$scratch/none.so" --target nvptx --ptxas "$scratch/missing"
[ ! -e "$scratch/none.so" ] || fail "a failed compilation left a file"

refuse 2 "sm_10" "$LMOPT" compile "$model" -o "$scratch/none.so" --target nvptx:sm_10
refuse 2 'expected' "$LMOPT" compile "$model" -o "$scratch/none.so" --target gpu
refuse 2 'are for CPUs' "$LMOPT" compile "$model" -o "$scratch/none.so" --target nvptx --target-cpu znver4
refuse 2 'give --target nvptx, too' "$LMOPT" compile "$model" -o "$scratch/none.so" --ptxas none
