// The catalogue of format names: Format::parse and Format::name.  A new family adds its row to `families`.
#include <fmt/format.h>

#include <cctype>
#include <charconv>
#include <optional>
#include <string>
#include <vector>

#include <taper/formats/error.h>
#include <taper/formats/format.h>

namespace taper {
namespace {

struct Element {
    const char* name;
    Minifloat layout;
};

// Names that are a format by themselves.
constexpr Element elements[] = {
    {"fp16", {5, 10, Specials::ieee, Overflow::ieee}},    {"bf16", {8, 7, Specials::ieee, Overflow::ieee}},  {"e5m2", {5, 2, Specials::ieee, Overflow::ieee}},
    {"e4m3", {4, 3, Specials::fn, Overflow::ieee}},       {"e3m2", {3, 2, Specials::finite, Overflow::ieee}}, {"e2m3", {2, 3, Specials::finite, Overflow::ieee}},
    {"e2m1", {2, 1, Specials::finite, Overflow::ieee}},   {"e4m3fnuz", {4, 3, Specials::fnuz, Overflow::ieee}},
    {"e5m2fnuz", {5, 2, Specials::fnuz, Overflow::ieee}},
};

constexpr const char* wanted =
    "want posit(n,es), posit(n,es,underflow), float32, float64, fp16, bf16, e5m2, e4m3, e3m2, e2m3, e2m1, e4m3fnuz, e5m2fnuz, e8m0, float(e,m), "
    "fixed(word,fraction), fixed(word,fraction,symmetric), int32, uint8; floats also with ,sat; any but float32, float64 and integers with *scale behind it";

[[noreturn]] void fail(std::string_view what, std::string_view text) { throw Error(fmt::format("Format: {}: \"{}\" ({})", what, text, wanted)); }

// word [ "(" argument { "," argument } ")" ] { "," flag } [ "*" scale ], blanks between them.
struct Name {
    std::string word;
    bool brackets = false;
    std::vector<std::string> arguments, flags;
    std::optional<double> scale;
};

class Reader {
  public:
    explicit Reader(std::string_view text) : text_(text) {}

    Name read() {
        Name name;
        name.word = token();
        if (take('(')) {
            name.brackets = true;
            do name.arguments.push_back(token());
            while (take(','));
            if (!take(')')) fail("malformed name", text_);
        }
        while (take(',')) name.flags.push_back(token());
        if (take('*')) name.scale = number();
        skip_blanks();
        if (at_ != text_.size()) fail("malformed name", text_);
        return name;
    }

  private:
    void skip_blanks() {
        while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
    }
    bool take(char c) {
        skip_blanks();
        if (at_ == text_.size() || text_[at_] != c) return false;
        ++at_;
        return true;
    }
    std::string token() {
        skip_blanks();
        const std::size_t begin = at_;
        while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) || text_[at_] == '-' || text_[at_] == '_')) ++at_;
        if (at_ == begin) fail("malformed name", text_);
        return std::string(text_.substr(begin, at_ - begin));
    }
    // A decimal, as "0.25" or "1e-3".
    double number() {
        skip_blanks();
        double value = 0;
        const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
        if (error != std::errc()) fail("the scale is not a number", text_);
        at_ = static_cast<std::size_t>(end - text_.data());
        return value;
    }
    std::string_view text_;
    std::size_t at_ = 0;
};

int integer(const std::string& argument, std::string_view text) {
    int value = 0;
    const auto [end, error] = std::from_chars(argument.data(), argument.data() + argument.size(), value);
    if (error != std::errc() || end != argument.data() + argument.size()) fail("not a whole number", text);
    return value;
}

// The two sizes of a family, and whether the option `word` follows them.
struct Sizes {
    int first, second;
    bool option;
};

Sizes sizes(const Name& name, const char* option, std::string_view text) {
    const std::size_t count = name.arguments.size();
    if (count < 2 || count > 3 || (count == 3 && (option == nullptr || name.arguments[2] != option))) fail("wrong arguments", text);
    return {integer(name.arguments[0], text), integer(name.arguments[1], text), count == 3};
}

}  // namespace

Format Format::parse(std::string_view text) {
    const Name name = Reader(text).read();
    const bool saturate = !name.flags.empty();
    if (saturate && (name.flags.size() > 1 || name.flags[0] != "sat")) fail("unknown option", text);
    Format format;
    if (name.brackets) {
        if (name.word == "posit") {
            const Sizes s = sizes(name, "underflow", text);
            format = posit(s.first, s.second, s.option ? Underflow::to_zero : Underflow::to_minpos);
        } else if (name.word == "fixed") {
            const Sizes s = sizes(name, "symmetric", text);
            format = fixed(s.first, s.second, s.option ? FixedRange::symmetric : FixedRange::full);
        } else if (name.word == "float") {
            const Sizes s = sizes(name, nullptr, text);
            format = minifloat(s.first, s.second);
        } else {
            fail("unknown name", text);
        }
    } else if (name.word == "int32" || name.word == "uint8" || name.word == "e8m0" || name.word == "float64") {
        format = name.word == "int32" ? int32() : name.word == "uint8" ? uint8() : name.word == "e8m0" ? Format(E8M0{}) : float64();
    } else if (name.word != "float32") {
        const Element* found = nullptr;
        for (const Element& e : elements) found = name.word == e.name ? &e : found;
        if (found == nullptr) fail("unknown name", text);
        format = Format(found->layout);
    }
    if (saturate) format = format.saturating();
    return name.scale ? format.scaled(*name.scale) : format;
}

namespace {

std::string name_of(const Float32&) { return "float32"; }
std::string name_of(const Float64&) { return "float64"; }
std::string name_of(const Int32&) { return "int32"; }
std::string name_of(const UInt8&) { return "uint8"; }
std::string name_of(const E8M0&) { return "e8m0"; }
std::string name_of(const Posit& p) { return fmt::format("posit({},{}{})", p.n, p.es, p.underflow == Underflow::to_zero ? ",underflow" : ""); }
std::string name_of(const Fixed& f) { return fmt::format("fixed({},{}{})", f.word, f.fraction, f.range == FixedRange::symmetric ? ",symmetric" : ""); }
std::string name_of(const Minifloat& f) {
    const char* sat = f.overflow == Overflow::saturate ? ",sat" : "";
    for (const Element& e : elements) {
        if (e.layout.exponent == f.exponent && e.layout.mantissa == f.mantissa && e.layout.specials == f.specials) return fmt::format("{}{}", e.name, sat);
    }
    if (f.exponent == 8 && f.mantissa == 23) return fmt::format("float32{}", sat);
    return fmt::format("float({},{}){}", f.exponent, f.mantissa, sat);
}

}  // namespace

std::string Format::name() const {
    const std::string element = visit(*this, [](const auto& family) { return name_of(family); });
    return scaling() == Scaling::none ? element : fmt::format("{}*{}", element, scale());
}

}  // namespace taper
