# TAPER_CUDA: AUTO uses the toolkit where nvcc is found, ON requires it, OFF leaves it alone.  Sets TAPER_NVCC.
set(TAPER_CUDA AUTO CACHE STRING "CUDA toolkit: AUTO, ON or OFF")
set_property(CACHE TAPER_CUDA PROPERTY STRINGS AUTO ON OFF)
if(NOT TAPER_CUDA STREQUAL OFF)
  find_program(TAPER_NVCC nvcc PATHS /usr/local/cuda/bin)
  if(TAPER_CUDA STREQUAL ON AND NOT TAPER_NVCC)
    message(FATAL_ERROR "TAPER_CUDA is ON, but nvcc is not found (want the CUDA toolkit on PATH or in /usr/local/cuda)")
  endif()
endif()
