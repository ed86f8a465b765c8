// Pooling loops, compiled once per CPU level.
#include <taper/core/cpu/pool_kernels.h>

namespace taper::TAPER_LEVEL {
namespace {

void max_float(const float* __restrict r0, const float* __restrict r1, std::size_t n, float* __restrict y, std::uint8_t* __restrict index) {
    for (std::size_t j = 0; j < n; ++j) {
        const float a = r0[2 * j], b = r0[2 * j + 1], c = r1[2 * j], d = r1[2 * j + 1];
        const bool ab = !(b <= a) & (a == a), cd = !(d <= c) & (c == c);
        const float upper = ab ? b : a, lower = cd ? d : c;
        const bool down = !(lower <= upper) & (upper == upper);
        y[j] = down ? lower : upper;
        index[j] = static_cast<std::uint8_t>(down ? (cd ? 3 : 2) : (ab ? 1 : 0));
    }
}

template <class Code>
void max_codes(const void* row0, const void* row1, std::uint32_t flip, std::uint32_t less, std::size_t n, void* out, std::uint8_t* __restrict index) {
    const Code* __restrict r0 = static_cast<const Code*>(row0);
    const Code* __restrict r1 = static_cast<const Code*>(row1);
    Code* __restrict y = static_cast<Code*>(out);
    const Code f = static_cast<Code>(flip), l = static_cast<Code>(less);
    for (std::size_t j = 0; j < n; ++j) {
        const Code a = static_cast<Code>((r0[2 * j] ^ f) - l), b = static_cast<Code>((r0[2 * j + 1] ^ f) - l);
        const Code c = static_cast<Code>((r1[2 * j] ^ f) - l), d = static_cast<Code>((r1[2 * j + 1] ^ f) - l);
        const Code upper = b > a ? b : a, lower = d > c ? d : c;
        const Code first = static_cast<Code>(b > a ? 1 : 0), second = static_cast<Code>(d > c ? 3 : 2);
        const Code best = lower > upper ? lower : upper;
        y[j] = static_cast<Code>(static_cast<Code>(best + l) ^ f);
        index[j] = static_cast<std::uint8_t>(lower > upper ? second : first);
    }
}

template <class Code>
void max_backward(const void* dy, const std::uint8_t* __restrict index, std::size_t n, void* row0, void* row1) {
    const Code* __restrict d = static_cast<const Code*>(dy);
    Code* __restrict r0 = static_cast<Code*>(row0);
    Code* __restrict r1 = static_cast<Code*>(row1);
    for (std::size_t j = 0; j < n; ++j) {
        r0[2 * j] = index[j] == 0 ? d[j] : Code{0};
        r0[2 * j + 1] = index[j] == 1 ? d[j] : Code{0};
        r1[2 * j] = index[j] == 2 ? d[j] : Code{0};
        r1[2 * j + 1] = index[j] == 3 ? d[j] : Code{0};
    }
}

constexpr PoolKernels kernels = {max_float,
                                 {max_codes<std::uint8_t>, max_codes<std::uint16_t>},
                                 {max_backward<std::uint8_t>, max_backward<std::uint16_t>, max_backward<std::uint32_t>, max_backward<std::uint64_t>}};

}  // namespace

const PoolKernels& pool_kernels() { return kernels; }

}  // namespace taper::TAPER_LEVEL
