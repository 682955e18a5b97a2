# The few functions with which every room describes itself.

add_compile_options(-Wall -Wextra -Wno-unused-parameter)
if(LMOPT_WERROR)
  add_compile_options(-Werror)
endif()
if(LMOPT_SANITIZE)
  add_compile_options(-fsanitize=${LMOPT_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g)
  add_link_options(-fsanitize=${LMOPT_SANITIZE})
endif()
# MLIR's classes change their layout with NDEBUG (Pass::Statistic): the package is built with it, so are we, always.
# Our own checks that must stay on do not use assert().
add_compile_definitions(NDEBUG)

# lmopt_library(NAME SOURCES... [LINK libs...] [DEPENDS targets...]): plain static library without MLIR.
function(lmopt_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC ${ARG_LINK})
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
endfunction()

# lmopt_mlir_library: the same for code that includes MLIR or LLVM headers; links the shared libMLIR and libLLVM only.
function(lmopt_mlir_library name)
  lmopt_library(${name} ${ARGN})
  lmopt_use_mlir(${name})
endfunction()

function(lmopt_use_mlir name)
  # SYSTEM: the headers of LLVM are not ours to keep free of warnings.
  target_include_directories(${name} SYSTEM PUBLIC ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
  target_link_libraries(${name} PUBLIC MLIR LLVM)
endfunction()

# lmopt_install_program(NAME): a program that users get. It finds the shared libMLIR and libLLVM where they were at build
# time, and nothing else: no path of the build folder stays in it.
function(lmopt_install_program name)
  set_target_properties(${name} PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)
  install(TARGETS ${name} COMPONENT tools)
endfunction()

# lmopt_unit_test(NAME [NOT_SANITIZED] [PARALLEL|THOROUGH] SOURCES... LINK libs...): a GoogleTest program that ctest runs.
# NOT_SANITIZED: plain logic whose headers are slow to compile is not worth a second build. PARALLEL: parts of the program's
# tests are tests of their own, NAME-0, NAME-1 and so on, for programs that take minutes. THOROUGH: these have the labels of
# lmopt_mark_thorough, too.
set(LMOPT_THOROUGH_PARTS 6 CACHE INTERNAL "Into how many parts thorough tests are divided; script/test reads it")
function(lmopt_unit_test name)
  cmake_parse_arguments(ARG "NOT_SANITIZED;PARALLEL;THOROUGH" "" "SOURCES;LINK;DEPENDS" ${ARGN})
  find_package(GTest REQUIRED)
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} GTest::gtest GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE LMOPT_SOURCE_DIR="${CMAKE_SOURCE_DIR}" LMOPT_BINARY_DIR="${CMAKE_BINARY_DIR}")
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
  if(ARG_THOROUGH OR ARG_PARALLEL)
    lmopt_add_parts(${name} ${ARG_THOROUGH})
    return()
  endif()
  add_test(NAME ${name} COMMAND ${name})
  if(LMOPT_SANITIZE) # of tests, what they call is of interest, not their own code: half the time of a compilation
    target_compile_options(${name} PRIVATE -O0)
  endif()
  if(NOT ARG_NOT_SANITIZED)
    lmopt_mark_sanitized(${name} ${name})
  endif()
endfunction()

function(lmopt_add_parts name thorough)
  math(EXPR last "${LMOPT_THOROUGH_PARTS} - 1")
  foreach(part RANGE ${last})
    add_test(NAME ${name}-${part} COMMAND ${name})
    set_tests_properties(${name}-${part} PROPERTIES
      ENVIRONMENT "GTEST_TOTAL_SHARDS=${LMOPT_THOROUGH_PARTS};GTEST_SHARD_INDEX=${part}")
    if(thorough)
      set_tests_properties(${name}-${part} PROPERTIES LABELS thorough-${part})
    endif()
  endforeach()
endfunction()

# lmopt_mark_thorough(TESTS...): tests that repeat with one model after another what others show with a few. Each has a label
# thorough-0 to thorough-5, always the same one; script/test runs one of these parts, which the commit chooses, and with --all
# every one. So all are run again within a few commits, and half an hour stays enough for each.
function(lmopt_mark_thorough)
  foreach(test ${ARGN})
    string(MD5 hash ${test})
    string(SUBSTRING ${hash} 0 6 hash)
    math(EXPR part "0x${hash} % ${LMOPT_THOROUGH_PARTS}")
    set_property(TEST ${test} APPEND PROPERTY LABELS thorough-${part})
  endforeach()
endfunction()

# lmopt_lit_suite(ROOM DEPENDS targets...): the lit tests under test/ROOM as one ctest test, lit-ROOM, and as the target
# check-lmopt-ROOM, which builds what they need first.
function(lmopt_lit_suite room)
  cmake_parse_arguments(ARG "" "" "DEPENDS" ${ARGN})
  string(REPLACE "/" "-" name ${room})
  set(command ${LMOPT_LIT} -sv --param lmopt_site_config=${CMAKE_BINARY_DIR}/test/lit.site.cfg.py
      ${CMAKE_SOURCE_DIR}/test/${room})
  add_test(NAME lit-${name} COMMAND ${command})
  add_custom_target(check-lmopt-${name} COMMAND ${command} USES_TERMINAL)
  if(ARG_DEPENDS)
    add_dependencies(check-lmopt-${name} ${ARG_DEPENDS})
  endif()
endfunction()

# lmopt_fuzz_target(NAME SOURCES... LINK libs...): a libFuzzer program (built with -DLMOPT_FUZZ=ON) and, in every build,
# a ctest that replays its kept corpus test/fuzz/corpus/NAME through the same entry point.
function(lmopt_fuzz_target name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINK})
  if(LMOPT_FUZZ)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  else()
    target_sources(${name} PRIVATE ${CMAKE_SOURCE_DIR}/test/fuzz/ReplayMain.cpp)
    add_test(NAME ${name}-corpus COMMAND ${name} ${CMAKE_SOURCE_DIR}/test/fuzz/corpus/${name})
    lmopt_mark_sanitized(${name} ${name}-corpus)
  endif()
endfunction()

# Sets `out` to whether the target links libMLIR or libLLVM, directly or through its libraries.
function(lmopt_uses_mlir target out)
  set(found FALSE)
  if(target MATCHES "^(MLIR|LLVM)")
    set(found TRUE)
  elseif(TARGET ${target})
    foreach(property LINK_LIBRARIES INTERFACE_LINK_LIBRARIES)
      get_target_property(libraries ${target} ${property})
      foreach(library IN LISTS libraries)
        if(library AND NOT found)
          lmopt_uses_mlir(${library} found)
        endif()
      endforeach()
    endforeach()
  endif()
  set(${out} ${found} PARENT_SCOPE)
endfunction()

# A sanitizer build against the packaged, unsanitized LLVM only covers code that does without it. The target
# `sanitized-tests` builds, and the ctest label `sanitized` names, the tests whose libraries do.
function(lmopt_mark_sanitized program test)
  if(NOT TARGET sanitized-tests)
    add_custom_target(sanitized-tests)
  endif()
  lmopt_uses_mlir(${program} found)
  if(NOT found)
    add_dependencies(sanitized-tests ${program})
    set_property(TEST ${test} APPEND PROPERTY LABELS sanitized)
  endif()
endfunction()
