# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# What goes wrong outside the command line: each case has its exit code and leaves nothing half written.
. "$(dirname "$0")/harness.sh"
fixtures=$SOURCE/test/models
decoder=$scratch/decoder.so
expect 0 "$LMOPT" compile --quiet "$fixtures/llama-tied" -o "$decoder"

# files COUNT DIR: the directory holds that many entries, so no temporary file was left behind.
files() { [ "$(ls -A "$2" | wc -l)" -eq "$1" ] || fail "$2 holds: $(ls -A "$2")"; }
mkdir "$scratch/out"

# Missing files and directories.
for command in "compile -o $scratch/out/x.so" "import -o $scratch/out/x"; do
  # shellcheck disable=SC2086
  refuse 5 'nowhere' "$LMOPT" $command "$scratch/nowhere.gguf"
done
for command in run\ -p\ a tokenize\ --text\ a embed\ --text\ a bench inspect eval\ --text\ x; do
  # shellcheck disable=SC2086
  refuse 5 'nowhere' "$LMOPT" $command "$scratch/nowhere.so"
done
refuse 5 'no-such-dir' "$LMOPT" compile "$fixtures/llama-tied" -o "$scratch/no-such-dir/x.so"
files 0 "$scratch/out"

# Malformed and unsupported inputs.
head -c 3000 "$fixtures/gguf-q4_1/model.gguf" >"$scratch/cut.gguf"
refuse 3 'cut.gguf' "$LMOPT" compile "$scratch/cut.gguf" -o "$scratch/out/x.so"
refuse 3 'cut.gguf' "$LMOPT" inspect "$scratch/cut.gguf"
mkdir "$scratch/bad-config" "$scratch/unknown"
echo '{"architectures": ["LlamaForCausalLM"' >"$scratch/bad-config/config.json"
refuse 3 'config.json' "$LMOPT" compile "$scratch/bad-config" -o "$scratch/out/x.so"
echo '{"architectures": ["WhisperModel"], "model_type": "whisper"}' >"$scratch/unknown/config.json"
refuse 4 'Llama' "$LMOPT" compile "$scratch/unknown" -o "$scratch/out/x.so"
echo 'func.func @broken( {' >"$scratch/broken.mlir"
refuse 3 'broken.mlir' "$LMOPT" compile "$scratch/broken.mlir" -o "$scratch/out/x.so"
echo 'plain text' >"$scratch/plain.txt"
expect 3 "$LMOPT" run "$scratch/plain.txt" -p a
head -c 20000 "$decoder" >"$scratch/cut.so"
refuse 3 'cut.so' "$LMOPT" run "$scratch/cut.so" -p a
refuse 3 'cut.so' "$LMOPT" inspect "$scratch/cut.so"
refuse 3 'checkpoint: .lmopt compile .*model.gguf' "$LMOPT" run "$fixtures/gguf-q4_1/model.gguf" -p a
refuse 5 'checkpoint: .lmopt compile .*llama-tied' "$LMOPT" run "$fixtures/llama-tied" -p a
cp /bin/true "$scratch/other.so" # an ELF file, but none of ours
refuse 3 'other.so' "$LMOPT" run "$scratch/other.so" -p a
files 0 "$scratch/out"

# Recipes, passes, CPUs.
refuse 2 'no-such-recipe' "$LMOPT" compile "$fixtures/llama-tied" --recipe no-such-recipe -o "$scratch/out/x.so"
echo '{"name": "mine", "passes": [{"pass": "lm-no-such-pass"}]}' >"$scratch/recipe.json"
refuse 3 'lm-no-such-pass' "$LMOPT" compile "$fixtures/llama-tied" --recipe "$scratch/recipe.json" -o "$scratch/out/x.so"
refuse 2 'lm-no-such-pass' "$LMOPT" compile "$fixtures/llama-tied" --passes lm-no-such-pass -o "$scratch/out/x.so"
cp "$scratch/recipe.json" "$scratch/int8" # a file of that name, an output perhaps, is not the recipe
(cd "$scratch" && "$LMOPT" compile -q "$fixtures/llama-tied" --recipe int8 -o "$scratch/shipped.so") || fail "a file hides a recipe"
rm -f "$scratch/shipped.so"

