# One technique = one folder under passes/ with NAME.td, NAME.h and NAME.cpp, and one call in its CMakeLists.txt:
#
#   lmopt_add_technique(QuantizeWeights [SOURCES more.cpp...] [LINK libs...])
#
# In: the folder. Out: the library lmopt_pass_quantize_weights, its entry in registerAllPasses() and in docs/passes.md.
# Every pass that NAME.td defines is registered (one technique may be a few passes), so tools never name a pass.
# Relies on: NAME.h includes "passes/<folder>/NAME.h.inc" with GEN_PASS_DECL and GEN_PASS_REGISTRATION in namespace
# lmopt::lm. Tested by test/passes (every pass runs through this registration) and the ctest `docs-passes-current`.

function(lmopt_add_technique name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  cmake_path(RELATIVE_PATH CMAKE_CURRENT_SOURCE_DIR BASE_DIRECTORY ${CMAKE_SOURCE_DIR} OUTPUT_VARIABLE folder)
  get_filename_component(leaf ${folder} NAME)
  string(REPLACE "-" "_" leaf ${leaf})
  set(library lmopt_pass_${leaf})

  set(LLVM_TARGET_DEFINITIONS ${name}.td)
  mlir_tablegen(${name}.h.inc -gen-pass-decls -name=${name})
  mlir_tablegen(${name}.md -gen-pass-doc)
  add_custom_target(${library}_inc DEPENDS ${TABLEGEN_OUTPUT})

  lmopt_mlir_library(${library} SOURCES ${name}.cpp ${ARG_SOURCES} LINK lmopt_pass_analysis ${ARG_LINK}
                     DEPENDS ${library}_inc)
  set_property(GLOBAL APPEND PROPERTY LMOPT_TECHNIQUES ${name})
  set_property(GLOBAL APPEND PROPERTY LMOPT_TECHNIQUE_HEADERS ${folder}/${name}.h)
  set_property(GLOBAL APPEND PROPERTY LMOPT_TECHNIQUE_LIBRARIES ${library})
  set_property(GLOBAL APPEND PROPERTY LMOPT_TECHNIQUE_DOCS ${CMAKE_CURRENT_BINARY_DIR}/${name}.md)
endfunction()

# Call once, after all techniques: writes the registration and the pass reference from what was added.
# The reference is checked in (readers do not build); `ninja update-docs-passes` refreshes it, a test compares it.
function(lmopt_finish_techniques)
  get_property(names GLOBAL PROPERTY LMOPT_TECHNIQUES)
  get_property(headers GLOBAL PROPERTY LMOPT_TECHNIQUE_HEADERS)
  get_property(libraries GLOBAL PROPERTY LMOPT_TECHNIQUE_LIBRARIES)
  get_property(docs GLOBAL PROPERTY LMOPT_TECHNIQUE_DOCS)
  list(SORT names)
  list(SORT headers)
  list(SORT docs)
  set(includes "")
  foreach(header ${headers})
    string(APPEND includes "#include \"${header}\"\n")
  endforeach()
  set(calls "")
  foreach(name ${names})
    string(APPEND calls "  lm::register${name}Passes();\n")
  endforeach()
  file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/AllPasses.cpp CONTENT [=[
// Generated from the techniques under passes/ by cmake/LmoptTechnique.cmake.
#include "passes/AllPasses.h"
#include "passes/pipelines/Recipes.h"

@includes@
void lmopt::registerAllPasses() {
@calls@  registerRecipePipelines();
}
]=] @ONLY)
  lmopt_mlir_library(lmopt_passes SOURCES ${CMAKE_CURRENT_BINARY_DIR}/AllPasses.cpp LINK lmopt_recipes ${libraries})

  set(reference ${CMAKE_CURRENT_BINARY_DIR}/passes.md)
  add_custom_command(OUTPUT ${reference}
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${reference} "-DPARTS=${docs}" -P ${CMAKE_SOURCE_DIR}/cmake/JoinPassDocs.cmake
    DEPENDS ${docs} ${CMAKE_SOURCE_DIR}/cmake/JoinPassDocs.cmake
    COMMENT "Joining the pass reference" VERBATIM)
  add_custom_target(lmopt-docs-passes ALL DEPENDS ${reference})
  add_custom_target(update-docs-passes
    COMMAND ${CMAKE_COMMAND} -E copy ${reference} ${CMAKE_SOURCE_DIR}/docs/passes.md DEPENDS lmopt-docs-passes)
  add_test(NAME docs-passes-current
    COMMAND ${CMAKE_COMMAND} -E compare_files ${reference} ${CMAKE_SOURCE_DIR}/docs/passes.md)
endfunction()
