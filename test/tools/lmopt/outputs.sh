# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Where outputs may go: never in the place of what they are made from, never in the place of a device; through links,
# under any name that a file can have; and nothing is left of what did not come to its end.
. "$(dirname "$0")/harness.sh"
fixtures=$SOURCE/test/models
cd "$scratch" || exit 1

# snapshot DIR: every name in it with its kind and contents.
snapshot() { (cd "$1" && find . -printf '%p %y %l\n' | sort && find . -type f -exec sha256sum {} + | sort); }

# keeps DIR REGEX COMMAND...: exit code 2, the message matches, and DIR is what it was.
keeps() {
  local dir=$1 before
  shift
  before=$(snapshot "$dir")
  refuse 2 "$@"
  [ "$(snapshot "$dir")" = "$before" ] || fail "\`$command_line\` changed $dir: $(snapshot "$dir")"
}

# A GGUF file, by each of its names.
mkdir gguf
cp "$fixtures/gguf-q4_1/model.gguf" gguf/t.gguf
ln -s t.gguf gguf/link
ln gguf/t.gguf gguf/hard
for name in gguf/t.gguf ./gguf//t.gguf gguf/link gguf/hard gguf/../gguf/t.gguf "$scratch/gguf/t.gguf"; do
  keeps gguf 'the source|a source' "$LMOPT" compile gguf/t.gguf -o "$name"
done
keeps gguf 'source' "$LMOPT" compile gguf/link -o gguf/t.gguf
keeps gguf 'source' "$LMOPT" compile gguf/t.gguf --stop-after lower -o gguf/t.gguf
keeps gguf 'source' "$LMOPT" compile gguf/t.gguf --stop-after emit -o gguf/link
keeps gguf 'is a file, expected the name of a directory' "$LMOPT" import gguf/t.gguf -o gguf/t.gguf
keeps gguf 'is a file, expected the name of a directory' "$LMOPT" compile gguf/t.gguf --stop-after optimize -o gguf/link

# Beside the artifact: the weights' own file, the stages, the files of an import.
ln -s t.gguf gguf/m.so.weights
keeps gguf 'source' "$LMOPT" compile gguf/t.gguf --weights-file -o gguf/m.so
rm gguf/m.so.weights
for name in import.mlir optimize.mlir lower.mlir emit.ll emit.s; do
  mkdir gguf/stages
  ln -s ../t.gguf "gguf/stages/$name"
  keeps gguf 'source' "$LMOPT" compile gguf/t.gguf --dump-stages gguf/stages -o gguf/m.so
  rm -r gguf/stages
done
for name in model.mlir tokenizer.bin chat_template.jinja; do
  mkdir gguf/imp
  ln "gguf/t.gguf" "gguf/imp/$name"
  keeps gguf 'source' "$LMOPT" import gguf/t.gguf -o gguf/imp
  keeps gguf 'source' "$LMOPT" compile gguf/t.gguf --stop-after import -o gguf/imp
  keeps gguf 'source' "$LMOPT" compile gguf/t.gguf --stop-after optimize -o gguf/imp
  rm -r gguf/imp
done

# A directory: every file of the checkpoint, read or not; what lmopt made there may be made again.
for model in llama-sharded bert-mean; do
  cp -r "$fixtures/$model" "$model"
  echo 'notes' >"$model/README.md"
  for file in $(cd "$model" && find . -type f); do
    keeps "$model" 'source' "$LMOPT" compile "$model" -o "$model/$file"
  done
  ln -s "$scratch/$model/config.json" link.so
  keeps "$model" 'source' "$LMOPT" compile "$model" -o link.so
  rm link.so
  keeps "$model" 'holds a Hugging Face model' "$LMOPT" import "$model" -o "$model"
  keeps "$model" 'holds a Hugging Face model' "$LMOPT" import gguf/t.gguf -o "$model"
  for round in first second; do
    expect 0 "$LMOPT" compile "$model" --weights-file -o "$model/m.so"
    expect 0 "$LMOPT" compile "$model" --stop-after emit -o "$model/m.ll"
    expect 0 "$LMOPT" import "$model" -o "$model/imported"
  done
