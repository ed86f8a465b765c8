# The installed package: find_package(taper) gives taper::taper.
include(CMakePackageConfigHelpers)
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/taper)
install(EXPORT taper-targets NAMESPACE taper:: DESTINATION ${package_folder})
configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/taper-config.cmake.in" "${PROJECT_BINARY_DIR}/taper-config.cmake" INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file("${PROJECT_BINARY_DIR}/taper-config-version.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/taper-config.cmake" "${PROJECT_BINARY_DIR}/taper-config-version.cmake" DESTINATION ${package_folder})
