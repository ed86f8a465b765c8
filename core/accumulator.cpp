#include <taper/core/accumulator.h>

#include <charconv>
#include <vector>

#include <fmt/format.h>

#include <taper/formats/convert.h>
#include <taper/formats/error.h>

namespace taper {

namespace {

constexpr const char* wanted =
    "want float32, float64, exact, rounded(F), rounded(F,P), rounded_f32(F), chunked(C,inner,outer) or compensated(F) with formats F, P; all but the first "
    "two also with stochastic as the last word in brackets";

[[noreturn]] void fail(const char* what, std::string_view text) { throw Error(fmt::format("Accumulator: {}: \"{}\" ({})", what, text, wanted)); }

void check(const Format& format) {
    if (format.is_index()) throw Error(fmt::format("Accumulator: no arithmetic on indices: {} (want a number format)", format.name()));
    if (decode_one(format, 0) != 0) throw Error(fmt::format("Accumulator: no zero in {} (want a format that holds 0)", format.name()));
}

void check(Rounding rounding) {
    if (rounding == Rounding::zero) throw Error("Accumulator: no rounding toward zero: it came (want nearest or stochastic)");
}

// word [ "(" part { "," part } ")" ]: the parts as written, split at commas outside inner brackets; a part "sat" or "sat*scale" belongs to the one before.
struct Call {
    std::string word;
    std::vector<std::string> parts;
};

std::string trimmed(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t\n\r"), end = text.find_last_not_of(" \t\n\r");
    return begin == std::string_view::npos ? "" : std::string(text.substr(begin, end - begin + 1));
}

Call read_call(std::string_view text) {
    const std::string all = trimmed(text);
    const std::size_t open = all.find('(');
    if (open == std::string::npos) return {all, {}};
    if (all.back() != ')') fail("malformed name", text);
    Call call{trimmed(std::string_view(all).substr(0, open)), {}};
    int depth = 0;
    std::string part;
    const auto finish = [&] {
        part = trimmed(part);
        if (part.empty()) fail("malformed name", text);
        if (trimmed(part.substr(0, part.find('*'))) == "sat" && !call.parts.empty())
            call.parts.back() += "," + part;
        else
            call.parts.push_back(part);
        part.clear();
    };
    for (std::size_t i = open + 1; i + 1 < all.size(); ++i) {
        depth += all[i] == '(' ? 1 : all[i] == ')' ? -1 : 0;
        if (depth < 0) fail("malformed name", text);
        if (all[i] == ',' && depth == 0)
            finish();
        else
            part += all[i];
    }
    if (depth != 0) fail("malformed name", text);
    finish();
    return call;
}

[[noreturn]] void chunks_within_chunks() { throw Error("Accumulator: chunks within chunks: the inner accumulator is chunked (want another one)"); }

std::int64_t chunk_size(const std::string& part, std::string_view text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (error != std::errc() || end != part.data() + part.size()) fail("not a whole number", text);
    return value;
}

const char* word_of(Accumulator::Kind kind) {
    constexpr const char* words[] = {"float32", "float64", "exact", "rounded", "rounded_f32", "chunked", "compensated"};
    return words[static_cast<int>(kind)];
}

}  // namespace

Accumulator::Accumulator(Kind kind, const Format& format, Rounding rounding) : kind_(kind), rounding_(rounding), format_(format) {
    check(format);
    check(rounding);
}

Accumulator Accumulator::float32() { return {}; }
Accumulator Accumulator::float64() { return {Kind::float64, {}, Rounding::nearest}; }
Accumulator Accumulator::exact(Rounding rounding) { return {Kind::exact, {}, rounding}; }
Accumulator Accumulator::rounded(const Format& format, Rounding rounding) { return {Kind::rounded, format, rounding}; }
Accumulator Accumulator::compensated(const Format& format, Rounding rounding) { return {Kind::compensated, format, rounding}; }

Accumulator Accumulator::rounded(const Format& format, const Format& product, Rounding rounding) {
    check(product);
    Accumulator accumulator(Kind::rounded, format, rounding);
    accumulator.product_ = product;
    return accumulator;
}

Accumulator Accumulator::rounded_f32(const Format& format, Rounding rounding) {
    if (!format.exact_in_float32()) throw Error(fmt::format("Accumulator: float32 cannot hold {}: rounded_f32 came (want rounded)", format.name()));
    return {Kind::rounded_f32, format, rounding};
}

Accumulator Accumulator::chunked(std::int64_t chunk, const Accumulator& inner, const Format& outer, Rounding rounding) {
    if (chunk < 1) throw Error(fmt::format("Accumulator: chunks of {} terms (want 1 or more)", chunk));
    if (inner.kind_ == Kind::chunked) chunks_within_chunks();
    Accumulator accumulator(Kind::chunked, outer, rounding);
    accumulator.chunk_ = chunk;
    accumulator.inner_ = std::make_shared<const Accumulator>(inner);
    return accumulator;
}

bool Accumulator::draws() const { return rounding_ == Rounding::stochastic || (inner_ && inner_->draws()); }
bool Accumulator::in_float32() const { return kind_ == Kind::float32 || kind_ == Kind::rounded_f32 || (inner_ && inner_->in_float32()); }

Accumulator Accumulator::parse(std::string_view text) {
    Call call = read_call(text);
    Rounding rounding = Rounding::nearest;
    if (!call.parts.empty() && call.parts.back() == "stochastic") {
        rounding = Rounding::stochastic;
        call.parts.pop_back();
        if (call.parts.empty() && call.word != "exact") fail("wrong arguments", text);
    }
    const std::size_t count = call.parts.size();
    const auto format = [&](std::size_t i) { return Format::parse(call.parts[i]); };
    if (call.word == "float32" && count == 0) return float32();
    if (call.word == "float64" && count == 0) return float64();
    if (call.word == "exact" && count == 0) return exact(rounding);
    if (call.word == "rounded" && count == 1) return rounded(format(0), rounding);
    if (call.word == "rounded" && count == 2) return rounded(format(0), format(1), rounding);
    if (call.word == "rounded_f32" && count == 1) return rounded_f32(format(0), rounding);
    if (call.word == "compensated" && count == 1) return compensated(format(0), rounding);
    if (call.word == "chunked" && count == 3 && read_call(call.parts[1]).word == "chunked") chunks_within_chunks();  // however deep: no recursion
    if (call.word == "chunked" && count == 3) return chunked(chunk_size(call.parts[0], text), parse(call.parts[1]), format(2), rounding);
    for (int kind = 0; kind <= static_cast<int>(Kind::compensated); ++kind) {
        if (call.word == word_of(static_cast<Kind>(kind))) fail("wrong arguments", text);
    }
    fail("unknown accumulator", text);
}

std::string Accumulator::name() const {
    std::vector<std::string> parts;
    if (kind_ == Kind::chunked) parts = {std::to_string(chunk_), inner_->name()};
    if (kind_ != Kind::float32 && kind_ != Kind::float64 && kind_ != Kind::exact) parts.push_back(format_.name());
    if (product_) parts.push_back(product_->name());
    if (rounding_ == Rounding::stochastic) parts.emplace_back("stochastic");
    return parts.empty() ? word_of(kind_) : fmt::format("{}({})", word_of(kind_), fmt::join(parts, ","));
}

bool operator==(const Accumulator& a, const Accumulator& b) {
    return a.kind_ == b.kind_ && a.rounding_ == b.rounding_ && a.format_ == b.format_ && a.product_ == b.product_ && a.chunk_ == b.chunk_
           && (a.inner_ == b.inner_ || (a.inner_ && b.inner_ && *a.inner_ == *b.inner_));
}

}  // namespace taper
