// How the images of a convolution are decoded into elements of a frame: float32, bfloat16, or pairs of bfloat16 of neighbouring channels.
#pragma once

#include <cstdint>

#include <taper/core/cpu/bfloat_panel.h>
#include <taper/core/cpu/conv_frame.h>

namespace taper::cpu {

inline bool all_finite(const Bfloat* values, std::int64_t n) {
    Bfloat wrong = 0;
    for (std::int64_t i = 0; i < n; ++i) wrong |= (values[i] & 0x7f80) == 0x7f80 ? 1 : 0;
    return wrong == 0;
}

// The channels of one group in a tensor [n, groups channels, plane].
struct GroupPlanes {
    std::int64_t channels, plane, group, groups;
    std::int64_t at(std::int64_t image, std::int64_t channel) const { return ((image * groups + group) * channels + channel) * plane; }
};
inline GroupPlanes planes_of_x(const ConvSizes& z) { return {z.c, z.h * z.w, z.group, z.groups}; }
inline GroupPlanes planes_of_y(const ConvSizes& z) { return {z.o, z.p * z.q, z.group, z.groups}; }

struct FloatImages : GroupPlanes {
    using Element = float;
    const CodeReader& codes;
    const ProductKernels<float>& kernels;

    std::int64_t planes() const { return channels; }  // of elements
    // Planes [first, first + count) of an image: a pointer into the tensor, or `buffer` filled.
    const float* read(std::int64_t image, std::int64_t first, std::int64_t count, float* buffer) const {
        return codes.read(at(image, first), count * plane, buffer);
    }
    void place(const Frame& frame, const float* image, float* to) const { frame.place(kernels.move_rows, image, to); }
};

struct BfloatImages : GroupPlanes {
    using Element = Bfloat;
    const BfloatCodes& codes;
    const BfloatKernels& kernels;

    std::int64_t planes() const { return channels; }
    const Bfloat* read(std::int64_t image, std::int64_t first, std::int64_t count, Bfloat* buffer) const {
        kernels.decode(codes.table, codes.codes + at(image, first), count * plane, buffer);
        return buffer;
    }
    void place(const Frame& frame, const Bfloat* image, Bfloat* to) const { frame.place(kernels.move_rows, image, to); }
};

struct BfloatPairImages : GroupPlanes {
    using Element = BfloatPair;
    const BfloatCodes& codes;
    const BfloatKernels& kernels;

    std::int64_t planes() const { return elements_of<BfloatPair>(channels); }
    const BfloatPair* read(std::int64_t image, std::int64_t first, std::int64_t count, BfloatPair* buffer) const {
        const std::uint8_t* from = codes.codes + at(image, 2 * first);
        for (std::int64_t pair = 0; pair < count; ++pair, from += 2 * plane)
            kernels.decode_pairs(codes.table, from, 2 * (first + pair) + 1 < channels ? from + plane : nullptr, plane, buffer + pair * plane);
        return buffer;
    }
    void place(const Frame& frame, const BfloatPair* image, BfloatPair* to) const { frame.place(kernels.product.move_rows, image, to); }
};

}  // namespace taper::cpu
