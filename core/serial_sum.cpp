#include <taper/core/serial_sum.h>

#include <taper/formats/arithmetic.h>
#include <taper/formats/code.h>
#include <taper/formats/hex_float.h>

namespace taper {

namespace {

using Kind_ = Accumulator::Kind;  // Kind is that of numbers

Unpacked unpacked(double x) { return Float64{}.unpack(bits_as<std::uint64_t>(x)); }
double to_double(const Unpacked& x) { return bits_as<double>(Float64{}.pack(x, Rounding::nearest, 0)); }

// x rounded into `format`; NaN stays NaN also where the format has none.
Unpacked rounded(const Format& format, const Unpacked& x, Rounding mode, std::uint32_t draw) {
    if (x.kind == Kind::nan) return x;
    return unpack_code(format, pack_code(format, x, mode, draw));
}

Unpacked in_float32(const Unpacked& x) { return rounded(Format::float32(), x, Rounding::nearest, 0); }

}  // namespace

SerialSum::SerialSum(const Accumulator& accumulator, const Format& a, const Format& b, const Draws& draws)
    : accumulator_(accumulator), draws_(draws), exact_(a, b) {
    if (accumulator_.kind() == Kind_::chunked) inner_ = std::make_unique<SerialSum>(accumulator_.inner(), a, b, draws);
}

Unpacked SerialSum::kept(const Unpacked& exact, const StepDraws& step, int rounding) const {
    return rounded(accumulator_.format(), exact, accumulator_.rounding(), accumulator_.rounding() == Rounding::stochastic ? step[rounding] : 0);
}

void SerialSum::start(std::uint64_t output, double bias) {
    output_ = output;
    k_ = 0;
    open_ = false;
    compensation_ = unpacked_zero(false);
    const Unpacked first = unpacked(bias);
    switch (accumulator_.kind()) {
        case Kind_::exact:
            exact_.clear();
            exact_.add(bias);
            break;
        case Kind_::float32:
            sum_ = in_float32(first);
            break;
        case Kind_::float64:
            sum_ = first;
            break;
        default:
            sum_ = kept(first, draws(StepDraws::last, 1), 0);
    }
}

void SerialSum::add(double a, double b) {
    const Unpacked x = unpacked(a), y = unpacked(b);
    const StepDraws step = draws(k_, 0);
    switch (accumulator_.kind()) {
        case Kind_::exact:
            exact_.add_product(a, b);
            break;
        case Kind_::float32:
            sum_ = in_float32(exact_fma(x, y, sum_));
            break;
        case Kind_::float64:
            sum_ = rounded(Format::float64(), exact_fma(x, y, sum_), Rounding::nearest, 0);
            break;
        case Kind_::rounded:
            if (accumulator_.product())
                add_split(x, y, step);
            else
                sum_ = kept(exact_fma(x, y, sum_), step, 0);
            break;
        case Kind_::rounded_f32:
            sum_ = kept(in_float32(exact_fma(x, y, sum_)), step, 0);
            break;
        case Kind_::compensated:
            add_compensated(x, y, step);
            break;
        case Kind_::chunked:
            add_to_chunk(a, b);
            break;
    }
    ++k_;
}

void SerialSum::add_split(const Unpacked& a, const Unpacked& b, const StepDraws& step) {
    const std::uint32_t draw = accumulator_.rounding() == Rounding::stochastic ? step[0] : 0;
    added_ = rounded(*accumulator_.product(), exact_mul(a, b), accumulator_.rounding(), draw);
    sum_ = kept(exact_add(sum_, added_), step, 1);
}

void SerialSum::add_compensated(const Unpacked& a, const Unpacked& b, const StepDraws& step) {
    added_ = kept(exact_fma(a, b, negated(compensation_)), step, 0);
    const Unpacked t = kept(exact_add(sum_, added_), step, 1);
    const Unpacked grown = kept(exact_add(t, negated(sum_)), step, 2);
    compensation_ = kept(exact_add(grown, negated(added_)), step, 3);
    sum_ = t;
}

void SerialSum::add_to_chunk(double a, double b) {
    if (!open_) inner_->start(output_);
    open_ = true;
    inner_->k_ = k_;
    inner_->add(a, b);
    const std::int64_t chunk = accumulator_.chunk(), done = std::int64_t{k_} + 1;
    if (done % chunk == 0) close_chunk(static_cast<std::uint32_t>(done / chunk - 1));
}

void SerialSum::close_chunk(std::uint32_t chunk) {
    const StepDraws step = draws(chunk, 1);
    open_ = false;
    if (inner_->accumulator_.kind() != Kind_::exact) {
        sum_ = kept(exact_add(sum_, inner_->sum_), step, 0);
        return;
    }
    if (sum_.kind == Kind::nan || inner_->is_nan()) {
        sum_ = unpacked_nan();
        return;
    }
    exact_ = inner_->exact_;
    exact_.add(to_double(sum_));
    sum_ = unpack_code(accumulator_.format(), exact_.round_to(accumulator_.format(), accumulator_.rounding(), step[0]));
}

std::uint64_t SerialSum::finish(const Format& y, const RoundingMode& mode) {
    if (open_) close_chunk(static_cast<std::uint32_t>((k_ - 1) / accumulator_.chunk()));
    Rounding rounding = mode.mode;
    std::uint32_t draw = 0;
    if (accumulator_.rounding() == Rounding::stochastic) {
        rounding = Rounding::stochastic;
        draw = draws(StepDraws::last, 0)[0];
    } else if (rounding == Rounding::stochastic) {
        draw = philox_draw(mode.draws.seed, mode.draws.stream, mode.draws.first_index + output_);
    }
    if (accumulator_.kind() == Kind_::exact) return exact_.round_to(y, rounding, draw);
    return pack_code(y, sum_, rounding, draw);
}

bool SerialSum::is_nan() const { return accumulator_.kind() == Kind_::exact ? exact_.is_nan() : sum_.kind == Kind::nan; }

double SerialSum::sum() const { return accumulator_.kind() == Kind_::exact ? bits_as<double>(exact_.round_to(Format::float64())) : to_double(sum_); }
double SerialSum::compensation() const { return to_double(compensation_); }
double SerialSum::added() const { return to_double(added_); }

std::string SerialSum::text() const { return accumulator_.kind() == Kind_::exact ? exact_.text() : hex_float(to_double(sum_)); }

}  // namespace taper
