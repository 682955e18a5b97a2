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

refuse 2 'subcommand' "$LMOPT"
refuse 2 "unknown command 'complie'; did you mean 'compile'" "$LMOPT" complie x
refuse 2 "unknown command 'frobnicate' \(see" "$LMOPT" frobnicate
refuse 2 "unknown option '--thraeds'; did you mean '--threads'.*lmopt run --help" "$LMOPT" run x.so --thraeds 2
refuse 2 "unknown option '--recipes'; did you mean '--recipe'" "$LMOPT" compile x -o y --recipes=int8
refuse 2 "unknown option '--quite'; did you mean '--quiet'" "$LMOPT" bench x.so --quite
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

# A full disk under the result is an error, not silence.
checks=$((checks + 1))
code=0
"$LMOPT" --help >/dev/full 2>"$scratch/.err" || code=$?
[ "$code" -eq 5 ] || fail "--help into a full disk ends with $code"
grep -q '^lmopt: error: .*standard output' "$scratch/.err" || fail "the full disk is not named: $(cat "$scratch/.err")"
finish
