// The end of a SumUnit: its sums are rounded once, strip by strip, and their codes go to where the outputs lie.
#include <cmath>
#include <cstring>
#include <limits>

#include <taper/core/cpu/operand.h>
#include <taper/core/cpu/sum_unit.h>
#include <taper/core/serial_sum.h>
#include <taper/formats/code.h>

namespace taper::cpu {

namespace {

// Copies codes of one row of a panel to the outputs of its columns; those that follow each other at once.
void put_row(const unsigned char* codes, int width, const std::int64_t* output, std::int64_t count, unsigned char* y) {
    if (output[count - 1] - output[0] == count - 1) {
        std::memcpy(y + output[0] * width, codes, static_cast<std::size_t>(count * width));
        return;
    }
    for (std::int64_t j = 0; j < count; ++j) std::memcpy(y + output[j] * width, codes + j * width, static_cast<std::size_t>(width));
}

Unpacked unpacked(double x) { return Float64{}.unpack(bits_as<std::uint64_t>(x)); }

// Is rounding a float32, rounded to odd from the sum, the same?  With bits to spare, and all decision points among float32's normal numbers.
bool floats_decide(const Format& format) {
    return format.exact_in_float32() && format.significand_bits() <= 22 && format.max_exponent() <= 120 && format.min_exponent() >= -120;
}

// The rounding of the sums, and the draw of output `index` where it draws.
struct FinalRounding {
    Rounding rounding;
    bool steps;  // draws as an accumulator does
    const Draws& draws;
    FinalRounding(const SumCall& call, Proof proof)
        : rounding(call.mode.mode), steps(proof == Proof::exact && call.accumulator.rounding() == Rounding::stochastic), draws(call.mode.draws) {
        if (steps) rounding = Rounding::stochastic;
    }
    std::uint32_t draw(std::uint64_t index) const {
        if (steps) return StepDraws{draws.seed, draws.stream, index, StepDraws::last}[0];
        return rounding == Rounding::stochastic ? philox_draw(draws.seed, draws.stream, draws.first_index + index) : 0;
    }
};

}  // namespace

std::size_t SumUnit::finish() {
    std::size_t nans = 0;
    for (std::int64_t strip = strips_.begin; strip < strips_.end; ++strip) {
        round_strip(strip);
        nans += one_by_one(strip) ? encode_one_by_one(strip) : encode_strip(strip);
    }
    return nans;
}

// Wide sums take up what the tile holds beside them.
void SumUnit::round_strip(std::int64_t strip) {
    if (job_.proof == Proof::none) return;
    for (std::int64_t panel = panels_.begin; panel < panels_.end; ++panel) {
        WideSums& wide = wide_of(strip, panel);
        if (!wide.used()) continue;
        double* const sums = sums_of(strip, panel);
        const std::int64_t rows = job_.rows(strip).size(), columns = job_.columns(panel).size();
        for (std::int64_t i = 0; i < rows; ++i) {
            for (std::int64_t j = i * job_.width; j < i * job_.width + columns; ++j) {
                if (std::isfinite(sums[j])) wide.add(j, sums[j]);
            }
        }
        wide.carry();
        if (job_.odd_in_reach()) wide.round_to_odd(sums);
    }
}

// Arrays are encoded to nearest or toward zero, from sums that float64 holds, exactly or rounded to odd.
bool SumUnit::one_by_one(std::int64_t strip) {
    if (FinalRounding(job_.call, job_.proof).rounding == Rounding::stochastic) return true;
    if (job_.proof == Proof::none || (job_.odd_in_reach() && job_.call.y.format() != Format::float64())) return false;
    for (std::int64_t panel = panels_.begin; panel < panels_.end; ++panel) {
        if (wide_of(strip, panel).used()) return true;
    }
    return false;
}

std::size_t SumUnit::encode_sums(const double* sums, std::int64_t n, void* codes) {
    const Format& format = job_.call.y.format();
    if (!floats_decide(format)) return encode(format, sums, static_cast<std::size_t>(n), codes, job_.call.mode);
    float* const odd = thread_scratch<float>(Scratch::offsets, n);
    job_.kernels.odd_floats(sums, n, odd);
    return encode(format, odd, static_cast<std::size_t>(n), codes, job_.call.mode);
}

std::size_t SumUnit::encode_strip(std::int64_t strip) {
    const Format& format = job_.call.y.format();
    const int width = format.storage_bytes();
    const std::int64_t n = panels_.size() * job_.tile_size();
    double* const sums = sums_of(strip, panels_.begin);
    unsigned char *const codes = thread_scratch<unsigned char>(Scratch::row, n * width), *const y = static_cast<unsigned char*>(job_.call.y.mutable_data());
    job_.kernels.canonical_nan(sums, n);
    const bool nan_lost = encode_sums(sums, n, codes) > 0;
    const Range rows = job_.rows(strip);
    std::size_t nans = 0;
    for (std::int64_t panel = panels_.begin; panel < panels_.end; ++panel) {
        const Range columns = job_.columns(panel);
        const std::int64_t* const output = job_.problem.right.output.data() + columns.begin;
        for (std::int64_t i = rows.begin; i < rows.end; ++i) {
            const std::int64_t at = (panel - panels_.begin) * job_.tile_size() + (i - rows.begin) * job_.width;
            const std::int64_t first = base_.output + job_.problem.left.output[i];
            put_row(codes + at * width, width, output, columns.size(), y + first * width);
            for (std::int64_t j = 0; nan_lost && j < columns.size(); ++j) nans += std::isnan(sums[at + j]) ? 1 : 0;
        }
    }
    return nans;
}

std::size_t SumUnit::encode_one_by_one(std::int64_t strip) {
    const Format& format = job_.call.y.format();
    const int width = format.storage_bytes();
    const FinalRounding rounding(job_.call, job_.proof);
    void* const codes = job_.call.y.mutable_data();
    const Range rows = job_.rows(strip);
    std::size_t nans = 0;
    for (std::int64_t panel = panels_.begin; panel < panels_.end; ++panel) {
        const Range columns = job_.columns(panel);
        const double* const sums = sums_of(strip, panel);
        const bool wide = job_.proof == Proof::exact && wide_of(strip, panel).used();
        for (std::int64_t i = rows.begin; i < rows.end; ++i) {
            for (std::int64_t j = columns.begin; j < columns.end; ++j) {
                const std::int64_t place = (i - rows.begin) * job_.width + j - columns.begin;
                const std::int64_t index =
                    base_.output + job_.problem.left.output[i] + job_.problem.right.output[j];
                const Unpacked sum = wide && std::isfinite(sums[place]) ? wide_of(strip, panel).sum(place) : unpacked(sums[place]);
                const std::uint32_t draw = rounding.draw(static_cast<std::uint64_t>(index));
                const std::uint64_t code = pack_code(format, sum, rounding.rounding, draw);
                std::memcpy(at(codes, index, width), &code, static_cast<std::size_t>(width));
                nans += !format.has_nan() && std::isnan(sums[place]) ? 1 : 0;
            }
        }
    }
    return nans;
}

}  // namespace taper::cpu
