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

# Where the time goes: every step of the model in both phases, with the bytes of its weights, whatever a card takes.
expect 0 "$LMOPT" inspect "$gpu" --format json
printf '%s' "$out" >"$scratch/inspect.json"
expect 0 "$LMOPT" bench "$gpu" --device cuda --prompt 40 -r 1 --profile --format json
json '{row["phase"] for row in r["profile"]["rows"]} == {"pp40", "tg64_at40"}'
json 'all(row["ms"] > 0 for row in r["profile"]["rows"]) and r["profile"]["bounds"]["memory_gb_per_s"] == r["bounds"]["memory_gb_per_s"]'
json "(lambda steps: all(
  sum(row.get('bytes', 0) for row in r['profile']['rows'] if row['phase'] == phase and row['part'] == 'head') ==
  sum(s['weight_bytes'] for s in steps if s['name'] == 'head') > 0 and
  sum(row['calls'] for row in r['profile']['rows'] if row['phase'] == phase) == sum(len(s[launches]) > 0 for s in steps)
  for phase, launches in (('pp40', 'launches'), ('tg64_at40', 'decode_launches'))))(
  __import__('json').load(open('$scratch/inspect.json'))['manifest']['steps'])"
json 'not any("_sm_" in row["kernel"] for row in r["profile"]["rows"])'
expect 0 "$LMOPT" bench "$gpu" --device cuda --prompt 8 -r 1 --profile
says '^tg64_at8 +calls +ms +share'
says '^results +0 .*copy from the GPU$'

# Forecasts rest on what is assumed, or on what a card was measured to do.
expect 0 "$LMOPT" inspect "$gpu" --format json
json '[row["name"] for row in r["forecast"]] == ["H100", "H200"] and all(row["basis"] == "assumed, not measured" for row in r["forecast"])'
cat >"$scratch/constants.json" <<'EOF'
{"hardware": true, "date": "2027-01-02 03:04 UTC", "card": {"name": "Some card", "driver": "600.1", "cuda": "13.1"},
 "constants": {"memory_gb_per_s": 1000, "graph_node_us": 3.5}}
EOF
expect 0 "$LMOPT" inspect "$gpu" --format json --constants "$scratch/constants.json"
json 'len(r["forecast"]) == 1 and r["forecast"][0]["basis"] == "measured: driver 600.1, CUDA 13.1, 2027-01-02 03:04 UTC"'
json '(lambda row: row["name"] == "Some card" and abs(1e6 / row["tokens_per_second"] - 3.5 * row["launches"]) < 5)(r["forecast"][0])'
sed -i 's/"hardware": true/"hardware": false/' "$scratch/constants.json"
expect 0 "$LMOPT" inspect "$gpu" --constants "$scratch/constants.json"
says 'means nothing, measured on no card'
refuse 5 'cannot' "$LMOPT" inspect "$gpu" --constants "$scratch/none.json"
for text in 'no JSON' '[]' '{}' '{"card": {}, "constants": {"memory_gb_per_s": 1}}' '{"card": 1, "constants": {"memory_gb_per_s": 1, "graph_node_us": "2"}}'; do
  printf '%s' "$text" >"$scratch/constants.json"
  refuse 3 'holds no constants of a card' "$LMOPT" inspect "$gpu" --constants "$scratch/constants.json"
done
refuse 2 'need a compiled model' "$LMOPT" inspect "$model" --constants "$scratch/constants.json"

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
