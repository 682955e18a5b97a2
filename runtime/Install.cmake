# What `cmake --install build --prefix DIR` makes of the runtime: both libraries, the public headers, the examples, and
# the two files by which other build systems find them (pkg-config, find_package). Nothing in the installed tree names
# the folder it was built in or installed to, so it can be moved. Tested by test/tools/install.
include(CMakePackageConfigHelpers)

set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/lmopt)
install(TARGETS lmopt_runtime_shared lmopt_runtime_static EXPORT lmopt-targets COMPONENT runtime)
install(EXPORT lmopt-targets NAMESPACE lmopt:: DESTINATION ${config_dir} COMPONENT runtime)
configure_package_config_file(lmopt-config.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/lmopt-config.cmake
                              INSTALL_DESTINATION ${config_dir})
# Before 1.0 a new minor version may change the interface.
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/lmopt-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/lmopt-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/lmopt-config-version.cmake
        DESTINATION ${config_dir} COMPONENT runtime)

# A folder of the installation for the .pc file: relative to its prefix, unless the packager chose an absolute one.
function(lmopt_pc_path path out)
  if(IS_ABSOLUTE ${path})
    set(${out} ${path} PARENT_SCOPE)
  else()
    set(${out} "\${prefix}/${path}" PARENT_SCOPE)
  endif()
endfunction()
lmopt_pc_path(${CMAKE_INSTALL_LIBDIR} LMOPT_PC_LIBDIR)
lmopt_pc_path(${CMAKE_INSTALL_INCLUDEDIR} LMOPT_PC_INCLUDEDIR)
set(pkgconfig_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH LMOPT_PREFIX_FROM_PC ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" LMOPT_PREFIX_FROM_PC ${LMOPT_PREFIX_FROM_PC})
configure_file(lmopt-runtime.pc.in ${CMAKE_CURRENT_BINARY_DIR}/lmopt-runtime.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/lmopt-runtime.pc DESTINATION ${pkgconfig_dir} COMPONENT runtime)

install(DIRECTORY include/lmopt DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT runtime)
install(DIRECTORY examples DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT runtime)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT runtime)
