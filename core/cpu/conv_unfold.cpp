#include <taper/core/cpu/conv_unfold.h>

#include <algorithm>
#include <cstring>

#include <taper/core/cpu/split.h>

namespace taper::cpu {

namespace {

// Line k = (c, r, s) of the unfolded images.
template <class Code>
void unfold_line(const ConvSizes& z, const Code* x, std::int64_t k, Code* line) {
    const std::int64_t c = k / (z.r * z.s), r = k / z.s % z.r * z.dilation, s = k % z.s * z.dilation;
    // Outputs [begin, end) of a row read inside the image.
    const std::int64_t left = z.padding - s, begin = std::clamp<std::int64_t>((left + z.stride - 1) / z.stride, 0, z.q);
    const std::int64_t end = left + z.w <= 0 ? begin : std::clamp<std::int64_t>((left + z.w - 1) / z.stride + 1, begin, z.q);
    for (std::int64_t n = 0; n < z.n; ++n) {
        for (std::int64_t p = 0; p < z.p; ++p, line += z.q) {
            const std::int64_t row = p * z.stride + r - z.padding;
            if (row < 0 || row >= z.h) continue;
            const Code* const from = x + ((n * z.c + c) * z.h + row) * z.w - left;
            for (std::int64_t q = begin; q < end; ++q) line[q] = from[q * z.stride];
        }
    }
}

template <class Code>
Tensor unfold_codes(const ConvSizes& z, const Tensor& x) {
    const std::int64_t lines = z.c * z.r * z.s, length = z.n * z.p * z.q;
    Tensor u = Tensor::empty({lines, length}, x.format());
    Code* const codes = static_cast<Code*>(u.mutable_data());
#pragma omp parallel for schedule(static) if (threads_for(lines * length * 4) > 1)
    for (std::int64_t k = 0; k < lines; ++k) {
        if (z.padding > 0) std::memset(codes + k * length, 0, static_cast<std::size_t>(length) * sizeof(Code));
        unfold_line(z, static_cast<const Code*>(x.data()), k, codes + k * length);
    }
    return u;
}

}  // namespace

Tensor unfold(const ConvSizes& sizes, const Tensor& x) {
    switch (x.format().storage_bytes()) {
        case 1:
            return unfold_codes<std::uint8_t>(sizes, x);
        case 2:
            return unfold_codes<std::uint16_t>(sizes, x);
        default:
            return unfold_codes<std::uint32_t>(sizes, x);
    }
}

Tensor channels_first(const Tensor& x, std::int64_t images, std::int64_t channels, std::int64_t plane) {
    Tensor y = Tensor::empty({channels, images * plane}, x.format());
    const std::int64_t bytes = plane * x.format().storage_bytes();
    const unsigned char* const from = static_cast<const unsigned char*>(x.data());
    unsigned char* const to = static_cast<unsigned char*>(y.mutable_data());
    for (std::int64_t n = 0; n < images; ++n) {
        for (std::int64_t c = 0; c < channels; ++c)
            std::memcpy(to + (c * images + n) * bytes, from + (n * channels + c) * bytes, static_cast<std::size_t>(bytes));
    }
    return y;
}

}  // namespace taper::cpu
