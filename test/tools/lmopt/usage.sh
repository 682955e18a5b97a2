# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The command line itself: help, version, mistakes. No model is needed.
. "$(dirname "$0")/harness.sh"

expect 0 "$LMOPT" --version
says '^lmopt [0-9]+\.[0-9]+\.[0-9]+$'
expect 0 "$LMOPT" --help
for command in import compile run embed tokenize eval bench inspect; do
  says "^  $command "
done
for command in import compile run embed tokenize eval bench inspect; do
  expect 0 "$LMOPT" "$command" --help
  says '--format|--output|--text|--threads'
done

expect 0 "$LMOPT" --help
top=$out
expect 0 "$LMOPT" help
[ "$out" = "$top" ] || fail "lmopt help is not lmopt --help: $out"
expect 0 "$LMOPT" run --help
run=$out
expect 0 "$LMOPT" help run
[ "$out" = "$run" ] || fail "lmopt help run is not lmopt run --help: $out"
expect 0 "$LMOPT" help compile
says 'Recipes:'
refuse 2 "unknown command 'rum'; did you mean 'run'" "$LMOPT" help rum

refuse 2 'subcommand' "$LMOPT"
refuse 2 "unknown command 'complie'; did you mean 'compile'" "$LMOPT" complie x
refuse 2 "unknown command 'frobnicate' \(see" "$LMOPT" frobnicate
refuse 2 "unknown option '--thraeds'; did you mean '--threads'.*lmopt run --help" "$LMOPT" run x.so --thraeds 2
refuse 2 "unknown option '--recipes'; did you mean '--recipe'" "$LMOPT" compile x -o y --recipes=int8
refuse 2 "unknown option '--quite'; did you mean '--quiet'" "$LMOPT" bench x.so --quite
refuse 2 "unknown option '-x' \(see" "$LMOPT" bench x.so -x
refuse 2 "unexpected argument 'y.so'" "$LMOPT" bench x.so y.so
refuse 2 'threads' "$LMOPT" run x.so -p a -t 0
refuse 2 'threads' "$LMOPT" run x.so -p a -t many
refuse 2 'format' "$LMOPT" bench x.so --format xml
refuse 2 'required' "$LMOPT" compile x.gguf
refuse 2 'required' "$LMOPT" eval x.so
refuse 2 'recipe|passes' "$LMOPT" compile x -o y --recipe f32 --passes lm-rotate
refuse 2 'stop-after' "$LMOPT" compile x -o y --stop-after lunch
refuse 2 '-p TEXT' "$LMOPT" run x.so
refuse 2 '--chat' "$LMOPT" run x.so -p a --system b
refuse 2 '--chat' "$LMOPT" run x.so -p a --chat-variables variables.json
refuse 2 'prompt' "$LMOPT" run x.so --chat --format json
refuse 2 '--text or --file' "$LMOPT" embed x.so
refuse 2 'text|file' "$LMOPT" tokenize x.so
refuse 2 'text|file' "$LMOPT" tokenize x.so --text a --file b

# A value that is empty is a variable that was not set. Numbers that do not fit are not cut to size.
for arguments in "run x.so -f" "run x.so --chat --chat-variables" "embed x.so --file" "tokenize x.so --file" "eval x.so --text" "eval x.so --text a --reference" \
  "compile x -o y --recipe" "compile x -o y --target-cpu" "compile x -o y --spell-for" "compile x -o y --dump-stages" "compile x -o" "import x -o" \
  "run -p a" "bench" "inspect" "compile -o y"; do
  # shellcheck disable=SC2086
  refuse 2 'empty' "$LMOPT" $arguments ""
done
for seed in -1 18446744073709551616 1.5 0x10 many; do
  refuse 2 'whole number' "$LMOPT" run x.so -p a --seed "$seed"
done
for arguments in "-n -2" "-n many" "-n 99999999999999999999" "-t -1" "-t 1e9" "--ctx 0" "--window 1" "--temp warm" \
  "--top-k 99999999999" "--top-k 1.5"; do
  # shellcheck disable=SC2086
  refuse 2 "$(cut -d' ' -f1 <<<"$arguments" | sed 's/^-n/--n-predict/; s/^-t$/--threads/')" "$LMOPT" run x.so -p a $arguments
done

# A full disk under the result is an error, not silence.
checks=$((checks + 1))
code=0
"$LMOPT" --help >/dev/full 2>"$scratch/.err" || code=$?
[ "$code" -eq 5 ] || fail "--help into a full disk ends with $code"
grep -q '^lmopt: error: .*standard output' "$scratch/.err" || fail "the full disk is not named: $(cat "$scratch/.err")"
finish
