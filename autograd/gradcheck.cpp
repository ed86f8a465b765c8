#include <taper/autograd/gradcheck.h>

#include <fmt/format.h>

#include <taper/autograd/support.h>
#include <taper/formats/error.h>
#include <taper/formats/philox.h>
#include <algorithm>
#include <cmath>

namespace taper {

namespace {

// Fixed weights in [0.5, 1.5): all matter, no two alike, none cancels.
double weight(std::int64_t i) { return 0.5 + philox_draw(0x7461706572, 0, static_cast<std::uint64_t>(i)) * 0x1p-32; }

std::vector<double> weights_of(std::int64_t n) {
    std::vector<double> w(static_cast<std::size_t>(n));
    for (std::int64_t i = 0; i < n; ++i) w[static_cast<std::size_t>(i)] = weight(i);
    return w;
}

// L = sum_i weight(i) y_i, as an op of its own: the check rests on no other op's gradient.
Variable weighted_sum(const Variable& y) {
    const std::vector<double> w = weights_of(y.value().elements()), values = y.value().to_vector_double();
    double loss = 0;
    for (std::size_t i = 0; i < w.size(); ++i) loss += w[i] * values[i];
    return make_result("gradcheck", Tensor::full({}, loss, Format::float64()), {y}, [&]() -> GradientFunction {
        return [dy = Tensor::from(std::span<const double>(w), y.shape(), Format::float64())](const Tensor&, const std::vector<GradientRequest>& requests) {
            return std::vector<Tensor>{autograd::rounded(dy, requests[0].target)};
        };
    });
}

using Function = std::function<Variable(const std::vector<Variable>&)>;

// dL / dx_i by the central difference, each output's difference taken before the weighted sum.
double quotient(const Function& f, std::vector<Variable> inputs, std::size_t which, std::int64_t i, double step) {
    const Tensor original = inputs[which].value();
    std::vector<double> x = original.to_vector_double();
    const auto element = static_cast<std::size_t>(i);
    const double centre = x[element], h = step * std::max(1.0, std::fabs(centre)), low = centre - h, high = centre + h;
    const auto evaluate = [&](double value) {
        x[element] = value;
        inputs[which] = Tensor::from(std::span<const double>(x), original.shape(), Format::float64());
        return f(inputs).value().to_vector_double();
    };
    const std::vector<double> above = evaluate(high), below = evaluate(low);
    double difference = 0;
    for (std::size_t k = 0; k < above.size(); ++k) difference += weight(static_cast<std::int64_t>(k)) * (above[k] - below[k]);
    return difference / (high - low);
}

}  // namespace

std::string gradcheck(const Function& f, const std::vector<Tensor>& inputs, const GradcheckOptions& options) {
    std::vector<Variable> leaves, constants;
    for (const Tensor& input : inputs) {
        if (input.format() != Format::float64()) throw Error(fmt::format("gradcheck: an input is {} (want float64)", input.format().name()));
        leaves.push_back(Variable::leaf(input));
        constants.emplace_back(input);
    }
    const Variable loss = weighted_sum(f(leaves));
    if (loss.requires_grad()) backward(loss);
    NoGrad guard;
    for (std::size_t which = 0; which < inputs.size(); ++which) {
        std::vector<double> analytic(static_cast<std::size_t>(inputs[which].elements()), 0.0);
        if (leaves[which].grad().defined()) analytic = leaves[which].grad().to_vector_double();
        for (std::int64_t i = 0; i < inputs[which].elements(); ++i) {
            const double got = analytic[static_cast<std::size_t>(i)], want = quotient(f, constants, which, i, options.step);
            const double bound = options.tolerance * std::max({1.0, std::fabs(got), std::fabs(want)});
            if (std::fabs(got - want) <= bound) continue;  // false for NaN
            return fmt::format("gradcheck: input {} {}, element {}: backward gives {}, the difference quotient is {} (want them within {})", which,
                               inputs[which].shape().str(), i, got, want, bound);
        }
    }
    return "";
}

}  // namespace taper
