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

// f maps leaves made from `inputs` (float64 each; Error otherwise) to a Variable of any shape, the same values at each call.  What is
// differentiated is L = sum_i w_i y_i with w_i = 0.5 + u_i / 2^32, u_i the draw of element i in stream 0 of Philox with seed 0x7461706572.
// Returns "" or one sentence naming the first element whose gradient differs, or is NaN.
std::string gradcheck(const std::function<Variable(const std::vector<Variable>&)>& f, const std::vector<Tensor>& inputs, const GradcheckOptions& options = {});

}  // namespace taper
