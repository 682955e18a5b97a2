# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# --device: models for GPUs in miniature, over the fake driver ($LMOPT_LIBCUDA), say what those for CPUs say, and nobody
# computes where the user did not say. In: $FAKES, the folder of the fake models.
. "$(dirname "$0")/harness.sh"
gpu=$FAKES/fake_device_generate.so
cpu=$FAKES/fake_generate.so
gpu_encoder=$FAKES/fake_device_embed.so
cpu_encoder=$FAKES/fake_embed.so
printf 'abc de hij abc de %.0s' 1 2 3 4 5 6 7 8 >"$scratch/text"

# same WHAT COMMAND...: the command says that, too.
same() {
  local what=$1
  shift
  expect 0 "$@"
  [ "$out" = "$what" ] || fail "\`$command_line\` says '$out', expected '$what'"
}

expect 0 "$LMOPT" run -q "$cpu" -p 'abc de' -n 20
for device in cuda cuda:0; do
  same "$out" "$LMOPT" run -q "$gpu" -p 'abc de' -n 20 --device "$device"
done
expect 0 "$LMOPT" run -q "$cpu" -p 'abc de' -n 150 --window 40 --sinks 4 --temp 1 -s 3
same "$out" "$LMOPT" run -q "$gpu" -p 'abc de' -n 150 --window 40 --sinks 4 --temp 1 -s 3 --device cuda
expect 0 "$LMOPT" embed "$cpu_encoder" --text 'abc de' --text 'aix' --device cpu
same "$out" "$LMOPT" embed "$gpu_encoder" --text 'abc de' --text 'aix' --device cuda
expect 0 "$LMOPT" eval -q "$cpu" --text "$scratch/text" --ctx 16 --reference "$cpu"
same "$out" "$LMOPT" eval -q "$gpu" --text "$scratch/text" --ctx 16 --device cuda --reference "$cpu"
same "$out" "$LMOPT" eval -q "$gpu" --text "$scratch/text" --ctx 16 --device cuda --reference "$gpu" --reference-device cuda
same "$out" "$LMOPT" eval -q "$cpu" --text "$scratch/text" --ctx 16 --reference "$gpu" --reference-device cuda
expect 0 "$LMOPT" bench "$gpu" --device cuda --prompt 40 --sessions 3 -r 1 --format json
json 'all(r[key] > 0 for key in ("pp40", "tg64_at40", "tg64_at40_sessions3", "open_first_ms", "open_ms"))'
json 'r["device"] == {"name": "PTX interpreter", "is_interpreter": True, "cuda": "13.0", "capability": 90, "multiprocessors": 4, "memory_mb": 8590.0}'
json 'len(r["bounds"]) == 14 and all(value > 0 for value in r["bounds"].values())'
expect 0 "$LMOPT" bench "$gpu" --device cuda --prompt 40 -r 1
says '^device: PTX interpreter, capability 9.0, 4 multiprocessors, CUDA 13.0$'
says 'no time above or below means anything'
says '^  wgmma_s8s8_gflop_per_s +[0-9.]+$'
export FAKE_CUDA_SM=86 # no wgmma
expect 0 "$LMOPT" bench "$gpu" --device cuda --prompt 40 -r 1 --format json
json 'r["device"]["capability"] == 86 and len(r["bounds"]) == 12 and r["bounds"]["u8s8_gflop_per_s"] == r["bounds"]["mma_u8s8_gflop_per_s"]'
unset FAKE_CUDA_SM

# Guesses are for CPUs.
for command in 'run -p a' 'bench --prompt 40'; do
  # shellcheck disable=SC2086
  refuse 4 'computes on a GPU; sessions there do not speculate yet' "$LMOPT" $command "$gpu" --device cuda --lookup
done

# What it is, without any driver.
export LMOPT_LIBCUDA=$scratch/none.so
expect 0 "$LMOPT" inspect "$gpu"
says '^device +cuda$'
says '^  sm_80 +4 +null +[0-9]+ +0$'
says '^  answer +launched +32 +64 +60$'
expect 0 "$LMOPT" inspect "$gpu" --format json
json 'r["device"] == "cuda" and [k["name"] for k in r["kernels"]["sm_80"]] == ["remember", "sum", "answer", "choose"]'
expect 0 "$LMOPT" inspect "$cpu"
says '^device +cpu$'
expect 0 "$LMOPT" tokenize "$gpu" --text 'abc'
refuse 2 'are of a GPU' "$LMOPT" inspect "$cpu" --constants "$scratch/none.json"

# Nobody computes elsewhere, and what the user must say comes before what the machine lacks.
for command in "run -p a" "eval --text $scratch/text --ctx 16" "bench --prompt 40"; do
  # shellcheck disable=SC2086
  refuse 2 'this artifact needs --device cuda' "$LMOPT" $command "$gpu"
  # shellcheck disable=SC2086
  refuse 2 'this artifact needs --device cpu' "$LMOPT" $command "$cpu" --device cuda
  # shellcheck disable=SC2086
  refuse 8 "$scratch/none.so" "$LMOPT" $command "$gpu" --device cuda
done
refuse 2 'this artifact needs --device cuda' "$LMOPT" embed "$gpu_encoder" --text a
refuse 2 'this artifact needs --device cpu' "$LMOPT" embed "$cpu_encoder" --text a --device cuda
refuse 2 'this artifact needs --device cuda' "$LMOPT" eval "$cpu" --text "$scratch/text" --ctx 16 --reference "$gpu"
refuse 2 "no device 'gpu'; expected cpu, cuda or cuda:N" "$LMOPT" run "$gpu" -p a --device gpu
refuse 2 'threads, cpus and spin_us' "$LMOPT" run "$gpu" -p a --device cuda --threads 2
refuse 2 '--instances measures threads' "$LMOPT" bench "$gpu" --prompt 40 --device cuda --instances 2

# What the machine lacks.
export LMOPT_LIBCUDA=$FAKES/fake/libcuda.so.1
refuse 8 'no NVIDIA GPU cuda:7' "$LMOPT" run "$gpu" -p a --device cuda:7
FAKE_CUDA_NO_DEVICE=1 refuse 8 'no NVIDIA GPU' "$LMOPT" run "$gpu" -p a --device cuda
FAKE_CUDA_SM=75 refuse 8 'capability 7.5' "$LMOPT" run "$gpu" -p a --device cuda
FAKE_CUDA_MEMORY=9000 refuse 5 'the weights need 8192 bytes' "$LMOPT" run "$gpu" -p a --device cuda
refuse 3 'its manifest has no list of steps' "$LMOPT" bench "$gpu" --prompt 40 -r 1 --device cuda --profile
FAKE_CUDA_FAIL=cuEventElapsedTime:1:2 refuse 5 'time between two events' "$LMOPT" bench "$gpu" --prompt 40 -r 1 --device cuda
FAKE_CUDA_FAIL=cuStreamSynchronize:3:700 refuse 1 "launched last: step '(prefill|decode)'" "$LMOPT" run "$gpu" -p a --device cuda
finish
