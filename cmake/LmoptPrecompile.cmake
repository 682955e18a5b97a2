# MLIR's headers cost 6 to 20 CPU seconds a file (Lm.h: 6.3, of which the lm dialect itself is 0.4). So those of them that
# our sources include are compiled once, and every target that links MLIR starts from the result. A header of our own is
# never among them: changing one rebuilds who includes it and nothing else.
#
# lmopt_precompile_mlir_headers(): call once, when all targets exist.
#
# All users must have the flags of the precompiled header, -fPIC among them, so executables get it, too. ccache would hash
# the precompiled header, which names absolute folders and thus differs in every clone; it is told to hash what we say
# stands for it (pch_external_checksum): the list of headers, the version of LLVM and the flags. It also must recognise the
# path as a path, to make it relative (CCACHE_BASEDIR), which it does behind clang's own spelling of the option, not behind
# CMake's (-Xclang -include-pch -Xclang FILE).
set(CMAKE_CXX_COMPILE_OPTIONS_USE_PCH -include-pch <PCH_FILE>)

set(LMOPT_PRECOMPILED
  # IR, parser, passes
  <mlir/Bytecode/BytecodeOpInterface.h> <mlir/Dialect/Func/IR/FuncOps.h> <mlir/IR/AsmState.h> <mlir/IR/Builders.h>
  <mlir/IR/BuiltinOps.h> <mlir/IR/Diagnostics.h> <mlir/IR/DialectImplementation.h> <mlir/IR/MLIRContext.h>
  <mlir/IR/OpImplementation.h> <mlir/IR/OwningOpRef.h> <mlir/IR/PatternMatch.h> <mlir/IR/Verifier.h>
  <mlir/Interfaces/FunctionInterfaces.h> <mlir/Interfaces/SideEffectInterfaces.h> <mlir/Parser/Parser.h>
  <mlir/Pass/Pass.h> <mlir/Pass/PassManager.h>
  # what kernels are emitted in
  <mlir/Dialect/Arith/IR/Arith.h> <mlir/Dialect/LLVMIR/LLVMDialect.h> <mlir/Dialect/Math/IR/Math.h>
  <mlir/Dialect/SCF/IR/SCF.h> <mlir/Dialect/Vector/IR/VectorOps.h>
  # LLVM's support library
  <llvm/ADT/DenseMap.h> <llvm/ADT/SetVector.h> <llvm/ADT/StringExtras.h> <llvm/ADT/TypeSwitch.h>
  <llvm/Support/FileSystem.h> <llvm/Support/FormatVariadic.h> <llvm/Support/JSON.h> <llvm/Support/Path.h>
  <llvm/Support/raw_ostream.h>
  # the standard library
  <algorithm> <functional> <map> <optional> <string> <variant> <vector>)

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

function(lmopt_precompile_mlir_headers)
  if(LMOPT_SANITIZE) # only what does without MLIR is built then
    return()
  endif()
  lmopt_compiled_targets(${CMAKE_SOURCE_DIR} targets)
  set(source ${CMAKE_BINARY_DIR}/precompiled.cpp)
  file(CONFIGURE OUTPUT ${source} CONTENT "// Only carries the precompiled headers.\n")
  add_library(lmopt_precompiled OBJECT ${source})
  target_include_directories(lmopt_precompiled SYSTEM PRIVATE ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
  target_compile_options(lmopt_precompiled PRIVATE -Xclang -fno-pch-timestamp)
  target_precompile_headers(lmopt_precompiled PRIVATE ${LMOPT_PRECOMPILED})
  foreach(target IN LISTS targets)
    lmopt_uses_mlir(${target} found)
    if(found)
      target_precompile_headers(${target} REUSE_FROM lmopt_precompiled)
      target_compile_options(${target} PRIVATE -Xclang -fno-pch-timestamp)
      get_target_property(type ${target} TYPE)
      if(type STREQUAL EXECUTABLE)
        set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
        target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fPIC>)
      endif()
    endif()
  endforeach()
  string(SHA256 stands_for "${LMOPT_PRECOMPILED} ${LLVM_PACKAGE_VERSION} ${CMAKE_CXX_COMPILER_VERSION} ${CMAKE_CXX_FLAGS} \
${CMAKE_CXX_FLAGS_RELEASE} ${CMAKE_BUILD_TYPE}")
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/CMakeFiles/lmopt_precompiled.dir/cmake_pch.hxx.pch.sum CONTENT "${stands_for}\n")
endfunction()
