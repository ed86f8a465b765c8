// RowWriter: rounds finished sums, row by row, into the outputs of a SumCall.
#pragma once

#include <cstring>

#include <taper/core/cpu/parallel.h>
#include <taper/core/cpu/scratch.h>
#include <taper/core/cpu/sums.h>
#include <taper/formats/convert.h>

namespace taper::cpu {

template <class Real>
class RowWriter {
  public:
    explicit RowWriter(const SumCall& call)
        : format_(call.y.format()), mode_(call.mode), codes_(call.y.mutable_data()), width_(format_.storage_bytes()), encoder_(format_, mode_) {}

    // sums[j] is output number first + output[j], output ascending.  Returns how many NaN had no code.
    std::size_t write(const Real* sums, std::int64_t n, std::int64_t first, const std::int64_t* output) const {
        if (output[n - 1] - output[0] == n - 1) return encode_run(sums, n, at(codes_, first + output[0], width_), first + output[0]);
        std::size_t nans = 0;
        if (mode_.mode == Rounding::stochastic) {
            for (std::int64_t j = 0; j < n; ++j) nans += encode_run(sums + j, 1, at(codes_, first + output[j], width_), first + output[j]);
            return nans;
        }
        unsigned char* const run = thread_scratch<unsigned char>(Scratch::row, n * width_);
        nans = encode_run(sums, n, run, 0);
        for (std::int64_t j = 0; j < n; ++j) std::memcpy(at(codes_, first + output[j], width_), run + j * width_, static_cast<std::size_t>(width_));
        return nans;
    }

  private:
    std::size_t encode_run(const float* sums, std::int64_t n, void* codes, std::int64_t index) const {
        return encoder_(sums, static_cast<std::size_t>(n), codes, static_cast<std::uint64_t>(index));
    }
    std::size_t encode_run(const double* sums, std::int64_t n, void* codes, std::int64_t index) const {
        RoundingMode mode = mode_;
        mode.draws.first_index += static_cast<std::uint64_t>(index);
        return encode(format_, sums, static_cast<std::size_t>(n), codes, mode);
    }

    const Format& format_;
    const RoundingMode& mode_;
    void* codes_;
    int width_;
    Encoder encoder_;
};

}  // namespace taper::cpu
