# One target of code generation = one folder under codegen with a dialect of layouts and interfaces of its own:
#
#   lmopt_target_dialect(Cpu)
#
# In: NAMEDialect.td and Interfaces.td of the folder, in each family's folder layouts (*.td) and models
# (FAMILYModel.cpp), found by their presence. Out: what mlir-tblgen makes of them (the target lmopt_NAME_inc_gen),
# NAMEModels.inc with a MODEL(FAMILY) for each family that has one, and in `families` all *.cpp of the families.
macro(lmopt_target_dialect name)
  string(TOLOWER ${name} dialect)
  set(LMOPT_ODS_INCLUDES EXTRA_INCLUDES ${MLIR_INCLUDE_DIRS} ${CMAKE_SOURCE_DIR})
  set(LLVM_TARGET_DEFINITIONS ${name}Dialect.td)
  mlir_tablegen(${name}Dialect.h.inc -gen-dialect-decls -dialect=${dialect} ${LMOPT_ODS_INCLUDES})
  mlir_tablegen(${name}Dialect.cpp.inc -gen-dialect-defs -dialect=${dialect} ${LMOPT_ODS_INCLUDES})
  set(LLVM_TARGET_DEFINITIONS Interfaces.td)
  mlir_tablegen(Interfaces.h.inc -gen-op-interface-decls ${LMOPT_ODS_INCLUDES})
  mlir_tablegen(Interfaces.cpp.inc -gen-op-interface-defs ${LMOPT_ODS_INCLUDES})

  file(GLOB layouts RELATIVE ${CMAKE_SOURCE_DIR} CONFIGURE_DEPENDS */*.td)
  set(includes "")
  foreach(layout ${layouts})
    string(APPEND includes "include \"${layout}\"\n")
  endforeach()
  file(CONFIGURE OUTPUT ${name}Layouts.td CONTENT "// Generated: the layouts of all families.\n${includes}")
  set(LLVM_TARGET_DEFINITIONS ${CMAKE_CURRENT_BINARY_DIR}/${name}Layouts.td)
  mlir_tablegen(${name}Layouts.h.inc -gen-attrdef-decls -attrdefs-dialect=${dialect} ${LMOPT_ODS_INCLUDES})
  mlir_tablegen(${name}Layouts.cpp.inc -gen-attrdef-defs -attrdefs-dialect=${dialect} ${LMOPT_ODS_INCLUDES})
  add_public_tablegen_target(lmopt_${dialect}_inc_gen)

  file(GLOB models RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} CONFIGURE_DEPENDS */*Model.cpp)
  list(REMOVE_ITEM models rows/RowModel.cpp) # what all models share
  set(names "")
  foreach(model ${models})
    get_filename_component(family ${model} NAME)
    string(REGEX REPLACE "Model.cpp$" "" family ${family})
    string(APPEND names "MODEL(${family})\n")
  endforeach()
  file(CONFIGURE OUTPUT ${name}Models.inc CONTENT "// Generated: the families that have models.\n${names}")

  file(GLOB families RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} CONFIGURE_DEPENDS */*.cpp)
endmacro()