done

# An imported directory: its text, its side files, the weights it points to. Onto itself is the same again.
expect 0 "$LMOPT" import llama-sharded -o imp
for file in imp/model.mlir imp/tokenizer.bin imp/chat_template.jinja llama-sharded/model-00001-of-*.safetensors; do
  [ -f "$file" ] || fail "$file is not there"
  for source in imp imp/model.mlir; do
    keeps imp 'source' "$LMOPT" compile "$source" -o "$file"
    keeps llama-sharded 'source' "$LMOPT" compile "$source" -o "$file"
  done
done
keeps imp 'source' "$LMOPT" compile imp --recipe int8 --stop-after optimize -o imp
before=$(snapshot imp)
for source in imp imp/model.mlir ./imp/../imp; do
  expect 0 "$LMOPT" import "$source" -o imp
  [ "$(snapshot imp)" = "$before" ] || fail "$source imported onto itself is something else: $(diff <(echo "$before") <(snapshot imp))"
done
expect 0 "$LMOPT" compile imp --stop-after import -o imp
[ "$(snapshot imp)" = "$before" ] || fail "the stage import written onto its source is something else"
cp gguf/t.gguf imp/weights.gguf # weights inside, and a side file that leads to them
expect 0 "$LMOPT" import imp/weights.gguf -o imp
ln -sf weights.gguf imp/tokenizer.bin
keeps imp 'source' "$LMOPT" import imp -o imp

# The recipe.
printf '{"name": "mine", "passes": []}' >recipe.json
before=$(cat recipe.json)
refuse 2 'recipe.json.*source' "$LMOPT" compile gguf/t.gguf --recipe recipe.json -o ./recipe.json
[ "$(cat recipe.json)" = "$before" ] || fail "the recipe was replaced"

# Devices and pipes: an artifact is not written into them, text is.
mkfifo pipe
ln -s pipe pipe-link
devices=(pipe pipe-link)
mknod null c 1 3 2>/dev/null && devices+=(null)
for device in "${devices[@]}"; do
  kind=$(stat -c %F "$device")
  refuse 2 'device or a pipe' "$LMOPT" compile gguf/t.gguf -o "$device"
  refuse 2 'expected the name of a directory' "$LMOPT" import gguf/t.gguf -o "$device"
  [ "$(stat -c %F "$device")" = "$kind" ] || fail "$device is a $(stat -c %F "$device")"
done
expect 0 "$LMOPT" compile gguf/t.gguf --stop-after lower -o lower.mlir
cat pipe >through-pipe &
reader=$!
expect 0 "$LMOPT" compile gguf/t.gguf --stop-after lower -o pipe-link
wait $reader
cmp -s lower.mlir through-pipe || fail "the pipe brings another text"
[ -p pipe ] || fail "the pipe is gone"
expect 0 "$LMOPT" compile gguf/t.gguf --stop-after lower -o /dev/stdout
[ "$out" = "$(cat lower.mlir)" ] || fail "/dev/stdout gets another text"
refuse 2 'device|pipe' "$LMOPT" compile gguf/t.gguf -o /dev/stdout

# Links lead on: to what is there, and to what is not there yet.
mkdir target
ln -s target/new.so dangling.so
expect 0 "$LMOPT" compile gguf/t.gguf -o dangling.so
{ [ -L dangling.so ] && [ -f target/new.so ]; } || fail "the dangling link was not followed"
cp target/new.so expected.so
: >target/new.so
expect 0 "$LMOPT" compile gguf/t.gguf -o dangling.so
{ [ -L dangling.so ] && cmp -s target/new.so expected.so; } || fail "the link was not followed"
ln -s round round
refuse 5 'links' "$LMOPT" compile gguf/t.gguf -o round
ln -s nowhere/x.so lost.so
refuse 5 'lost.so' "$LMOPT" compile gguf/t.gguf -o lost.so

