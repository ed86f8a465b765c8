# taper_library(FOLDER SOURCES... DEPENDS TARGETS...): the static library taper_<FOLDER>, exported as taper::<FOLDER>.
function(taper_library folder)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPENDS;PRIVATE_DEPENDS" ${ARGN})
  set(target taper_${folder})
  add_library(${target} STATIC ${arg_SOURCES})
  add_library(taper::${folder} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${folder} POSITION_INDEPENDENT_CODE ON)
  target_include_directories(${target} PUBLIC "$<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>" "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
  target_link_libraries(${target} PUBLIC ${arg_DEPENDS} PRIVATE ${arg_PRIVATE_DEPENDS})
  taper_compile_options(${target})
  install(TARGETS ${target} EXPORT taper-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(DIRECTORY "${PROJECT_SOURCE_DIR}/${folder}" DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/taper FILES_MATCHING PATTERN "*.h" PATTERN "cpu" EXCLUDE)
endfunction()

# The flags that keep the bits (-ffp-contract=off), warnings (g++ 12 sees overlaps in std::string that are none), sanitizers.
function(taper_compile_options target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS ON)  # unsigned __int128
  target_compile_options(${target} PRIVATE -ffp-contract=off -Wall -Wextra -Wno-restrict $<$<BOOL:${TAPER_WERROR}>:-Werror>)
  if(TAPER_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${TAPER_SANITIZE} -fno-omit-frame-pointer)
    target_link_options(${target} PUBLIC -fsanitize=${TAPER_SANITIZE})
  endif()
endfunction()
