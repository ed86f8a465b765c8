#include <taper/autograd/functions.h>
#include <taper/autograd/support.h>
#include <taper/formats/error.h>
#include <algorithm>
#include <string>

namespace taper {

namespace {

// An undefined tensor where v holds nothing; else v's values as one axis.
Tensor line_of(const Variable& v) { return v.defined() ? v.value().reshape({-1}) : Tensor(); }

// x seen as `seen` [N, C, ...], weight and bias as [C] -> y in x's shape;  dx, dweight, dbias as core/norm.h says.
// Saves x and the moments, two float64 a group.
Variable norm_of(const char* op, const Variable& x, const Shape& seen, const core::Moments& moments, Statistics statistics, const Variable& weight,
                 const Variable& bias, const core::NormSpec& spec, const Output& output, Activation activation) {
    const Tensor y = core::norm(x.value().reshape(seen), moments, line_of(weight), line_of(bias), spec, output, activation).reshape(x.shape());
    return make_result(op, y, {x, weight, bias}, [&]() -> GradientFunction {
        const autograd::ActivationGradient before(activation, y);
        const bool through_batch = spec.groups == 0 && statistics == Statistics::of_x;
        return [=, saved_x = Saved(x.value()), saved_weight = Saved(weight.defined() ? weight.value() : Tensor()), mean = Saved(moments.mean),
                variance = Saved(moments.variance),
                affine = weight.defined() ? weight.shape()
                         : bias.defined() ? bias.shape()
                                          : Shape()](const Tensor& dy_in, const std::vector<GradientRequest>& requests) {
            const Tensor x = saved_x.get().reshape(seen), dy = before(dy_in).reshape(seen), weight = saved_weight.get();
            const core::Moments moments{mean.get(), variance.get()};
            core::NormSums sums;
            if (requests[1].needed || requests[2].needed || through_batch) sums = core::norm_backward_weights(dy, x, moments, spec);
            std::vector<Tensor> gradients(3);
            if (requests[0].needed) {
                gradients[0] = core::norm_backward_data(dy, x, moments, weight.defined() ? weight.reshape({-1}) : weight,
                                                        through_batch ? sums : core::NormSums{}, spec, requests[0].target)
                                   .reshape(dy_in.shape());
            }
            if (requests[1].needed) gradients[1] = autograd::rounded(sums.dweight, requests[1].target).reshape(affine);
            if (requests[2].needed) gradients[2] = autograd::rounded(sums.dbias, requests[2].target).reshape(affine);
            return gradients;
        };
    });
}

}  // namespace

Variable norm(const Variable& x, const core::Moments& moments, Statistics statistics, const Variable& weight, const Variable& bias, const core::NormSpec& spec,
              const Output& output, Activation activation) {
    return norm_of("norm", x, x.shape(), moments, statistics, weight, bias, spec, output, activation);
}

Variable batch_norm(const Variable& x, const Variable& weight, const Variable& bias, double eps, const Output& output, Activation activation) {
    const core::NormSpec spec{.groups = 0, .eps = eps};
    return norm_of("batch_norm", x, x.shape(), core::norm_moments(x.value(), spec), Statistics::of_x, weight, bias, spec, output, activation);
}

Variable group_norm(const Variable& x, std::int64_t groups, const Variable& weight, const Variable& bias, double eps, const Output& output, Activation activation) {
    if (groups < 1) throw Error("group_norm: no groups: " + std::to_string(groups) + " (want 1 or more)");
    const core::NormSpec spec{.groups = groups, .eps = eps};
    return norm_of("group_norm", x, x.shape(), core::norm_moments(x.value(), spec), Statistics::of_x, weight, bias, spec, output, activation);
}

// One sample a row, one channel an element.
Variable layer_norm(const Variable& x, const Shape& shape, const Variable& weight, const Variable& bias, double eps, const Output& output, Activation activation) {
    const auto &sizes = x.shape().sizes(), &last = shape.sizes();
    if (last.empty() || last.size() > sizes.size() || !std::equal(last.rbegin(), last.rend(), sizes.rbegin())) {
        throw Error("layer_norm: x does not end in the shape: x is " + x.shape().str() + ", shape is " + shape.str() + " (want [.., shape])");
    }
    for (const Variable& affine : {weight, bias}) {
        if (affine.defined() && affine.shape() != shape) {
            throw Error("layer_norm: weight or bias does not fit: " + affine.shape().str() + " came (want " + shape.str() + ")");
        }
    }
    const core::NormSpec spec{.groups = 1, .eps = eps};
    const Shape rows{x.value().elements() / std::max<std::int64_t>(1, shape.elements()), shape.elements()};
    return norm_of("layer_norm", x, rows, core::norm_moments(x.value().reshape(rows), spec), Statistics::of_x, weight, bias, spec, output, activation);
}

}  // namespace taper
