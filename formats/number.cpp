#include <taper/formats/number.h>

#include <fmt/format.h>

#include <taper/formats/arithmetic.h>
#include <taper/formats/code.h>
#include <taper/formats/convert.h>
#include <taper/formats/error.h>

namespace taper {
namespace {

Unpacked unpack(const Number& x) { return unpack_code(x.format(), x.code()); }

Number pack(const Unpacked& exact, const Format& format, Rounding mode, std::uint32_t draw) {
    return {format, pack_code(format, exact, mode, draw)};
}

const Format& common_format(const char* op, const Format& a, const Format& b) {
    if (!(a == b)) throw Error(fmt::format("{}: formats differ: {} and {} (want one format)", op, a.name(), b.name()));
    if (a.is_index()) throw Error(fmt::format("{}: no arithmetic on indices: {} (want a number format)", op, a.name()));
    return a;
}

}  // namespace

Number::Number(const Format& format, std::uint64_t code) : format_(format), code_(code) {
    if (format.bits() < 64 && code >> format.bits() != 0)
        throw Error(fmt::format("Number: code has bits beyond the format: {:x} in {} (want at most {} bits)", code, format.name(), format.bits()));
}

Number Number::from(double x, const Format& format, Rounding mode, std::uint32_t draw) { return {format, encode_one(format, x, mode, draw)}; }

double Number::value() const { return decode_one(format_, code_); }
bool Number::is_nan() const { return unpack(*this).kind == Kind::nan; }
std::string Number::hex() const { return fmt::format("{:0{}x}", code_, (format_.bits() + 3) / 4); }

Number Number::to(const Format& format, Rounding mode, std::uint32_t draw) const { return pack(unpack(*this), format, mode, draw); }

Number add(const Number& a, const Number& b, Rounding mode, std::uint32_t draw) {
    return pack(exact_add(unpack(a), unpack(b)), common_format("add", a.format(), b.format()), mode, draw);
}

Number sub(const Number& a, const Number& b, Rounding mode, std::uint32_t draw) {
    return pack(exact_add(unpack(a), negated(unpack(b))), common_format("sub", a.format(), b.format()), mode, draw);
}

Number mul(const Number& a, const Number& b, Rounding mode, std::uint32_t draw) {
    return pack(exact_mul(unpack(a), unpack(b)), common_format("mul", a.format(), b.format()), mode, draw);
}

Number div(const Number& a, const Number& b, Rounding mode, std::uint32_t draw) {
    return pack(exact_div(unpack(a), unpack(b)), common_format("div", a.format(), b.format()), mode, draw);
}

Number sqrt(const Number& a, Rounding mode, std::uint32_t draw) {
    return pack(exact_sqrt(unpack(a)), common_format("sqrt", a.format(), a.format()), mode, draw);
}

Number fma(const Number& a, const Number& b, const Number& c, Rounding mode, std::uint32_t draw) {
    common_format("fma", a.format(), b.format());
    return pack(exact_fma(unpack(a), unpack(b), unpack(c)), common_format("fma", a.format(), c.format()), mode, draw);
}

}  // namespace taper
