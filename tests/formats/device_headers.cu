// The element functions called from a kernel: compiled, not run.
#include <taper/formats/arithmetic.h>
#include <taper/formats/e8m0.h>
#include <taper/formats/fixed.h>
#include <taper/formats/format.h>
#include <taper/formats/identity.h>
#include <taper/formats/minifloat.h>
#include <taper/formats/philox.h>
#include <taper/formats/posit.h>
#include <taper/formats/round_lane.h>

namespace {

template <class Family>
__device__ unsigned long long fused(const Family& f, unsigned long long a, unsigned long long b, unsigned draw) {
    return f.pack(taper::exact_fma(f.unpack(a), f.unpack(b), taper::exact_sqrt(taper::exact_div(f.unpack(a), f.unpack(b)))), taper::Rounding::stochastic, draw);
}

__global__ void every_family(taper::Posit posit, taper::Minifloat minifloat, taper::Fixed fixed, const float* x, const double* wide, unsigned long long* codes, float* y) {
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    const unsigned draw = taper::philox_draw(1, 2, static_cast<unsigned long long>(i));
    unsigned long long c = fused(posit, codes[i], 3, draw) + fused(minifloat, codes[i], 3, draw) + fused(fixed, codes[i], 3, draw);
    c += fused(taper::E8M0{}, codes[i], 3, draw) + fused(taper::Float32{}, codes[i], 3, draw) + fused(taper::Float64{}, codes[i], 3, draw);
    c += taper::PositEncodeLane<float>(posit, taper::Rounding::nearest).encode<taper::Rounding::nearest>(x[i]);
    c += taper::PositEncodeLane<double>(posit, taper::Rounding::zero).encode<taper::Rounding::zero>(wide[i]);
    c += taper::MinifloatEncodeLane<float>(minifloat, taper::Rounding::nearest).encode<taper::Rounding::nearest>(x[i]);
    c += taper::FixedEncodeLane<float>(fixed, taper::Rounding::nearest).encode<taper::Rounding::nearest>(x[i]);
    c += taper::E8M0EncodeLane(taper::E8M0{}, taper::Rounding::nearest).encode<taper::Rounding::nearest>(wide[i]);
    codes[i] = c;
    y[i] = taper::PositRound<float>(posit)(x[i]) + taper::MinifloatRound<float>(minifloat)(x[i]) + taper::NarrowedRound(minifloat)(x[i]) + taper::FixedRound<float>(fixed)(x[i]);
    y[i] += static_cast<float>(taper::PositRound<double>(posit)(wide[i]) + taper::MinifloatRound<double>(minifloat)(wide[i]) + taper::NoRound()(wide[i]));
    const unsigned code = static_cast<unsigned>(c);
    y[i] += taper::PositDecodeLane<float>(posit).decode(code) + taper::MinifloatDecodeLane<float>(minifloat).decode(code) + taper::FixedDecodeLane<float>(fixed).decode(code);
}

}  // namespace

int main() {
    every_family<<<1, 1>>>({}, {}, {}, nullptr, nullptr, nullptr, nullptr);
    return taper::Format().bits() == 32 ? 0 : 1;
}
