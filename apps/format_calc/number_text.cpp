#include "number_text.h"

#include <gmp.h>

#include <charconv>
#include <cstdlib>
#include <string>

#include <taper/formats/arithmetic.h>
#include <taper/formats/error.h>

namespace taper::calc {
namespace {

constexpr int far_beyond = 20000;  // a binary exponent outside of every format

[[noreturn]] void not_a_number(std::string_view text) {
    throw Error("not a number: \"" + std::string(text.substr(0, 60)) + (text.size() > 60 ? "...\"" : "\"") +
                " (want a decimal, a C hex float, f32: and 8 hex digits, or f64: and 16)");
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool equals_lower(std::string_view text, std::string_view lower) {
    if (text.size() != lower.size()) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if ((text[i] | 0x20) != lower[i]) return false;
    }
    return true;
}

// "[+-]digits" after an e or p, at the end of the text; beyond +-10^8 it stays there.
long parse_exponent(std::string_view digits, std::string_view text) {
    const bool negative = !digits.empty() && digits[0] == '-';
    if (!digits.empty() && (digits[0] == '-' || digits[0] == '+')) digits.remove_prefix(1);
    if (digits.empty()) not_a_number(text);
    long value = 0;
    for (const char c : digits) {
        if (!is_digit(c)) not_a_number(text);
        value = value < 100000000 ? value * 10 + (c - '0') : value;
    }
    return negative ? -value : value;
}

Unpacked parse_bits(std::string_view text, int digits) {
    const std::string_view hex = text.substr(4);
    std::uint64_t bits = 0;
    const auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), bits, 16);
    if (error != std::errc() || end != hex.data() + hex.size() || hex.size() != static_cast<std::size_t>(digits)) not_a_number(text);
    return digits == 8 ? Float32{}.unpack(bits) : Float64{}.unpack(bits);
}

Unpacked parse_hex_float(std::string_view body, bool negative, std::string_view text) {
    Wide significand = 0;  // up to 31 digits: a rest leaves it beyond 2^64
    long exponent = 0;
    bool sticky = false, point = false, any = false;
    std::size_t at = 0;
    for (; at < body.size(); ++at) {
        if (body[at] == '.' && !point) {
            point = true;
            continue;
        }
        const int digit = hex_digit(body[at]);
        if (digit < 0) break;
        any = true;
        if (significand >> 120 == 0) {
            significand = significand << 4 | static_cast<unsigned>(digit);
            exponent -= point ? 4 : 0;
        } else {
            sticky = sticky || digit != 0;
            exponent += point ? 0 : 4;
        }
    }
    if (!any) not_a_number(text);
    if (at < body.size()) {
        if ((body[at] | 0x20) != 'p') not_a_number(text);
        exponent += parse_exponent(body.substr(at + 1), text);
    }
    if (significand == 0) return unpacked_zero(negative);
    exponent = exponent > far_beyond ? far_beyond : exponent < -far_beyond ? -far_beyond : exponent;
    return unpacked_from(negative, significand, static_cast<int>(exponent), sticky);
}

// digits 10^exponent by whole numbers of any size.
Unpacked from_long_decimal(bool negative, const std::string& digits, long exponent) {
    mpz_t number, power;
    mpz_init_set_str(number, digits.c_str(), 10);
    mpz_init(power);
    mpz_ui_pow_ui(power, 10, static_cast<unsigned long>(std::labs(exponent)));
    int binary_exponent = 0;
    bool sticky = false;
    if (exponent >= 0) {
        mpz_mul(number, number, power);
    } else {
        // A quotient of at least 65 bits.
        const long shift = 66 + static_cast<long>(mpz_sizeinbase(power, 2)) - static_cast<long>(mpz_sizeinbase(number, 2));
        if (shift > 0) {
            mpz_mul_2exp(number, number, static_cast<unsigned long>(shift));
            binary_exponent = static_cast<int>(-shift);
        }
        mpz_t rest;
        mpz_init(rest);
        mpz_tdiv_qr(number, rest, number, power);
        sticky = mpz_sgn(rest) != 0;
        mpz_clear(rest);
    }
    const long extra = static_cast<long>(mpz_sizeinbase(number, 2)) - 64;
    if (extra > 0) {
        sticky = sticky || mpz_scan1(number, 0) < static_cast<unsigned long>(extra);
        mpz_tdiv_q_2exp(number, number, static_cast<unsigned long>(extra));
        binary_exponent += static_cast<int>(extra);
    }
    const std::uint64_t significand = mpz_get_ui(number);
    mpz_clears(number, power, nullptr);
    return unpacked_from(negative, significand, binary_exponent, sticky);
}

