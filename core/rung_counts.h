// How kernels report to exact_rungs().
#pragma once

#include <taper/core/exact_rungs.h>

namespace taper {

ExactRungs& operator+=(ExactRungs& a, const ExactRungs& b);
void count_rungs(const ExactRungs& taken);

}  // namespace taper
