// Checks and allocation of dropout.
#include <cmath>

#include <fmt/format.h>

#include <taper/core/backend.h>
#include <taper/core/ops/common.h>
#include <taper/core/random.h>
#include <taper/formats/error.h>

namespace taper::core {

Tensor dropout_mask(std::int64_t n, double p, const Device& device) {
    if (!(p >= 0 && p <= 1)) throw Error(fmt::format("dropout: p is no probability: {} (want 0 to 1)", p));
    Tensor mask = Tensor::empty({(n + 7) / 8}, Format::uint8(), device);
    const std::uint64_t threshold = static_cast<std::uint64_t>(std::ceil((1 - p) * 0x1p32)), stream = default_generator().next_stream();
    if (n > 0) backend(device).dropout_mask(n, threshold, default_generator().seed(), stream, mask);
    return mask;
}

Tensor dropout(const Tensor& x, const Tensor& mask, double scale, const Output& output) {
    check_values("dropout", {{"x", x}});
    if (!mask.defined() || mask.format() != Format::uint8() || mask.shape() != Shape{(x.elements() + 7) / 8}) {
        throw Error(fmt::format("dropout: the mask does not fit: {} came for x {} (want uint8 [{}])",
                                mask.defined() ? mask.format().name() + " " + mask.shape().str() : "nothing", x.shape().str(), (x.elements() + 7) / 8));
    }
    check_same_device("dropout", {"x", x}, {"mask", mask});
    const Tensor scaled = unary(Unary::scale, x, scale, output);
    Tensor y = Tensor::empty(scaled.shape(), scaled.format(), x.device());
    if (y.elements() > 0) backend(x.device()).dropout(scaled, mask, y);
    return y;
}

}  // namespace taper::core
