# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Text from standard input and from files of lines, and why a text ends.
. "$(dirname "$0")/harness.sh"
fixtures=$SOURCE/test/models
decoder=$scratch/decoder.so # 128 positions
encoder=$scratch/encoder.so
expect 0 "$LMOPT" compile "$fixtures/llama-tied" -o "$decoder"
expect 0 "$LMOPT" compile "$fixtures/bert-mean" -o "$encoder"

# same NAME: the last command printed what the one before it did.
before=
keep() { before=$out; }
same() { [ "$out" = "$before" ] || fail "$1: \`$command_line\` printed $out instead of $before"; }

# `-` is standard input for every option that names a text, and for -p, which leaves out the line break of `echo`.
printf 'Hello' >"$scratch/hello"
printf 'Hello\n' >"$scratch/hello-line"
printf 'Hello\r\n' >"$scratch/hello-crlf"
expect 0 "$LMOPT" run "$decoder" -p "Hello" -n 8 --format json
keep
for file in hello hello-line hello-crlf; do
  from "$scratch/$file" expect 0 "$LMOPT" run "$decoder" -p - -n 8 --format json
  same "-p - from $file"
done
from "$scratch/hello" expect 0 "$LMOPT" run "$decoder" -f - -n 8 --format json
same "-f -"
expect 0 "$LMOPT" run "$decoder" -f "$scratch/hello-line" -n 8 --format json
keep
from "$scratch/hello-line" expect 0 "$LMOPT" run "$decoder" -f - -n 8 --format json
same "-f - byte for byte"
expect 0 "$LMOPT" run "$decoder" --chat -p "Hello" -n 8 --format json
keep
from "$scratch/hello" expect 0 "$LMOPT" run "$decoder" --chat -p - -n 8 --format json
same "--chat -p -"
printf -- '-' >"$scratch/dash"
from "$scratch/dash" expect 0 "$LMOPT" run "$decoder" -p - -n 0 --format json
keep
expect 0 "$LMOPT" run "$decoder" -f "$scratch/dash" -n 0 --format json
same "a prompt that is a dash"
printf 'a\0b' >"$scratch/nul"
expect 0 "$LMOPT" tokenize "$decoder" --file "$scratch/nul"
json 'len(r["tokens"]) > 2'
keep
from "$scratch/nul" expect 0 "$LMOPT" tokenize "$decoder" --file -
same "tokenize --file - with a NUL byte"
nul_tokens=$before
from "$scratch/nul" expect 0 "$LMOPT" run "$decoder" -p - -n 0 --format json
json "r['prompt_tokens'] == $nul_tokens['tokens']"
expect 0 "$LMOPT" tokenize "$decoder" --text -
json 'len(r["tokens"]) >= 1' # --text is the text itself
for i in $(seq 30); do echo "Line $i: the compiler reads a model."; done >"$scratch/text"
expect 0 "$LMOPT" eval "$decoder" --text "$scratch/text" --ctx 64 --format json
keep
from "$scratch/text" expect 0 "$LMOPT" eval "$decoder" --text - --ctx 64 --format json
same "eval --text -"
printf '{"name": "mine", "passes": [{"pass": "lm-normalize-rope"}]}' >"$scratch/recipe.json"
from "$scratch/recipe.json" expect 0 "$LMOPT" compile "$fixtures/llama-tied" --recipe - -o "$scratch/mine.so"
expect 0 "$LMOPT" inspect "$scratch/mine.so" --format json
json 'r["manifest"]["recipe"]["name"] == "mine"'
# Standard input that cannot be read, and directories where a file is expected.
checks=$((checks + 1))
"$LMOPT" run "$decoder" -p - <&- 2>"$scratch/.err" && fail "a closed standard input is no error"
grep -q '^lmopt: error: cannot read standard input' "$scratch/.err" || fail "closed input: $(cat "$scratch/.err")"
from "$scratch" refuse 5 'cannot read standard input: .*directory' "$LMOPT" run "$decoder" -f -
refuse 5 'cannot read .*directory' "$LMOPT" run "$decoder" -f "$scratch"
refuse 5 'cannot read .*directory' "$LMOPT" embed "$encoder" --file "$scratch"
refuse 5 'cannot read .*directory' "$LMOPT" tokenize "$decoder" --file "$scratch"
refuse 5 'cannot read .*directory' "$LMOPT" eval "$decoder" --ctx 64 --text "$scratch"