# An error is one line; the operation behind it and what passes decide are told with -v only, warnings not with -q.
one_line() { [ "$(wc -l <<<"$err")" -eq 1 ] || fail "\`$command_line\` says more than one line: $err"; }
refuse 2 "'lm-no-such' does not refer" "$LMOPT" compile -q "$fixtures/llama-tied" --passes lm-rotate,lm-no-such -o "$scratch/out/x.so"
one_line
refuse 2 'no such option blok' "$LMOPT" compile -q "$fixtures/llama-tied" --passes 'lm-rotate{blok=3}' -o "$scratch/out/x.so"
one_line
refuse 4 'interleaved rope.*the pass lm-normalize-rope' "$LMOPT" compile -q "$fixtures/gguf-q8_0/model.gguf" --passes '' -o "$scratch/out/x.so"
one_line
grep -q 'see current operation' <<<"$err" && fail "the dump is told without -v: $err"
refuse 4 'see current operation: .*lm.cache_append' "$LMOPT" compile -v "$fixtures/gguf-q8_0/model.gguf" --passes '' -o "$scratch/out/x.so"
expect 0 "$LMOPT" import -q "$fixtures/gguf-q8_0/model.gguf" -o "$scratch/mixed"
sed -i 's#gguf-q8_0/model.gguf", "blk.0.attn_q.weight", q8_0#gguf-f16/model.gguf", "blk.0.attn_q.weight", f16#' "$scratch/mixed/model.mlir"
expect 0 "$LMOPT" compile "$scratch/mixed" --recipe native -o "$scratch/mixed.so"
grep -q '^lmopt: warning: .*lm-keep-native: 1 of 9 weights are not in codes' <<<"$err" || fail "no warning for a weight in another format: $err"
expect 0 "$LMOPT" compile -q "$scratch/mixed" --recipe native -o "$scratch/mixed.so"
[ -z "$err" ] || fail "--quiet is not quiet: $err"
refuse 4 'none of the 8 weights of the selected linears, tables and experts is a tensor in codes' "$LMOPT" compile "$fixtures/gguf-f16/model.gguf" --recipe native -o "$scratch/out/x.so"
refuse 2 'pentium-9' "$LMOPT" compile "$fixtures/llama-tied" --target-cpu pentium-9 -o "$scratch/out/x.so"
refuse 2 "cannot be spelled for 'znver5', which is no lesser CPU: it also has avx512f" "$LMOPT" compile "$fixtures/llama-tied" --target-cpu x86-64-v3 --spell-for znver5 -o "$scratch/out/x.so"
refuse 2 "'x86-64-v2', which lacks fma, f16c; .*such as x86-64-v3" "$LMOPT" compile "$fixtures/llama-tied" --target-cpu znver5 --spell-for x86-64-v2 -o "$scratch/out/x.so"
refuse 2 'one shape' "$LMOPT" compile "$fixtures/llama-tied" --target-cpu x86-64,znver5 --spell-for x86-64 -o "$scratch/out/x.so"
files 0 "$scratch/out"

# Permissions mean nothing to root, so root becomes nobody, who may not see this repository: all that is needed goes along.
as_user=()
[ "$(id -u)" -ne 0 ] || as_user=(setpriv --reuid=65534 --regid=65534 --clear-groups)
mkdir "$scratch/own" "$scratch/read-only"
cp "$LMOPT" "$LMOPT-compiler" "$scratch/own"
cp -r "$fixtures/llama-tied" "$scratch/own/model"
cp "$decoder" "$scratch/secret.so"
chmod -R a+rX "$scratch"
chmod 000 "$scratch/secret.so"
chmod 555 "$scratch/read-only"
expect 0 "${as_user[@]}" "$scratch/own/lmopt" inspect "$scratch/own/model"
refuse 5 'secret.so.*[Pp]ermission' "${as_user[@]}" "$scratch/own/lmopt" run "$scratch/secret.so" -p a
refuse 5 'read-only' "${as_user[@]}" "$scratch/own/lmopt" compile "$scratch/own/model" -o "$scratch/read-only/x.so"
refuse 5 'read-only' "${as_user[@]}" "$scratch/own/lmopt" import "$scratch/own/model" -o "$scratch/read-only/x"
files 0 "$scratch/read-only"