constexpr int small_powers = 27;  // 5^27 < 2^63

constexpr auto powers_of_five = [] {
    struct {
        std::uint64_t value[small_powers + 1] = {1};
    } table;
    for (int i = 1; i <= small_powers; ++i) table.value[i] = 5 * table.value[i - 1];
    return table;
}();

// Up to 19 digits and small powers of ten by 128-bit arithmetic: w 10^q = w 5^q 2^q.
Unpacked from_short_decimal(bool negative, std::uint64_t digits, int exponent) {
    if (exponent >= 0) return unpacked_from(negative, Wide{digits} * powers_of_five.value[exponent], exponent);
    Unpacked quotient = exact_div(unpacked_from(negative, digits, 0), unpacked_from(false, powers_of_five.value[-exponent], 0));
    quotient.exponent += exponent;
    return quotient;
}

Unpacked parse_decimal(std::string_view body, bool negative, std::string_view text) {
    std::uint64_t digits = 0;
    long exponent = 0;
    int kept = 0;
    bool point = false, any = false;
    std::size_t at = 0;
    for (; at < body.size(); ++at) {
        const char c = body[at];
        if (c == '.' && !point) {
            point = true;
            continue;
        }
        if (!is_digit(c)) break;
        any = true;
        exponent -= point ? 1 : 0;
        if (kept > 0 || c != '0') ++kept;
        if (kept <= 19) digits = digits * 10 + static_cast<unsigned>(c - '0');
    }
    if (!any) not_a_number(text);
    const std::size_t end = at;
    if (at < body.size()) {
        if ((body[at] | 0x20) != 'e') not_a_number(text);
        exponent += parse_exponent(body.substr(at + 1), text);
    }
    if (kept == 0) return unpacked_zero(negative);
    if (kept <= 19 && exponent >= -small_powers && exponent <= small_powers) return from_short_decimal(negative, digits, static_cast<int>(exponent));
    if (kept + exponent > 1600) return {Kind::finite, negative, true, far_beyond, std::uint64_t{1} << 63};
    if (kept + exponent < -1600) return {Kind::finite, negative, true, -far_beyond, std::uint64_t{1} << 63};
    std::string all;
    for (const char c : body.substr(0, end)) {
        if (c != '.') all += c;
    }
    return from_long_decimal(negative, all, exponent);
}

}  // namespace

Unpacked parse_number(std::string_view text) {
    if (text.size() > 4 && text[3] == ':') {
        if (text.substr(0, 4) == "f32:") return parse_bits(text, 8);
        if (text.substr(0, 4) == "f64:") return parse_bits(text, 16);
    }
    std::string_view body = text;
    const bool negative = !body.empty() && body[0] == '-';
    if (!body.empty() && (body[0] == '-' || body[0] == '+')) body.remove_prefix(1);
    if (body.size() > 2 && body[0] == '0' && (body[1] | 0x20) == 'x') return parse_hex_float(body.substr(2), negative, text);
    if (body.empty()) not_a_number(text);
    if (equals_lower(body, "inf") || equals_lower(body, "infinity")) return unpacked_infinity(negative);
    if (equals_lower(body, "nan")) return unpacked_nan();
    return parse_decimal(body, negative, text);
}

std::uint64_t parse_code(std::string_view text, const Format& format) {
    std::uint64_t code = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), code, 16);
    if (error == std::errc::invalid_argument || end != text.data() + text.size())
        throw Error("not a code: \"" + std::string(text.substr(0, 60)) + "\" (want hexadecimal digits without 0x)");
    if (error != std::errc() || (format.bits() < 64 && code >> format.bits() != 0)) {
        throw Error("code has bits beyond the format: " + std::string(text.substr(0, 60)) + " in " + format.name() + " (want at most " + std::to_string(format.bits()) +
                    " bits)");
    }
    return code;
}

}  // namespace taper::calc