# Files of lines: LF or CRLF, a last line without its break, empty lines, a byte order mark. Every way to end lines
# gives the same vectors.
expect 0 "$LMOPT" embed "$encoder" --text "a cat" --text "" --text "two dogs"
keep
printf 'a cat\n\ntwo dogs\n' >"$scratch/lf"
printf 'a cat\r\n\r\ntwo dogs\r\n' >"$scratch/crlf"
printf 'a cat\n\ntwo dogs' >"$scratch/no-end"
printf '\xef\xbb\xbfa cat\r\n\r\ntwo dogs' >"$scratch/mark"
for file in lf crlf no-end mark; do
  expect 0 "$LMOPT" embed "$encoder" --file "$scratch/$file"
  same "lines of $file"
  from "$scratch/$file" expect 0 "$LMOPT" embed "$encoder" --file -
  same "lines of $file from standard input"
done
: >"$scratch/empty"
expect 0 "$LMOPT" embed "$encoder" --file "$scratch/empty"
[ -z "$out" ] || fail "no line gives a vector: $out"

# A conversation reads lines in the same way; lines without a word are no turn.
printf 'Hello\nAgain\n' >"$scratch/lf"
printf 'Hello\r\nAgain\r\n' >"$scratch/crlf"
printf '\xef\xbb\xbfHello\n\n\r\nAgain' >"$scratch/mark"
from "$scratch/lf" expect 0 "$LMOPT" run "$decoder" --chat -n 3
[ -n "$out" ] || fail "a conversation gives no answer"
keep
for file in crlf mark; do
  from "$scratch/$file" expect 0 "$LMOPT" run "$decoder" --chat -n 3
  same "a conversation from $file"
done

# Why a text ends: the limit, the model's own end, the context. A full context has its word, with advice that can work.
expect 0 "$LMOPT" run "$decoder" -p "Hello" -n 4 --format json
json 'r["stop"] == "length" and len(r["tokens"]) == 4'
expect 0 "$LMOPT" run "$decoder" -p "Hello" -n 0 --format json
json 'r["stop"] == "length"'
stops=
for seed in $(seq 40); do
  expect 0 "$LMOPT" run "$decoder" -p "Hello" --temp 2 --top-k 0 --top-p 1 --min-p 0 -s "$seed" -n 110 --format json
  case $out in *'"stop":"eos"'*) stops=found && break ;; esac
done
[ -n "$stops" ] || fail "no text of 40 ends by itself: $out"
json 'len(r["tokens"]) < 110'
# Every token is read but the last, so 8 positions hold the prompt and what follows up to one more.
expect 0 "$LMOPT" run "$decoder" -p "Hello" --ctx 12 --format json
json 'r["stop"] == "context" and len(r["prompt_tokens"]) + len(r["tokens"]) == 13'
[ -z "$err" ] || fail "json has the key and needs no word: $err"
expect 0 "$LMOPT" run "$decoder" -p "Hello" --ctx 12
tells 'context of 12 tokens is full; raise --ctx \(this model takes up to 128\)'
expect 0 "$LMOPT" run "$decoder" -p "Hello" --ctx 12 --quiet
[ -z "$err" ] || fail "--quiet is not quiet: $err"
expect 0 "$LMOPT" run "$decoder" -p "Hello" -n 100000
tells 'context of 128 tokens is full; 128 is the most that this model takes.*--window 128'
grep -q 'raise --ctx' <<<"$err" && fail "advice that cannot work: $err"
expect 0 "$LMOPT" run "$decoder" -p "Hello" -n 200 --window 128 --format json # the advice
json 'r["stop"] == "length" and len(r["tokens"]) == 200 or r["stop"] == "eos"'
refuse 2 'holds 4; raise --ctx \(this model takes up to 128\)' "$LMOPT" run "$decoder" -p "Hello, hello, hello" --ctx 4
refuse 2 'holds 128; 128 is the most.*--window 128' "$LMOPT" run "$decoder" -f "$scratch/text"
refuse 2 'holds 4; 128 is the most' "$LMOPT" run "$decoder" -f "$scratch/text" --ctx 4
expect 0 "$LMOPT" run "$decoder" -f "$scratch/text" --window 128 -n 4 --format json
json 'len(r["prompt_tokens"]) > 128'
refuse 2 'takes 1 to 128|allows 1 to 128' "$LMOPT" run "$decoder" -p a --ctx 129
# In a conversation: the answer that fills the context, then the turn that finds no room.
from "$scratch/lf" expect 2 "$LMOPT" run "$decoder" --chat -n 500
tells 'context of 128 tokens is full'
finish