# A full disk under the artifact, where a tiny file system can be mounted.
mkdir "$scratch/tiny"
if mount -t tmpfs -o size=64k tmpfs "$scratch/tiny" 2>/dev/null; then
  refuse 5 'tiny' "$LMOPT" compile "$fixtures/llama-tied" -o "$scratch/tiny/x.so"
  files 0 "$scratch/tiny"
  umount "$scratch/tiny"
fi

# A full disk under stdout, and a reader that goes away: each result is more than a pipe holds.
checks=$((checks + 2))
code=0
"$LMOPT" inspect "$decoder" >/dev/full 2>"$scratch/.err" || code=$?
[ "$code" -eq 5 ] || fail "a full disk under stdout gives exit code $code: $(cat "$scratch/.err")"
python3 -c 'print("word " * 40000)' >"$scratch/long.txt"
{ "$LMOPT" tokenize "$decoder" --file "$scratch/long.txt" 2>"$scratch/.err"; echo $? >"$scratch/.code"; } | head -c 1 >/dev/null
[ "$(cat "$scratch/.code")" -eq 5 ] || fail "a lost reader gives exit code $(cat "$scratch/.code")"

# Standard streams that are closed: no message goes into the file that takes their number, and a lost result is an error.
checks=$((checks + 3))
"$LMOPT" compile "$fixtures/llama-tied" -o "$scratch/closed.so" <&- >&- 2>&- || fail "closed streams fail a compile"
cmp -s "$decoder" "$scratch/closed.so" || fail "closed streams change the artifact"
code=0
"$LMOPT" run "$decoder" -p a -n 2 2>"$scratch/.err" >&- || code=$?
[ "$code" -eq 5 ] || fail "a closed stdout gives exit code $code"
rm -f "$scratch/closed.so"

# Interrupted while it waits for standard input.
# asleep PID: returns when the process has waited for something at three looks in a row.
asleep() {
  local looks=0
  while [ "$looks" -lt 3 ]; do
    sleep 0.1
    looks=$((looks + 1))
    [ "$(cut -d' ' -f3 "/proc/$1/stat")" = S ] || looks=0
  done
}
mkfifo "$scratch/fifo"
for command in "run -p -" "run --chat" "tokenize --file -"; do
  checks=$((checks + 1))
  exec 9<>"$scratch/fifo"
  # shellcheck disable=SC2086
  set -- $command
  "$LMOPT" "$1" "$decoder" "${@:2}" <&9 2>"$scratch/.err" &
  asleep $!
  kill -INT $!
  code=0
  wait $! || code=$?
  exec 9>&-
  [ "$code" -eq 130 ] || fail "\`lmopt $command\` interrupted gives exit code $code: $(cat "$scratch/.err")"
done

# Another ABI, another CPU: the note inside the file is changed, so that it asks for what does not exist, and the
# checksums with it.
# patch_note OFFSET VALUE: eight bytes of lmopt_note_t (abi.h).
patch_note() {
  PYTHONPATH=$SOURCE/test/tools python3 - "$decoder" "$scratch/patched.so" "$1" "$2" <<'PYTHON'
import struct, sys
from artifact_checksums import reseal
data = bytearray(open(sys.argv[1], "rb").read())
note = data.index(struct.pack("<Q", 0x54504F4D4C))
struct.pack_into("<Q", data, note + int(sys.argv[3]), int(sys.argv[4]))
open(sys.argv[2], "wb").write(reseal(data))
PYTHON
}
patch_note 8 $((999 << 32 | 999)) # abi_min, abi_max
refuse 7 'ABI|version' "$LMOPT" run "$scratch/patched.so" -p a
refuse 7 'ABI|version' "$LMOPT" tokenize "$scratch/patched.so" --text a
refuse 7 'ABI|version' "$LMOPT" inspect --verify "$scratch/patched.so"
expect 0 "$LMOPT" inspect "$scratch/patched.so"
says 'abi_range.*999 to 999'
patch_note 16 $((1 << 40)) # isa: a bit that no CPU has
refuse 8 'bit 40|CPU' "$LMOPT" run "$scratch/patched.so" -p a
expect 0 "$LMOPT" inspect "$scratch/patched.so"
says 'missing_here.*bit 40'
expect 0 "$LMOPT" tokenize "$scratch/patched.so" --text a # needs no code
expect 0 "$LMOPT" inspect --verify "$scratch/patched.so"
refuse 2 '--verify' "$LMOPT" inspect --verify "$fixtures/llama-tied"
finish
