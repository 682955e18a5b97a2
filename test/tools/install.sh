# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The installed tree: what is in it, that it can be staged and moved, and that programs and builds elsewhere find it.
# In: $BUILD (build folder, built), $LIBDIR (where libraries go below a prefix), $CC, $SOURCE.
. "$(dirname "$0")/lmopt/harness.sh"
prefix=$scratch/first
log=$scratch/log

# quietly WHAT COMMAND...: must succeed; its output is shown only when it does not.
quietly() {
  local what=$1
  shift
  checks=$((checks + 1))
  "$@" >"$log" 2>&1 || fail "$what: $(tail -20 "$log")"
}

command -v pkg-config >/dev/null || fail "pkg-config is missing: run script/setup"
quietly "cmake --install" cmake --install "$BUILD" --prefix "$prefix"
for file in bin/lmopt bin/lmopt-compiler bin/lmopt-opt include/lmopt/lmopt.h "$LIBDIR/liblmopt.so" "$LIBDIR/liblmopt.a" \
  "$LIBDIR/pkgconfig/lmopt-runtime.pc" "$LIBDIR/cmake/lmopt/lmopt-config.cmake" \
  "$LIBDIR/cmake/lmopt/lmopt-config-version.cmake" share/doc/lmopt/LICENSE share/doc/lmopt/examples/generate.c; do
  [ -e "$prefix/$file" ] || fail "$file is not installed"
done
# Nothing leads back to the build folder, and no text file knows where it was installed.
checks=$((checks + 1))
found=$(grep -rlF -- "$BUILD" "$prefix")
[ -z "$found" ] || fail "these name the build folder: $found"
found=$(grep -rlIF -- "$prefix" "$prefix")
[ -z "$found" ] || fail "these name the place of installation: $found"

# The tree works wherever it is moved to.
mv "$prefix" "$scratch/moved tree"
prefix="$scratch/moved tree"
LMOPT=$prefix/bin/lmopt
model=$scratch/model.so
encoder=$scratch/encoder.so
expect 0 "$LMOPT" compile --quiet "$SOURCE/test/models/llama-tied" -o "$model"
expect 0 "$LMOPT" compile --quiet "$SOURCE/test/models/bert-mean" -o "$encoder"
mkdir "$scratch/path"
ln -s "$prefix/bin/lmopt" "$scratch/path/lmopt"
expect 0 env PATH="$scratch/path:$PATH" lmopt compile --quiet "$SOURCE/test/models/llama-tied" -o "$scratch/again.so"
cmp -s "$model" "$scratch/again.so" || fail "lmopt compiles something else through a link"
expect 0 env PATH="$scratch/path:$PATH" lmopt compile --help
expect 0 "$prefix/bin/lmopt-opt" --version
expect 0 "$LMOPT" run "$model" -p "Hello" -n 8
expected=$out

# runs WHAT PROGRAM: the example gives the text that lmopt gives.
runs() {
  local what=$1
  shift
  expect 0 env LD_LIBRARY_PATH="$prefix/$LIBDIR" "$@" "$model" "Hello" 8
  [ "$out" = "$expected" ] || fail "$what: the example prints '$out', lmopt '$expected'"
}

# By pkg-config: shared, then the static archive. Spaces in a path are more than pkg-config promises: a link has none.
ln -s "$prefix" "$scratch/link"
export PKG_CONFIG_PATH=$scratch/link/$LIBDIR/pkgconfig
[ "$(realpath "$(pkg-config --variable=libdir lmopt-runtime)")" = "$(realpath "$prefix/$LIBDIR")" ] ||
  fail "pkg-config finds $(pkg-config --variable=libdir lmopt-runtime)"
[ "$(pkg-config --modversion lmopt-runtime)" = "$("$LMOPT" --version | cut -d' ' -f2)" ] || fail "pkg-config has another version"
example=$prefix/share/doc/lmopt/examples
for name in generate embed; do
  # shellcheck disable=SC2046
  quietly "$name by pkg-config" "$CC" -std=c11 "$example/$name.c" -o "$scratch/$name" $(pkg-config --cflags --libs lmopt-runtime) -lm
done
runs "pkg-config" "$scratch/generate"
expect 0 env LD_LIBRARY_PATH="$prefix/$LIBDIR" "$scratch/embed" "$encoder" "a cat" "two dogs"
# shellcheck disable=SC2046
quietly "generate with the archive" "$CC" -std=c11 "$example/generate.c" -o "$scratch/static" $(pkg-config --cflags lmopt-runtime) \
  -Wl,-Bstatic $(pkg-config --libs lmopt-runtime) -Wl,-Bdynamic -lpthread -lm -ldl
expect 0 "$scratch/static" "$model" "Hello" 8
[ "$out" = "$expected" ] || fail "with the archive the example prints '$out', lmopt '$expected'"

# By find_package: the examples as a project of their own, then the archive, then a version that is not there.
quietly "examples by find_package" cmake -G Ninja -S "$example" -B "$scratch/examples" -DCMAKE_C_COMPILER="$CC" \
  -DCMAKE_PREFIX_PATH="$prefix"
quietly "build of the examples" cmake --build "$scratch/examples"
runs "find_package" "$scratch/examples/example-generate"
mkdir "$scratch/archive"
cat >"$scratch/archive/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.16)
project(archive LANGUAGES C)
find_package(lmopt ${WANTED} REQUIRED)
add_executable(generate ${EXAMPLE}/generate.c)
target_link_libraries(generate PRIVATE lmopt::runtime-static)
CMAKE
archive() {
  cmake -G Ninja -S "$scratch/archive" -B "$scratch/archive/build" -DCMAKE_C_COMPILER="$CC" -DCMAKE_PREFIX_PATH="$prefix" \
    -DEXAMPLE="$example" "$@"
}
quietly "find_package of this version" archive -DWANTED="$(pkg-config --modversion lmopt-runtime)"
quietly "build with the archive" cmake --build "$scratch/archive/build"
expect 0 "$scratch/archive/build/generate" "$model" "Hello" 8
[ "$out" = "$expected" ] || fail "lmopt::runtime-static: the example prints '$out', lmopt '$expected'"
rm -rf "$scratch/archive/build"
checks=$((checks + 1))
archive -DWANTED=99.0 >"$log" 2>&1 && fail "find_package takes version 99.0 for this one"

# Staged by a packager: everything below DESTDIR, nothing beside it, and the same .pc file.
quietly "DESTDIR" env DESTDIR="$scratch/stage" cmake --install "$BUILD" --prefix "$scratch/final"
[ ! -e "$scratch/final" ] || fail "DESTDIR is ignored"
cmp -s "$scratch/stage$scratch/final/$LIBDIR/pkgconfig/lmopt-runtime.pc" "$prefix/$LIBDIR/pkgconfig/lmopt-runtime.pc" ||
  fail "the .pc file depends on the prefix"
expect 0 "$scratch/stage$scratch/final/bin/lmopt" run "$model" -p "Hello" -n 8
[ "$out" = "$expected" ] || fail "the staged lmopt prints '$out'"
finish
