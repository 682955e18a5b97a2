# One model family = one folder under frontends/families with its record (frontends/families/Family.h) in NAMEFamily.cpp,
# and one call in its CMakeLists.txt:
#
#   lmopt_add_family(Llama [SOURCES more.cpp...] BUILDER LlamaBuilder.cpp [FIXTURES folders...])
#   lmopt_add_family(DistilBert [SOURCES more.cpp...] BUILT_AS Bert [FIXTURES folders...])
#
# In: a folder whose NAME.h declares `Family describeNAME()` and, behind BUILDER, `void buildNAME(ModelBuilder &, const
# ModelConfig &)`; BUILT_AS: the configuration is one of that other family, and so is the builder (the record may use what
# its header offers). FIXTURES: the models of test/models that
# go end to end (test/e2e). Out: the libraries lmopt_family_<folder> (no MLIR in it: fuzzed, sanitized) and
# lmopt_family_<folder>_builder, and the family in allFamilies(), so that nothing else names it.
# Tested by test/unit/frontends/FamiliesTest.cpp.

function(lmopt_add_family name)
  cmake_parse_arguments(ARG "" "BUILDER;BUILT_AS" "SOURCES;FIXTURES" ${ARGN})
  get_filename_component(id ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  set(built_as ${name})
  if(ARG_BUILDER)
    lmopt_mlir_library(lmopt_family_${id}_builder SOURCES ${ARG_BUILDER} LINK lmopt_model_builder lmopt_head_builders lmopt_family_${id})
    set_property(GLOBAL APPEND PROPERTY LMOPT_FAMILY_BUILDERS lmopt_family_${id}_builder)
  else()
    set(built_as ${ARG_BUILT_AS})
    string(TOLOWER lmopt_family_${ARG_BUILT_AS} other)
  endif()
  lmopt_library(lmopt_family_${id} SOURCES ${name}Family.cpp ${ARG_SOURCES}
    LINK ${other} lmopt_huggingface lmopt_gguf_metadata)
  set_property(GLOBAL APPEND PROPERTY LMOPT_FAMILIES ${id}:${name}:${built_as})
  set_property(GLOBAL APPEND PROPERTY LMOPT_FAMILY_LIBRARIES lmopt_family_${id})
  set_property(GLOBAL APPEND PROPERTY LMOPT_FAMILY_FIXTURES ${ARG_FIXTURES})
endfunction()

# Call once, after all families: writes the two lists of them, records and builders.
function(lmopt_finish_families)
  get_property(families GLOBAL PROPERTY LMOPT_FAMILIES)
  get_property(libraries GLOBAL PROPERTY LMOPT_FAMILY_LIBRARIES)
  get_property(builder_libraries GLOBAL PROPERTY LMOPT_FAMILY_BUILDERS)
  list(SORT families)
  set(includes "")
  set(records "")
  set(builders "")
  foreach(family ${families})
    string(REPLACE ":" ";" family ${family})
    list(GET family 0 id)
    list(GET family 1 name)
    list(GET family 2 built_as)
    string(APPEND includes "#include \"frontends/families/${id}/${name}.h\"\n")
    string(APPEND records "  add(\"${id}\", describe${name}());\n")
    string(APPEND builders "      {\"${id}\", build${built_as}},\n")
  endforeach()
  file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/AllFamilies.cpp CONTENT [=[
// Generated from the folders of frontends/families by cmake/LmoptFamily.cmake.
#include "frontends/families/AllFamilies.h"
@includes@
std::vector<lmopt::Family> lmopt::describeAllFamilies() {
  std::vector<Family> families;
  auto add = [&](const char *id, Family family) {
    family.id = id;
    families.push_back(std::move(family));
  };
@records@  return families;
}
]=] @ONLY)
  file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/AllBuilders.cpp CONTENT [=[
// Generated from the folders of frontends/families by cmake/LmoptFamily.cmake.
#include "frontends/families/FamilyBuilder.h"
@includes@
#include "llvm/ADT/StringMap.h"

lmopt::BuildFunction *lmopt::builderOf(const Family &family) {
  static const llvm::StringMap<BuildFunction *> builders = {
@builders@  };
  return builders.at(family.id);
}
]=] @ONLY)
  lmopt_library(lmopt_families SOURCES ${CMAKE_CURRENT_BINARY_DIR}/AllFamilies.cpp Family.cpp LINK ${libraries})
  lmopt_mlir_library(lmopt_family_builders SOURCES ${CMAKE_CURRENT_BINARY_DIR}/AllBuilders.cpp FamilyBuilder.cpp
                     LINK ${builder_libraries} lmopt_families)
endfunction()
