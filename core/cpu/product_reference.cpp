#include <taper/core/cpu/product_reference.h>

#include <cstring>

namespace taper::cpu {

void store_code(std::uint64_t code, int bytes, void* codes, std::int64_t index) {
    // Little-endian hosts alone: the low bytes come first.
    std::memcpy(static_cast<char*>(codes) + index * bytes, &code, static_cast<std::size_t>(bytes));
}

ExactSum exact_register(const Format& first, const Format& second, const Format& bias) {
    const bool holds_bias =
        bias.min_exponent() >= first.min_exponent() + second.min_exponent() && bias.max_exponent() <= first.max_exponent() + second.max_exponent();
    return holds_bias ? ExactSum(first, second) : ExactSum(Format::float64(), Format::float64());
}

}  // namespace taper::cpu
