#include "support/accumulator_reference.h"

#include <map>
#include <mutex>

#include <taper/formats/philox.h>

namespace taper::tests {

namespace {

using Mode = Accumulator::Kind;

const Exact nothing = {};

Exact into(const Format& format, const Exact& x, Rounding mode = Rounding::nearest, std::uint32_t draw = 0) {
    if (x.kind == Exact::nan) return x;
    const Reference& f = reference_of(format);
    return f.decode(round_code(f, x, mode, draw));
}

}  // namespace

const Reference& reference_of(const Format& format) {
    static std::mutex mutex;
    static std::map<std::string, Reference> made;
    const std::lock_guard<std::mutex> lock(mutex);
    const std::string name = format.name();
    const auto found = made.find(name);
    return found != made.end() ? found->second : made.emplace(name, Reference(name)).first->second;
}

std::uint64_t round_code(const Reference& format, const Exact& x, Rounding mode, std::uint32_t draw) {
    if (mode != Rounding::stochastic || x.kind != Exact::finite || x.magnitude == 0) {
        return format.round(x, mode == Rounding::zero ? RefMode::zero : RefMode::nearest);
    }
    const Reference::Neighbours near = format.neighbours(x);
    return mpq_class(draw) < near.up * power_of_two(32) ? near.hi : near.lo;
}

ReferenceSum::ReferenceSum(const Accumulator& accumulator, std::uint64_t seed, std::uint64_t stream) : accumulator_(accumulator), seed_(seed), stream_(stream) {
    if (accumulator.kind() == Mode::chunked) inner_ = std::make_unique<ReferenceSum>(accumulator.inner(), seed, stream);
}

std::uint32_t ReferenceSum::draw(std::uint32_t k, std::uint64_t stream, int word) const {
    const std::uint64_t c0 = output_ % 0x100000000, c1 = k, c2 = stream % 0x100000000, c3 = output_ / 0x100000000;
    return philox(seed_, c1 * 0x100000000 + c0, c3 * 0x100000000 + c2).word[word];
}

Exact ReferenceSum::r(const Exact& x, int word) const {
    const bool draws = accumulator_.rounding() == Rounding::stochastic;
    return into(accumulator_.format(), x, accumulator_.rounding(), draws ? draw(k_, stream_, word) : 0);
}

void ReferenceSum::start(std::uint64_t output, const Exact& bias) {
    output_ = output;
    k_ = 0;
    e_ = nothing;
    if (inner_) inner_->start(output);
    if (accumulator_.kind() == Mode::exact)
        s_ = bias;
    else if (accumulator_.kind() == Mode::float32)
        s_ = into(Format::float32(), bias);
    else if (accumulator_.kind() == Mode::float64)
        s_ = into(Format::float64(), bias);
    else
        s_ = into(accumulator_.format(), bias, accumulator_.rounding(), draw(0xffffffff, stream_ + 1, 0));
}

void ReferenceSum::add(const Exact& a, const Exact& b) {
    const Exact product = exact_mul(a, b);
    switch (accumulator_.kind()) {
        case Mode::exact:
            s_ = exact_add(s_, product);
            break;
        case Mode::float32:
            s_ = into(Format::float32(), exact_add(product, s_));
            break;
        case Mode::float64:
            s_ = into(Format::float64(), exact_add(product, s_));
            break;
        case Mode::rounded_f32:
            s_ = r(into(Format::float32(), exact_add(product, s_)), 0);
            break;
        case Mode::rounded:
            if (accumulator_.product()) {
                const Exact m = into(*accumulator_.product(), product, accumulator_.rounding(), draw(k_, stream_, 0));
                s_ = r(exact_add(s_, m), 1);
            } else {
                s_ = r(exact_add(s_, product), 0);
            }
            break;
        case Mode::compensated: {
            const Exact y = r(exact_add(product, negated(e_)), 0), t = r(exact_add(s_, y), 1);
            e_ = r(exact_add(r(exact_add(t, negated(s_)), 2), negated(y)), 3);
            s_ = t;
            break;
        }
        case Mode::chunked:
            if (k_ % accumulator_.chunk() == 0) {
                if (k_ > 0) s_ = closed();
                inner_->start(output_);
            }
            inner_->k_ = k_;  // the draws of an inner sum count k through all chunks
            inner_->add(a, b);
            break;
    }
    ++k_;
}

Exact ReferenceSum::partial() const { return inner_ ? inner_->sum() : nothing; }

// s with the chunk of the last term.
Exact ReferenceSum::closed() const {
    const auto chunk = static_cast<std::uint32_t>((k_ - 1) / accumulator_.chunk());
    return into(accumulator_.format(), exact_add(s_, inner_->sum()), accumulator_.rounding(), draw(chunk, stream_ + 1, 0));
}

Exact ReferenceSum::sum() const {
    if (inner_ && k_ > 0) return closed();
    Exact sum = s_;
    if (accumulator_.kind() == Mode::exact && sum.kind == Exact::finite && sum.magnitude == 0) sum.negative = false;
    return sum;
}

std::uint64_t ReferenceSum::code(const Format& y, const RoundingMode& mode) const {
    const std::uint64_t index = mode.draws.first_index + output_;
    const bool own = accumulator_.rounding() == Rounding::stochastic;
    const std::uint32_t drawn = own ? draw(0xffffffff, stream_, 0) : philox(mode.draws.seed, index / 4, mode.draws.stream).word[index % 4];
    return round_code(reference_of(y), sum(), own ? Rounding::stochastic : mode.mode, drawn);
}

}  // namespace taper::tests
