// Which instruction set the vectorised kernels use, chosen once per process.
// A kernel source is compiled once per level, with that level's -m flags and TAPER_LEVEL set to its name (cmake/TaperLevels.cmake);
// all it defines lies in namespace taper::TAPER_LEVEL, so no inlined header function is shared between levels.
#pragma once

namespace taper {

enum class CpuLevel { plain, avx2, avx512 };

// The best level that this machine and this build have; TAPER_CPU_LEVEL=plain|avx2|avx512 in the environment lowers it
// (Error if it names another word or a level that the machine lacks).
CpuLevel cpu_level();
const char* name(CpuLevel level);

}  // namespace taper
