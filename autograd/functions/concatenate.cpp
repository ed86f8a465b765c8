#include <taper/autograd/functions.h>
#include <taper/autograd/support.h>

namespace taper {

// Each part's gradient is its slice of dy.
Variable concatenate(const std::vector<Variable>& parts, int axis) {
    std::vector<Tensor> values;
    for (const Variable& part : parts) values.push_back(part.value());
    const Tensor y = core::concatenate(values, axis);
    return make_result("concatenate", y, parts, [&]() -> GradientFunction {
        std::vector<std::int64_t> ends;
        for (const Tensor& value : values) ends.push_back((ends.empty() ? 0 : ends.back()) + value.size(axis));
        return [ends, axis](const Tensor& dy, const std::vector<GradientRequest>& requests) {
            std::vector<Tensor> gradients(ends.size());
            for (std::size_t i = 0; i < ends.size(); ++i) {
                if (requests[i].needed) gradients[i] = autograd::rounded(core::slice(dy, axis, i == 0 ? 0 : ends[i - 1], ends[i]), requests[i].target);
            }
            return gradients;
        };
    });
}

}  // namespace taper
