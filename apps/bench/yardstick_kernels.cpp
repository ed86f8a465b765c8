// The two copies, compiled once per CPU level.
#include <cstddef>
#include <cstdint>

namespace taper::TAPER_LEVEL {

void narrowing_copy(const std::uint32_t* x, std::size_t n, std::uint8_t* codes) {
    for (std::size_t i = 0; i < n; ++i) codes[i] = static_cast<std::uint8_t>(x[i]);
}

void widening_copy(const std::uint8_t* codes, std::size_t n, std::uint32_t* y) {
    for (std::size_t i = 0; i < n; ++i) y[i] = codes[i];
}

}  // namespace taper::TAPER_LEVEL
