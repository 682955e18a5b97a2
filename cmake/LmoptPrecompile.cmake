# MLIR's headers cost 6 to 20 CPU seconds a file, those of the JSON library 3. So those of them that our sources include are
# compiled once, and every target starts from the result: from one with MLIR if it links MLIR, else from one without. A
# header of our own is never among them: changing one rebuilds who includes it and nothing else. CLI11 is not either: every
# file that sees it compiles its constants anew, 2 s a file (tools/lmopt/Command.h keeps it to two).
#
# lmopt_precompile_headers(): call once, when all targets exist.
#
# All users must have the flags of the precompiled header, -fPIC among them, so executables get it, too. ccache would hash
# the precompiled header, which names absolute folders and thus differs in every clone; it is told to hash what we say
# stands for it (pch_external_checksum): the list of headers, the version of LLVM and the flags. It also must recognise the
# path as a path, to make it relative (CCACHE_BASEDIR), which it does behind clang's own spelling of the option, not behind
# CMake's (-Xclang -include-pch -Xclang FILE). (That ccache relies on the lists of headers that clang writes, CCACHE_DEPEND,
# saves half a second a file: else it preprocesses each, precompiled header and all, before it compiles it.)
set(CMAKE_CXX_COMPILE_OPTIONS_USE_PCH -include-pch <PCH_FILE>)

set(LMOPT_PRECOMPILED_PLAIN
  <nlohmann/json.hpp>
  # the standard library
  <algorithm> <charconv> <chrono> <filesystem> <functional> <map> <memory> <optional> <string> <unordered_map> <variant> <vector>)

set(LMOPT_PRECOMPILED_MLIR
  # IR, parser, passes
  <mlir/Bytecode/BytecodeOpInterface.h> <mlir/Dialect/Func/IR/FuncOps.h> <mlir/IR/AsmState.h> <mlir/IR/Builders.h>
  <mlir/IR/BuiltinOps.h> <mlir/IR/Diagnostics.h> <mlir/IR/DialectImplementation.h> <mlir/IR/MLIRContext.h>
  <mlir/IR/OpImplementation.h> <mlir/IR/OwningOpRef.h> <mlir/IR/PatternMatch.h> <mlir/IR/Remarks.h>
  <mlir/IR/Threading.h> <mlir/IR/Verifier.h>
  <mlir/Interfaces/FunctionInterfaces.h> <mlir/Interfaces/SideEffectInterfaces.h> <mlir/Parser/Parser.h>
  <mlir/Pass/Pass.h> <mlir/Pass/PassManager.h>
  # what kernels are emitted in
  <mlir/Dialect/Arith/IR/Arith.h> <mlir/Dialect/LLVMIR/LLVMDialect.h> <mlir/Dialect/LLVMIR/NVVMDialect.h> <mlir/Dialect/Math/IR/Math.h>
  <mlir/Dialect/SCF/IR/SCF.h> <mlir/Dialect/Vector/IR/VectorOps.h>
  # LLVM's support library
  <llvm/ADT/DenseMap.h> <llvm/ADT/SetVector.h> <llvm/ADT/StringExtras.h> <llvm/ADT/TypeSwitch.h>
  <llvm/Support/FileSystem.h> <llvm/Support/FormatVariadic.h> <llvm/Support/GlobPattern.h> <llvm/Support/JSON.h> <llvm/Support/Path.h>
  <llvm/Support/raw_ostream.h>
  ${LMOPT_PRECOMPILED_PLAIN})

# Sets `out` to all targets of a folder and those below it that are compiled.
function(lmopt_compiled_targets folder out)
  get_directory_property(found DIRECTORY ${folder} BUILDSYSTEM_TARGETS)
  get_directory_property(below DIRECTORY ${folder} SUBDIRECTORIES)
  set(targets "")
  foreach(target IN LISTS found)
    get_target_property(type ${target} TYPE)
    if(type MATCHES "^(STATIC_LIBRARY|OBJECT_LIBRARY|EXECUTABLE)$")
      list(APPEND targets ${target})
    endif()
  endforeach()
  foreach(sub IN LISTS below)
    lmopt_compiled_targets(${sub} more)
    list(APPEND targets ${more})
  endforeach()
  set(${out} ${targets} PARENT_SCOPE)
endfunction()

# The library that only carries the precompiled `headers`; ccache is told what stands for them.
function(lmopt_precompile carrier headers)
  set(source ${CMAKE_BINARY_DIR}/${carrier}.cpp)
  file(CONFIGURE OUTPUT ${source} CONTENT "// Only carries the precompiled headers.\n")
  add_library(${carrier} OBJECT ${source})
  target_include_directories(${carrier} SYSTEM PRIVATE ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
  target_compile_options(${carrier} PRIVATE -Xclang -fno-pch-timestamp)
  target_precompile_headers(${carrier} PRIVATE ${headers})
  string(SHA256 stands_for "${headers} ${LLVM_PACKAGE_VERSION} ${CMAKE_CXX_COMPILER_VERSION} ${CMAKE_CXX_FLAGS} \
${CMAKE_CXX_FLAGS_RELEASE} ${CMAKE_BUILD_TYPE} ${LMOPT_SANITIZE}")
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/CMakeFiles/${carrier}.dir/cmake_pch.hxx.pch.sum CONTENT "${stands_for}\n")
endfunction()

function(lmopt_use_precompiled target carrier)
  get_target_property(sources ${target} SOURCES)
  set(c_sources ${sources})
  list(FILTER sources INCLUDE REGEX "\\.cpp$")
  list(FILTER c_sources INCLUDE REGEX "\\.c$")
  get_target_property(options ${target} COMPILE_OPTIONS)
  if(NOT sources OR "-O0" IN_LIST options) # another level is another header; sanitized tests are small
    return()
  endif()
  get_target_property(folder ${target} SOURCE_DIR)
  foreach(source IN LISTS c_sources) # relative names would start here
    cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY ${folder})
    set_source_files_properties(${source} TARGET_DIRECTORY ${target} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
  endforeach()
  target_precompile_headers(${target} REUSE_FROM ${carrier})
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:SHELL:-Xclang -fno-pch-timestamp>)
  get_target_property(type ${target} TYPE)
  if(type STREQUAL EXECUTABLE)
    set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fPIC>)
  endif()
endfunction()

function(lmopt_precompile_headers)
  lmopt_compiled_targets(${CMAKE_SOURCE_DIR} targets)
  lmopt_precompile(lmopt_precompiled_plain "${LMOPT_PRECOMPILED_PLAIN}")
  if(NOT LMOPT_SANITIZE) # only what does without MLIR is built then
    lmopt_precompile(lmopt_precompiled_mlir "${LMOPT_PRECOMPILED_MLIR}")
  endif()
  foreach(target IN LISTS targets)
    lmopt_uses_mlir(${target} found)
    if(NOT found)
      lmopt_use_precompiled(${target} lmopt_precompiled_plain)
    elseif(NOT LMOPT_SANITIZE)
      lmopt_use_precompiled(${target} lmopt_precompiled_mlir)
    endif()
  endforeach()
endfunction()
