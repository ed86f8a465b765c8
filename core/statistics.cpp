#include <taper/core/statistics.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include <taper/formats/convert.h>
#include <taper/formats/error.h>

namespace taper::core {
namespace {

constexpr std::size_t block = 4096;

// The finite values at the ends of a format.  Fixed point alone reaches further down than up.
struct Ends {
    double lowest, highest, smallest;
    explicit Ends(const Format& format) : lowest(-format.max()), highest(format.max()), smallest(std::fabs(format.min_positive())) {
        if (const Fixed* fixed = std::get_if<Fixed>(&format.family())) lowest = decode_one(format, static_cast<std::uint64_t>(fixed->low()) & fixed->mask());
    }
};

// floor(log2 |x|) of a normal float64; below Statistics::lowest of a subnormal one.
int exponent_of(double x) { return static_cast<int>(std::bit_cast<std::uint64_t>(x) >> 52 & 0x7ff) - 1023; }

class Counter {
  public:
    explicit Counter(const Format& format) : ends_(format) {}

    void operator()(double x, std::int64_t count) {
        Statistics& s = result_;
        s.elements += count;
        if (x == 0) {
            s.zeros += count;
        } else if (std::isnan(x)) {
            s.nan += count;
        } else if (std::isinf(x)) {
            s.infinite += count;
        } else {
            const double magnitude = std::fabs(x);
            s.saturated += x == ends_.highest || x == ends_.lowest ? count : 0;
            s.smallest += magnitude == ends_.smallest ? count : 0;
            s.sum += magnitude * static_cast<double>(count);
            s.max = std::max(s.max, magnitude);
            s.binades[static_cast<std::size_t>(std::clamp(exponent_of(x), Statistics::lowest - 1, Statistics::highest + 1) - Statistics::lowest + 1)] += count;
        }
    }
    const Statistics& result() const { return result_; }

  private:
    Ends ends_;
    Statistics result_;
};

void check(const Format& format, const char* op) {
    if (format.is_index()) throw Error(fmt::format("{}: an index format: {} (want a format with arithmetic)", op, format.name()));
}

// f(values, n) for the elements in order, block by block.
template <class F>
void for_blocks(const Tensor& x, F&& f) {
    std::vector<double> values(block);
    const auto* codes = static_cast<const std::byte*>(x.data());
    const auto elements = static_cast<std::size_t>(x.elements()), width = static_cast<std::size_t>(x.format().storage_bytes());
    for (std::size_t i = 0; i < elements; i += block) {
        const std::size_t n = std::min(block, elements - i);
        decode(x.format(), codes + i * width, n, values.data());
        f(values.data(), n);
    }
}

// How often each code comes.  Neighbours count into tables of their own, since runs of one code would wait for each other.
template <class Code>
std::vector<std::int64_t> count_codes(const Tensor& x) {
    const int bits = x.format().bits();
    constexpr std::size_t tables = sizeof(Code) == 1 ? 4 : 1;
    std::vector<std::int64_t> counts(tables << bits);
    const auto* codes = static_cast<const Code*>(x.data());
    for (std::size_t i = 0, n = static_cast<std::size_t>(x.elements()); i < n; ++i) ++counts[(i % tables << bits) + codes[i]];
    for (std::size_t i = std::size_t{1} << bits; i < counts.size(); ++i) counts[i & ((std::size_t{1} << bits) - 1)] += counts[i];
    counts.resize(std::size_t{1} << bits);
    return counts;
}

void add_by_code(const Tensor& x, Counter& counter) {
    const std::vector<std::int64_t> counts = x.format().storage_bytes() == 1 ? count_codes<std::uint8_t>(x) : count_codes<std::uint16_t>(x);
    for (std::size_t code = 0; code < counts.size(); ++code)
        if (counts[code] != 0) counter(decode_one(x.format(), code), counts[code]);
}

}  // namespace

double Statistics::mean() const {
    const std::int64_t finite = elements - infinite - nan;
    return finite == 0 ? 0 : sum / static_cast<double>(finite);
}

void Statistics::add(const Statistics& other) {
    elements += other.elements;
    zeros += other.zeros;
    saturated += other.saturated;
    smallest += other.smallest;
    infinite += other.infinite;
    nan += other.nan;
    sum += other.sum;
    max = std::max(max, other.max);
    for (std::size_t i = 0; i < bins; ++i) binades[i] += other.binades[i];
}

Statistics statistics(const Tensor& x) {
    check(x.format(), "statistics");
    const Tensor host = x.to(Device::cpu());
    Counter counter(x.format());
    if (const int bits = x.format().bits(); bits <= 16 && x.elements() >= std::int64_t{1} << bits) {
        add_by_code(host, counter);
    } else {
        for_blocks(host, [&](const double* values, std::size_t n) {
            for (std::size_t i = 0; i < n; ++i) counter(values[i], 1);
        });
    }
    return counter.result();
}

void OutOfRange::add(const OutOfRange& other) {
    underflow += other.underflow;
    overflow += other.overflow;
}

OutOfRange out_of_range(const Tensor& x, const Format& format) {
    check(format, "out_of_range");
    check(x.format(), "out_of_range");
    const Ends ends(format);
    OutOfRange result;
    for_blocks(x.to(Device::cpu()), [&](const double* values, std::size_t n) {
        for (std::size_t i = 0; i < n; ++i) {
            const double value = values[i];
            result.underflow += value != 0 && std::fabs(value) < ends.smallest;
            result.overflow += (value > ends.highest || value < ends.lowest) && std::isfinite(value);
        }
    });
    return result;
}

}  // namespace taper::core
