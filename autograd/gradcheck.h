// gradcheck: compares backward() with central differences in float64.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <taper/autograd/variable.h>

namespace taper {

struct GradcheckOptions {
    double step = 1e-6;       // of the central difference, times max(1, |x|)
    double tolerance = 1e-6;  // |analytic - numeric| <= tolerance * max(1, |analytic|, |numeric|)
};

// f maps leaves made from `inputs` (float64 each) to a Variable of any shape; its elements are summed with fixed weights.
// Returns "" or one sentence naming the first element that differs.
std::string gradcheck(const std::function<Variable(const std::vector<Variable>&)>& f, const std::vector<Tensor>& inputs, const GradcheckOptions& options = {});

}  // namespace taper
