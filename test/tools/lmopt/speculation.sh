# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# run and bench with guesses: the same text, what is told of it, and each refusal with its exit code.
. "$(dirname "$0")/harness.sh"
fixtures=$SOURCE/test/models
decoder=$scratch/decoder.so
expect 0 "$LMOPT" compile "$fixtures/llama-tied" -o "$decoder"
expect 0 "$LMOPT" compile "$fixtures/llama-tied" --recipe int8 -o "$scratch/draft.so"
expect 0 "$LMOPT" compile "$fixtures/bert-mean" -o "$scratch/encoder.so"

# The same text in every way: greedy and drawn, over a window, in a conversation, with the context full in the middle.
for how in "-n 60" "-n 60 --temp 1 --seed 5" "-n 60 --temp 2 --seed 6 -t 2" "-n 150 --window 24 --sinks 2" "-n 200" "-n 40 --chat -t 3" "-n 0" "-n 1"; do
  # shellcheck disable=SC2086
  expect 0 "$LMOPT" run "$decoder" -p "one two one two one" --format json $how
  plain=$out
  for guesses in "--lookup" "--lookup --guesses 3" "--draft $scratch/draft.so" "--lookup --draft $decoder --guesses 15"; do
    # shellcheck disable=SC2086
    expect 0 "$LMOPT" run "$decoder" -p "one two one two one" --format json $how $guesses
    [ "$out" = "$plain" ] || fail "\`$command_line\` gives another text: $out against $plain"
  done
done
expect 0 "$LMOPT" --verbose run "$decoder" -p "one two" -n 60 --lookup
tells '^lmopt: guesses: [0-9]+ of [0-9]+ accepted, [0-9]+ passes over the model$'
expect 0 "$LMOPT" --verbose run "$decoder" -p "one two" -n 60
grep -q 'guesses' <<<"$err" && fail "a run without guesses tells of them: $err"

# Drafts that are none.
printf 'one two one two' >"$scratch/short.txt"
expect 0 "$LMOPT" compile "$fixtures/llama-tied" --shortlist "$scratch/short.txt" -o "$scratch/other.so"
refuse 2 'the draft .*other.so has [0-9]+ tokens, but .*decoder.so has [0-9]+; a draft needs the same vocabulary' \
  "$LMOPT" run "$decoder" -p a --draft "$scratch/other.so"
refuse 2 'run --draft. needs a decoder, but .*encoder.so. is an encoder' "$LMOPT" run "$decoder" -p a --draft "$scratch/encoder.so"
refuse 5 'nowhere.so' "$LMOPT" run "$decoder" -p a --draft "$scratch/nowhere.so"
refuse 2 'empty' "$LMOPT" run "$decoder" -p a --draft ""
refuse 3 'config.json: not an lmopt artifact' "$LMOPT" run "$decoder" -p a --draft "$fixtures/llama-tied/config.json"
# Options that need another.
refuse 2 '--guesses .* needs --lookup or --draft' "$LMOPT" run "$decoder" -p a --guesses 3
refuse 2 '--guesses .* needs --lookup or --draft' "$LMOPT" bench "$decoder" --guesses 3
for count in 0 16 many; do
  refuse 2 'guesses' "$LMOPT" run "$decoder" -p a --lookup --guesses "$count"
done

# bench: its own texts are longer than these models take; what it says of those that fit.
expect 0 "$LMOPT" bench "$decoder" --prompt 64 -r 1 --lookup --draft "$scratch/draft.so" --text "$scratch/short.txt" --text "$scratch/short.txt" --format json
json '[row["text"] for row in r["speculation"]] == ["short.txt", "short.txt"] and r["pp64"] > 0'
json 'list(r["speculation"][0]) == ["text", "prompt_tokens", "tokens", "plain", "guessing", "speedup", "passes", "guesses", "accepted", "tokens_per_pass"]'
json 'all(row["passes"] + row["accepted"] == row["tokens"] and row["accepted"] <= row["guesses"] for row in r["speculation"])'
expect 0 "$LMOPT" bench "$decoder" --prompt 64 -r 1 --lookup --text "$scratch/short.txt"
says '^text +plain +guessing tokens/s +accepted +tokens a pass$'
says '^short.txt +[0-9.]+ +[0-9.]+ +[0-9.]+x +[0-9]+ of [0-9]+ +[0-9.]+$'
refuse 2 "text 'edit' has [0-9]+ tokens, but .*; give another one \(--text\)" "$LMOPT" bench "$decoder" --prompt 64 -r 1 --lookup
refuse 2 '--text .* needs --lookup or --draft' "$LMOPT" bench "$decoder" --prompt 64 --text "$scratch/short.txt"
refuse 5 'nowhere.txt' "$LMOPT" bench "$decoder" --prompt 64 --lookup --text "$scratch/nowhere.txt"
refuse 2 '--lookup needs a decoder' "$LMOPT" bench "$scratch/encoder.so" --lookup
refuse 2 '--draft needs a decoder' "$LMOPT" bench "$scratch/encoder.so" --draft "$decoder"
refuse 2 'needs the same vocabulary' "$LMOPT" bench "$decoder" --draft "$scratch/other.so"
finish
