#include <taper/core/dot.h>

#include <cmath>

#include <fmt/format.h>

#include <taper/core/serial_sum.h>
#include <taper/formats/convert.h>
#include <taper/formats/error.h>
#include <taper/formats/hex_float.h>

namespace taper {
namespace {

using Mode = Accumulator::Kind;

void check(const char* name, std::span<const Number> operands, const Accumulator& accumulator) {
    for (const Number& x : operands) {
        const Format& format = x.format();
        if (format.is_index()) throw Error(fmt::format("dot: {} holds indices: {} (want a format with arithmetic)", name, format.name()));
        if (accumulator.in_float32() && !format.exact_in_float32()) {
            throw Error(fmt::format("dot: float32 cannot hold {}: {} with accumulator {} (want accumulator float64 or exact)", format.name(), name,
                                    accumulator.name()));
        }
    }
}

DotValue number(const char* name, const Number& x) { return {name, x, hex_float(x.value())}; }

// A value that was rounded into `format`.
DotValue rounded(const char* name, double x, const Format& format) {
    if (std::isnan(x) && !format.has_nan()) return {name, {}, "nan"};
    return {name, Number::from(x, format), hex_float(x)};
}

DotValue product(const Number& a, const Number& b) {
    const double x = a.value(), y = b.value();
    if (x == 0 || y == 0 || !std::isfinite(x) || !std::isfinite(y)) return {"a b", {}, hex_float(x * y)};
    ExactSum sum(a.format(), b.format());
    sum.add_product(x, y);
    return {"a b", {}, sum.text()};
}

// s of a sum, under another letter where it is a chunk's.
DotValue kept_sum(const char* name, const SerialSum& sum, const Accumulator& accumulator) {
    switch (accumulator.kind()) {
        case Mode::exact:
            return {name, {}, sum.text()};
        case Mode::float32:
            return rounded(name, sum.sum(), Format::float32());
        case Mode::float64:
            return rounded(name, sum.sum(), Format::float64());
        default:
            return rounded(name, sum.sum(), accumulator.format());
    }
}

// What a term left behind; in chunks in the inner sum.
void describe_term(DotStep& step, const SerialSum& sum, const Accumulator& accumulator, const char* letter) {
    if (accumulator.kind() == Mode::chunked) return describe_term(step, *sum.inner(), accumulator.inner(), "p");
    if (accumulator.product()) step.added.push_back(rounded("m", sum.added(), *accumulator.product()));
    if (accumulator.kind() == Mode::compensated) step.added.push_back(rounded("y", sum.added(), accumulator.format()));
    step.kept.push_back(kept_sum(letter, sum, accumulator));
    if (accumulator.kind() == Mode::compensated) step.kept.push_back(rounded("e", sum.compensation(), accumulator.format()));
}

// Appends the steps of a sum where somebody asked for them.
class Recorder {
  public:
    Recorder(const SerialSum& sum, const Accumulator& accumulator, std::vector<DotStep>* steps) : sum_(sum), accumulator_(accumulator), steps_(steps) {}

    void start(const std::optional<Number>& bias) {
        if (!steps_) return;
        DotStep step{DotStep::Kind::start, 0, {}, {s()}};
        if (bias) step.added.push_back(number("bias", *bias));
        steps_->push_back(step);
    }

    // After the term; a chunk that it ended has been closed.
    void term(std::int64_t k, const Number& a, const Number& b) {
        if (!steps_) return;
        DotStep step{DotStep::Kind::term, k, {number("a", a), number("b", b), product(a, b)}, {}};
        describe_term(step, sum_, accumulator_, "s");
        steps_->push_back(step);
        if (chunk() > 0 && (k + 1) % chunk() == 0) close(k / chunk());
    }

    void finish(std::int64_t terms, const Number& result) {
        if (!steps_) return;
        if (chunk() > 0 && terms % chunk() != 0) close(terms / chunk());
        const bool lost = sum_.is_nan() && !result.format().has_nan();
        steps_->push_back({DotStep::Kind::finish, 0, {s()}, {lost ? DotValue{"result", {}, "nan"} : number("result", result)}});
    }

  private:
    std::int64_t chunk() const { return accumulator_.chunk(); }  // 0 but for chunked
    DotValue s() const { return kept_sum("s", sum_, accumulator_); }
    void close(std::int64_t chunk) { steps_->push_back({DotStep::Kind::chunk, chunk, {kept_sum("p", *sum_.inner(), accumulator_.inner())}, {s()}}); }

    const SerialSum& sum_;
    const Accumulator& accumulator_;
    std::vector<DotStep>* steps_;
};

std::string list(const std::vector<DotValue>& values) {
    std::string text;
    for (const DotValue& v : values)
        text += fmt::format("{}{} = {}{}{}", text.empty() ? "" : ", ", v.name, v.number ? v.number->hex() : "", v.number ? " " : "", v.value);
    return text;
}

}  // namespace

std::string DotStep::str() const {
    const char* const what[] = {"start", "k = {}", "chunk {}", "finish"};
    const std::string head = fmt::format(fmt::runtime(what[static_cast<int>(kind)]), index);
    return head + ": " + list(added) + (added.empty() ? "" : "; ") + list(kept);
}

Number dot(std::span<const Number> a, std::span<const Number> b, const Accumulator& accumulator, const Format& y, const DotOptions& options,
           std::vector<DotStep>* steps) {
    if (a.size() != b.size()) throw Error(fmt::format("dot: lengths differ: a is [{}], b is [{}] (want one length)", a.size(), b.size()));
    if (y.is_index()) throw Error(fmt::format("dot: the output holds indices: {} (want a format with arithmetic)", y.name()));
    check("a", a, accumulator);
    check("b", b, accumulator);
    if (options.bias) check("bias", {&*options.bias, 1}, accumulator);
    SerialSum sum(accumulator, a.empty() ? Format() : a[0].format(), b.empty() ? Format() : b[0].format(), options.mode.draws);
    sum.start(options.output, options.bias ? options.bias->value() : 0);
    Recorder recorder(sum, accumulator, steps);
    recorder.start(options.bias);
    for (std::size_t k = 0; k < a.size(); ++k) {
        sum.add(a[k].value(), b[k].value());
        recorder.term(static_cast<std::int64_t>(k), a[k], b[k]);
    }
    const Number result(y, sum.finish(y, options.mode));
    recorder.finish(static_cast<std::int64_t>(a.size()), result);
    if (sum.is_nan() && !y.has_nan()) throw Error(fmt::format("dot: the result is NaN, for which {} has no code", y.name()));
    return result;
}

}  // namespace taper
