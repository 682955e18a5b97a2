# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# What documents promise: commands that work on any machine, the recipes and the options that there are.
# In: $LMOPT (program), $SOURCE (repository).
. "$(dirname "$0")/lmopt/harness.sh"
rooms=(README.md CONTRIBUTING.md CMakeLists.txt docs script bench frontends dialects passes codegen runtime tools test cmake)

# A folder of the machine that something was once run on: /root, /home/NAME and so on, or one below somebody's ~.
# Programs that need a scratch folder ask the system for one.
checks=$((checks + 1))
places=$(cd "$SOURCE" && grep -rnIE --exclude="$(basename "$0")" --exclude-dir=corpus \
  '(^|[^A-Za-z0-9_.$}>*-])(/(work|tmp|root|home|Users|mnt|scratch)/|~/)' "${rooms[@]}")
[ -z "$places" ] || fail "folders of one machine (write DIR): $places"

# What measurements write into documents has no such folder either.
checks=$((checks + 1))
written=$(cd "$SOURCE/bench" && python3 -B -c 'import document, sys; print(document.provenance(sys.argv[1:]), end="")' \
  script/bench --peers "$scratch/peers" --text="$scratch/text.txt" --rounds 2)
case $written in
'`script/bench --peers DIR --text=DIR/text.txt --rounds 2`, '*) ;;
*) fail "a measurement would be written as $written" ;;
esac

# One table of recipes: the help of compile shows it, an unknown name lists it, README describes each of them, in order.
expect 0 "$LMOPT" compile --help
shown=$(sed -n '/^Recipes:/,$p' <<<"$out" | sed -nE 's/^  ([a-z0-9]+) .*/\1/p')
[ "$(wc -w <<<"$shown")" -ge 5 ] || fail "compile --help shows no recipes: $out"
refuse 2 'known: ' "$LMOPT" compile "$SOURCE/test/models/llama-tied" --recipe no-such -o "$scratch/x.so"
known=$(sed -E 's/.*known: (.*), or .*/\1/; s/, /\n/g' <<<"$err")
[ "$shown" = "$known" ] || fail "compile --help shows $shown, but there are $known"
described=$(sed -n '/^## Recipes/,/^## What/p' "$SOURCE/README.md" | sed -nE 's/^\| `([a-z0-9]+)` .*/\1/p')
[ "$shown" = "$described" ] || fail "README describes $described, but there are $known"

# Every command in README's table is one, and every option named there is an option of it.
rows=$(sed -n '/^| command /,/^$/p' "$SOURCE/README.md" | grep '^| `lmopt ')
[ "$(wc -l <<<"$rows")" -eq 12 ] || fail "README has another table of commands: $rows"
while read -r row; do
  command=$(sed -E 's/^\| `lmopt ([a-z]+).*/\1/' <<<"$row")
  expect 0 "$LMOPT" "$command" --help
  for option in $(grep -oE -- '--[a-z-]+' <<<"$row"); do
    grep -q -- "$option\b" <<<"$out" || fail "README names $option, which lmopt $command does not have"
  done
done <<<"$rows"
finish