mkdir linked
ln -s linked/split.so split.so
expect 0 "$LMOPT" compile gguf/t.gguf --weights-file -o split.so
{ [ -f linked/split.so.weights ] && [ ! -e split.so.weights ]; } || fail "weights of their own do not lie beside the library"
expect 0 "$LMOPT" inspect --verify linked/split.so
expect 0 "$LMOPT" inspect --verify split.so
ln -s both.so both.so.weights
refuse 2 'leads to .both.so' "$LMOPT" compile gguf/t.gguf --weights-file -o both.so
[ ! -e both.so ] || fail "two outputs of one name are written"

# Names.
mkdir names
refuse 2 'standard output' "$LMOPT" compile gguf/t.gguf -o -
refuse 2 '/dev/stdout' "$LMOPT" compile gguf/t.gguf --stop-after lower -o -
refuse 2 'standard output' "$LMOPT" import gguf/t.gguf -o -
refuse 2 'empty' "$LMOPT" compile gguf/t.gguf -o ''
refuse 2 'directory' "$LMOPT" compile gguf/t.gguf -o names
refuse 2 'directory' "$LMOPT" compile gguf/t.gguf -o names/
refuse 2 'directory' "$LMOPT" compile gguf/t.gguf -o nowhere/
cp gguf/t.gguf names/-t.gguf
cd names || exit 1
expect 0 "$LMOPT" compile -o ../named.so -- -t.gguf # the artifact tells the name of its source
for option in '-o ./-' '-o ./-x.so' '--output=--shared' '--output=-z' '--output=a:b=c,d @e'; do
  name=${option##*=}
  name=${name##*-o ./}
  # shellcheck disable=SC2086
  if [ "${option#--output}" != "$option" ]; then
    expect 0 "$LMOPT" compile "$option" -- -t.gguf
  else
    expect 0 "$LMOPT" compile $option -- -t.gguf
  fi
  cmp -s "./${option#*[= ]}" ../named.so || fail "'$option' does not write that name: $(ls -A)"
done
for length in 253 254 255; do
  name=$(printf '%*s' "$((length - 3))" '' | tr ' ' n).so
  expect 0 "$LMOPT" compile ../gguf/t.gguf -o "$name"
  [ -s "$name" ] || fail "a name of $length bytes is not written"
done
cd .. || exit 1
rm -r names
mkdir names
refuse 5 'File name too long' "$LMOPT" compile gguf/t.gguf -o "names/$(printf '%256s' '' | tr ' ' n)"
refuse 5 'weights.*File name too long' "$LMOPT" compile gguf/t.gguf --weights-file -o "names/$(printf '%252s' '' | tr ' ' n)"
[ -z "$(ls -A names)" ] || fail "refused names leave: $(ls -A names)"

# A new file by the umask, executable as libraries are; also in the place of an old one.
: >names/mode.so
chmod 600 names/mode.so
(umask 027 && "$LMOPT" compile --quiet gguf/t.gguf -o names/mode.so)
[ "$(stat -c %a names/mode.so)" = 750 ] || fail "the mode of a replaced artifact is $(stat -c %a names/mode.so)"

# Interrupted at any moment: the old file or the new one, and nothing beside it. LLVM needs most of the time, so that
# most of these signals come in the middle.
echo old >old.so
for signal in TERM INT HUP TERM INT; do
  for pause in 0.02 0.05 0.1 0.2; do
    checks=$((checks + 1))
    rm -rf cut
    mkdir cut
    cp old.so cut/m.so
    # Without job control a shell ignores INT for what it starts in the background.
    setsid env --default-signal=INT "$LMOPT" compile --quiet gguf/t.gguf -o cut/m.so 2>/dev/null &
    sleep "$pause"
    kill -"$signal" $! 2>/dev/null
    wait $!
    [ "$(ls -A cut)" = m.so ] || fail "$signal after $pause s leaves: $(ls -A cut)"
    cmp -s cut/m.so old.so || cmp -s cut/m.so expected.so || fail "$signal after $pause s leaves half an artifact"
  done
done
finish
