#include <taper/nn/optim/clip.h>

#include <cmath>
#include <vector>

#include <fmt/format.h>

#include <taper/core/ops.h>
#include <taper/formats/convert.h>
#include <taper/formats/error.h>

namespace taper::nn {
namespace {

const Target float64(Format::float64());

// The gradients' reductions, added in float64 in their order; one read.
double total(const NamedParameters& parameters, core::Reduction kind) {
    Tensor sum;
    for (const auto& [name, parameter] : parameters) {
        const Tensor& gradient = parameter->variable.grad();
        if (!gradient.defined()) continue;
        const Tensor part = core::reduce(kind, gradient, {}, false, float64);
        sum = sum.defined() ? core::binary(Binary::add, sum.to(part.device()), part) : part;
    }
    return sum.defined() ? sum.item() : 0;
}

}  // namespace

double gradient_norm(const NamedParameters& parameters) { return std::sqrt(total(parameters, core::Reduction::squares)); }

double clip_scale(double norm, double maximum) {
    const double scale = maximum / (norm + 1e-6);
    return scale > 1 ? 1 : scale;
}

void clip_by_value(const NamedParameters& parameters, double limit) {
    if (!(limit > 0)) throw Error(fmt::format("clip_by_value: the limit is not positive: {} (want more than 0)", limit));
    for (const auto& [name, parameter] : parameters) {
        const Tensor& gradient = parameter->variable.grad();
        if (!gradient.defined()) continue;
        const Format& format = gradient.format();
        const double bound = decode_one(format, encode_one(format, limit, Rounding::zero, 0));
        const Tensor top = Tensor::full({1}, bound, format, gradient.device()), bottom = Tensor::full({1}, -bound, format, gradient.device());
        parameter->variable.set_grad(core::binary(Binary::maximum, core::binary(Binary::minimum, gradient, top), bottom));
    }
}

// A sum of finite values of any format but float64 is finite, one with an infinity or a NaN is not.
bool gradients_are_finite(const NamedParameters& parameters) { return std::isfinite(total(parameters, core::Reduction::sum)); }

}  // namespace taper::nn
