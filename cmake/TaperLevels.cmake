# taper_add_levels(TARGET SOURCES...): compiles each source once per CPU level, with that level's flags and TAPER_LEVEL=<name>.
# Sources put all they define into namespace taper::TAPER_LEVEL; formats/cpu_level.h chooses at run time.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(TAPER_LEVELS plain avx2 avx512)
else()
  set(TAPER_LEVELS plain)
endif()
set(TAPER_LEVEL_FLAGS_plain)
set(TAPER_LEVEL_FLAGS_avx2 -mavx2 -mf16c -mfma -mbmi2 -mprefer-vector-width=256)
set(TAPER_LEVEL_FLAGS_avx512 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512cd -mfma -mbmi2 -mprefer-vector-width=512)

# Above avx512, for machines that have it: products of bfloat16 pairs, byte permutes.  Not a level of its own to choose: part of avx512 there.
set(TAPER_LEVEL_FLAGS_avx512_bf16 ${TAPER_LEVEL_FLAGS_avx512} -mavx512bf16 -mavx512vbmi)

function(taper_add_level target level)
  set(objects ${target}_${level})
  add_library(${objects} OBJECT ${ARGN})
  set_target_properties(${objects} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  target_include_directories(${objects} PRIVATE "${PROJECT_BINARY_DIR}/include")
  target_compile_definitions(${objects} PRIVATE TAPER_LEVEL=${level} TAPER_LEVEL_${level}=1)
  taper_compile_options(${objects})
  # -fno-math-errno and -fno-trapping-math change no value: they let sqrt and compares vectorise.  g++ 12 warns of its own intrinsics.
  target_compile_options(${objects} PRIVATE -O3 -fno-math-errno -fno-trapping-math -Wno-maybe-uninitialized ${TAPER_LEVEL_FLAGS_${level}})
  target_sources(${target} PRIVATE $<TARGET_OBJECTS:${objects}>)
endfunction()

function(taper_add_levels target)
  foreach(level ${TAPER_LEVELS})
    taper_add_level(${target} ${level} ${ARGN})
  endforeach()
  list(LENGTH TAPER_LEVELS count)
  if(count GREATER 1)
    target_compile_definitions(${target} PRIVATE TAPER_X86_LEVELS=1)
  endif()
endfunction()

# taper_add_bfloat_level(TARGET SOURCES...): compiles the sources for avx512_bf16 alone; TAPER_BFLOAT_LEVEL tells TARGET that they are there.
function(taper_add_bfloat_level target)
  if(avx512 IN_LIST TAPER_LEVELS)
    taper_add_level(${target} avx512_bf16 ${ARGN})
    target_compile_definitions(${target} PRIVATE TAPER_BFLOAT_LEVEL=1)
  endif()
endfunction()
