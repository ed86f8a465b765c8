// GeneralRound against pack() and unpack() of the formats: between neighbours of every binade, with draws on both sides of where the decision turns.
#include <taper/cuda/backend.h>
#include <taper/cuda/general_round.h>
#include <taper/formats/code.h>

#include "core/ops_support.h"

namespace taper::tests {
namespace {

using cuda::GeneralRound;

// Codes of all values, or of some where those are many.
std::vector<std::uint64_t> codes_of(const Format& format) {
    const std::uint64_t count = code_mask(format) + 1, step = count <= 4096 ? 1 : count / 4096 + 1;
    std::vector<std::uint64_t> codes;
    for (std::uint64_t code = 0; code < count; code += step) codes.push_back(code);
    return codes;
}

void expect_rounded(const GeneralRound& round, const Format& format, double x, Rounding mode, std::uint32_t draw) {
    const Unpacked exact = Float64{}.unpack(bits_as<std::uint64_t>(x));
    const double want = exact.kind == Kind::nan ? x : decode_one(format, pack_code(format, exact, mode, draw)), got = round(x, draw);
    ASSERT_TRUE(bits_as<std::uint64_t>(got) == bits_as<std::uint64_t>(want) || (std::isnan(got) && std::isnan(want)))
        << format.name() << " of " << x << ", draw " << draw << ": " << got << ", want " << want;
}

// The draws next to 2^32 times the place of x between its neighbours, and the ends.
std::vector<std::uint32_t> draws_near(double place) {
    const double turn = place * 0x1p32;
    std::vector<std::uint32_t> draws{0, 1, 0x80000000u, 0xffffffffu};
    for (int off = -2; off <= 2; ++off)
        if (turn + off >= 0 && turn + off < 0x1p32) draws.push_back(static_cast<std::uint32_t>(turn + off));
    return draws;
}

class GeneralRounds : public CoreOps {};

TEST_F(GeneralRounds, DrawAsTheFormatsDo) {
    std::mt19937_64 random(1);
    cuda::Runtime& runtime = static_cast<cuda::CudaBackend*>(cuda_backend(0))->runtime();
    for (const Format& format :
         parse_all({"posit(3,0)", "posit(4,1)", "posit(6,1)", "posit(8,0)", "posit(8,1)", "posit(8,2)", "posit(8,3)", "posit(8,2,underflow)", "posit(16,1)",
                    "posit(16,2)", "posit(20,1)", "posit(32,2)", "posit(8,1)*0.125", "posit(16,1)*16", "e2m1", "e4m3", "e4m3,sat", "e4m3fnuz", "e5m2", "fp16",
                    "bf16", "bf16,sat", "float(6,9)", "float(1,5)", "float32", "e5m2*16", "fixed(8,4)", "fixed(8,-9)", "fixed(16,8,symmetric)", "fixed(24,12)",
                    "fixed(8,4)*4", "fixed(1,0)"})) {
        const GeneralRound round(cuda::device_format(runtime, format), Rounding::stochastic);
        for (const std::uint64_t code : codes_of(format)) {
            const double low = decode_one(format, code), high = decode_one(format, (code + 1) & code_mask(format));
            if (!std::isfinite(low) || !std::isfinite(high)) continue;
            for (const double place : {0.0, 0x1p-32, 0x1p-31, 0.25, 1 / 3.0, 0.5, 0.75, 1 - 0x1p-32, static_cast<double>(random() >> 11) * 0x1p-53}) {
                const double x = low + place * (high - low);
                for (const std::uint32_t draw : draws_near(x < 0 ? 1 - place : place)) expect_rounded(round, format, x, Rounding::stochastic, draw);
                if (HasFatalFailure()) return;
            }
        }
        const double infinity = std::numeric_limits<double>::infinity();
        for (const double x : {0.0, -0.0, infinity, -infinity, std::nan(""), 1e300, -1e300, 1e-300, -1e-300, 0x1p-1074, 0x1.fffffffffffffp1023})
            for (const std::uint32_t draw : {0u, 1u, 0x7fffffffu, 0xffffffffu}) expect_rounded(round, format, x, Rounding::stochastic, draw);
    }
}

TEST_F(GeneralRounds, ToNearestTakeNoDraw) {
    const Format format = Format::posit(8, 2);
    const GeneralRound round(cuda::device_format(static_cast<cuda::CudaBackend*>(cuda_backend(0))->runtime(), format), Rounding::nearest);
    for (double x = -100; x < 100; x += 0.37) expect_rounded(round, format, x, Rounding::nearest, 0);
}

}  // namespace
}  // namespace taper::tests
