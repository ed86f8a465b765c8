// Convolutions of the device by plain loops on the host, over real terms only: padding is passed over.  There is no plan for odd numbers of images,
// so that the tests also take the other way.
#include <taper/cuda/cudnn.h>

#include <taper/formats/lane.h>

namespace taper::cuda {

namespace {

// A tensor [a, b, c, d] by element, whichever way it lies.
struct View {
    const void* data;
    bool bfloat16, channels_last;
    std::int64_t b, c, d;

    std::int64_t index(std::int64_t i, std::int64_t j, std::int64_t k, std::int64_t l) const {
        return channels_last ? ((i * c + k) * d + l) * b + j : ((i * b + j) * c + k) * d + l;
    }
    float at(std::int64_t i, std::int64_t j, std::int64_t k, std::int64_t l) const {
        const std::int64_t n = index(i, j, k, l);
        return bfloat16 ? bits_as<float>(static_cast<std::uint32_t>(static_cast<const std::uint16_t*>(data)[n]) << 16) : static_cast<const float*>(data)[n];
    }
    void add(std::int64_t i, std::int64_t j, std::int64_t k, std::int64_t l, float x) const {
        static_cast<float*>(const_cast<void*>(data))[index(i, j, k, l)] += x;
    }
    void clear(std::int64_t a) const {
        for (std::int64_t i = 0; i < a * b * c * d; ++i) static_cast<float*>(const_cast<void*>(data))[i] = 0;
    }
};

void convolve(const ConvProblem& z, const ConvTensors& t) {
    const std::int64_t c = z.channels / z.groups, o = z.outputs / z.groups;
    const bool gives_x = z.direction == ConvDirection::backward_data, gives_weights = z.direction == ConvDirection::backward_weights,
               gives_y = !gives_x && !gives_weights;
    const View x{t.x, z.bfloat16 && !gives_x, z.bfloat16, z.channels, z.h, z.w}, weights{t.weights, z.bfloat16 && !gives_weights, z.bfloat16, c, z.r, z.s};
    const View y{t.y, z.bfloat16 && !gives_y, z.bfloat16, z.outputs, z.p, z.q};
    if (gives_x) x.clear(z.n);
    if (gives_weights) weights.clear(z.outputs);
    if (gives_y) y.clear(z.n);
    const auto term = [&](std::int64_t n, std::int64_t io, std::int64_t ic, std::int64_t p, std::int64_t q, std::int64_t r, std::int64_t s) {
        const std::int64_t row = p * z.stride + r * z.dilation - z.padding, column = q * z.stride + s * z.dilation - z.padding, ix = io / o * c + ic;
        if (row < 0 || column < 0 || row >= z.h || column >= z.w) return;
        if (gives_x) x.add(n, ix, row, column, y.at(n, io, p, q) * weights.at(io, ic, r, s));
        if (gives_weights) weights.add(io, ic, r, s, y.at(n, io, p, q) * x.at(n, ix, row, column));
        if (gives_y) y.add(n, io, p, q, x.at(n, ix, row, column) * weights.at(io, ic, r, s));
    };
    for (std::int64_t n = 0; n < z.n; ++n)
        for (std::int64_t io = 0; io < z.outputs; ++io)
            for (std::int64_t ic = 0; ic < c; ++ic)
                for (std::int64_t p = 0; p < z.p; ++p)
                    for (std::int64_t q = 0; q < z.q; ++q)
                        for (std::int64_t r = 0; r < z.r; ++r)
                            for (std::int64_t s = 0; s < z.s; ++s) term(n, io, ic, p, q, r, s);
}

}  // namespace

bool cudnn_has_plan(Runtime&, const ConvProblem& z) { return z.n % 2 == 0; }

void cudnn_convolution(Runtime& runtime, const ConvProblem& z, const ConvTensors& t) {
    runtime.enqueue([z, t] { convolve(z, t); });
}

}  // namespace taper::cuda
