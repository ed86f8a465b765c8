// Format names, their errors, and the properties derived from a format.
#include <gtest/gtest.h>

#include <cmath>

#include <taper/formats/convert.h>
#include <taper/formats/cpu_level.h>
#include <taper/formats/error.h>
#include <taper/formats/format.h>

#include "support/throws.h"

namespace taper::tests {
namespace {

std::string parse_error(const std::string& text) {
    return error_of([&] { Format::parse(text); });
}

TEST(Names, CanonicalNamesRoundTrip) {
    for (const char* name : {"posit(8,2)", "posit(2,0)", "posit(32,4)", "posit(8,2,underflow)", "float32", "float64", "fp16", "bf16", "e5m2", "e4m3", "e3m2", "e2m3", "e2m1", "e4m3fnuz", "e5m2fnuz",
                             "e8m0", "float(6,9)", "float(8,22)", "float(4,3)", "float(3,2)", "float(6,9),sat", "e4m3,sat", "e5m2,sat", "fp16,sat", "float32,sat", "e4m3fnuz,sat", "fixed(8,4)",
                             "fixed(8,4,symmetric)", "fixed(24,-3)", "int32", "uint8", "posit(8,1)*0.25", "posit(8,2,underflow)*16", "e4m3,sat*0.5", "bf16*1.262177448353619e-29", "fixed(8,4)*2",
                             "e8m0*2", "float32,sat*4"}) {
        const Format f = Format::parse(name);
        EXPECT_EQ(f.name(), name);
        EXPECT_EQ(Format::parse(f.name()), f);
    }
}

TEST(Names, OtherSpellings) {
    EXPECT_EQ(Format::parse("  posit ( 8 , 2 ) ").name(), "posit(8,2)");
    EXPECT_EQ(Format::parse("e4m3 , sat").name(), "e4m3,sat");
    EXPECT_EQ(Format::parse("float(5,10)").name(), "fp16");
    EXPECT_EQ(Format::parse("float(8,7)").name(), "bf16");
    EXPECT_EQ(Format::parse("float(5,2),sat").name(), "e5m2,sat");
    EXPECT_EQ(Format::parse("float(8,23)"), Format::float32());
    EXPECT_EQ(Format::parse("e2m1,sat").name(), "e2m1");
    EXPECT_EQ(Format::parse("e8m0,sat").name(), "e8m0");
    EXPECT_EQ(Format::parse("posit(8,2),sat").name(), "posit(8,2)");
    EXPECT_EQ(Format::parse("posit(8,2,underflow), sat").name(), "posit(8,2,underflow)");
    EXPECT_EQ(Format::parse("fixed(8,4),sat").name(), "fixed(8,4)");
    EXPECT_EQ(Format::posit(8, 2), Format::parse("posit(8,2)"));
    EXPECT_NE(Format::posit(8, 2), Format::posit(8, 2, Underflow::to_zero));
    EXPECT_EQ(Format::parse("e4m3").saturating(), Format::parse("e4m3,sat"));
    EXPECT_EQ(Format(), Format::float32());
    EXPECT_EQ(Format::parse(" posit(8,1) * 2.5e-1 ").name(), "posit(8,1)*0.25");
    EXPECT_EQ(Format::parse("posit(8,1)*1"), Format::posit(8, 1));
    EXPECT_EQ(Format::parse("float32*1"), Format::float32());
    EXPECT_NE(Format::parse("posit(8,1)*4"), Format::posit(8, 1));
    EXPECT_EQ(Format::parse("posit(8,1)*4").scaled(2).name(), "posit(8,1)*2");
    EXPECT_EQ(Format::parse("posit(8,1)*4").element(), Format::posit(8, 1));
    EXPECT_EQ(Format::parse("e4m3*4").saturating().name(), "e4m3,sat*4");
    EXPECT_TRUE(Format::parse("e4m3*4").scaling() == Scaling::constant && Format::parse("e4m3").scaling() == Scaling::none);
}

TEST(Names, Errors) {
    const std::string wanted =
        " (want posit(n,es), posit(n,es,underflow), float32, float64, fp16, bf16, e5m2, e4m3, e3m2, e2m3, e2m1, e4m3fnuz, e5m2fnuz, e8m0, float(e,m), "
        "fixed(word,fraction), fixed(word,fraction,symmetric), int32, uint8; floats also with ,sat; any but float32, float64 and integers with *scale behind it)";
    EXPECT_EQ(parse_error("posti(8,2)"), "Format: unknown name: \"posti(8,2)\"" + wanted);
    EXPECT_EQ(parse_error("Posit(8,2)"), "Format: unknown name: \"Posit(8,2)\"" + wanted);
    EXPECT_EQ(parse_error("half"), "Format: unknown name: \"half\"" + wanted);
    EXPECT_EQ(parse_error(""), "Format: malformed name: \"\"" + wanted);
    EXPECT_EQ(parse_error("posit(8,2"), "Format: malformed name: \"posit(8,2\"" + wanted);
    EXPECT_EQ(parse_error("posit(8,2))"), "Format: malformed name: \"posit(8,2))\"" + wanted);
    EXPECT_EQ(parse_error("po sit(8,2)"), "Format: malformed name: \"po sit(8,2)\"" + wanted);
    EXPECT_EQ(parse_error("posit(8)"), "Format: wrong arguments: \"posit(8)\"" + wanted);
    EXPECT_EQ(parse_error("posit(8,2,3)"), "Format: wrong arguments: \"posit(8,2,3)\"" + wanted);
    EXPECT_EQ(parse_error("posit(8,x)"), "Format: not a whole number: \"posit(8,x)\"" + wanted);
    EXPECT_EQ(parse_error("posit(99999999999,1)"), "Format: not a whole number: \"posit(99999999999,1)\"" + wanted);
    EXPECT_EQ(parse_error("posit(8,2)*"), "Format: the scale is not a number: \"posit(8,2)*\"" + wanted);
    EXPECT_EQ(parse_error("posit(8,2)*2x"), "Format: malformed name: \"posit(8,2)*2x\"" + wanted);
    EXPECT_EQ(parse_error("posit(8,2)*2,sat"), "Format: malformed name: \"posit(8,2)*2,sat\"" + wanted);
    EXPECT_EQ(parse_error("posit(8,2)*0.3"), "Format: scale is not a power of two: posit(8,2)*0.3 (want one, with which every value stays exact)");
    for (const char* scale : {"-2", "0", "inf", "nan"}) EXPECT_NE(parse_error(std::string("e4m3*") + scale).find("scale is not a power of two: e4m3*"), std::string::npos);
    EXPECT_EQ(parse_error("float32*2"), "Format: no constant scale of float32: *2 came (want another number format)");
    EXPECT_EQ(parse_error("int32*2"), "Format: no constant scale of int32: *2 came (want another number format)");
    EXPECT_EQ(parse_error("posit(8,0)*3.1217485503159922e+144"), "Format: scale out of range: posit(8,0)*3.1217485503159922e+144 (want values within 2^-480 and 2^480)");
    EXPECT_EQ(parse_error("float64,sat"), "Format: no saturating variant: float64 (want a format of at most 32 bits)");
    EXPECT_EQ(parse_error("fp16,satt"), "Format: unknown option: \"fp16,satt\"" + wanted);
    EXPECT_EQ(parse_error("posit(33,2)"), "Format: posit sizes out of range: posit(33,2) (want 2 <= n <= 32, 0 <= es <= 4)");
    EXPECT_EQ(parse_error("float(9,2)"), "Format: float sizes out of range: float(9,2) (want exponent bits in 1..8, mantissa bits in 1..23)");
    EXPECT_EQ(parse_error("fixed(25,2)"), "Format: fixed sizes out of range: fixed(25,2) (want 1 <= word <= 24, -64 <= fraction <= 64)");
}

struct Properties {
    const char* name;
    int bits, bytes;
    double max, min_positive, epsilon;
    int significand_bits, max_exponent, min_exponent;
    bool nan, float32, bfloat16, float16;
};

TEST(Formats, DerivedProperties) {
    const Properties rows[] = {
        {"posit(8,2)", 8, 1, 0x1p24, 0x1p-24, 0.125, 4, 24, -24, true, true, true, false},
        {"posit(8,0)", 8, 1, 64, 0x1p-6, 0x1p-5, 6, 6, -6, true, true, true, true},
        {"posit(6,1)", 6, 1, 256, 0x1p-8, 0.25, 3, 8, -8, true, true, true, true},
        {"posit(16,2)", 16, 2, 0x1p56, 0x1p-56, 0x1p-11, 12, 56, -56, true, true, false, false},
        {"posit(16,4)", 16, 2, 0x1p224, 0x1p-224, 0x1p-9, 10, 224, -224, true, false, false, false},
        {"posit(32,2)", 32, 4, 0x1p120, 0x1p-120, 0x1p-27, 28, 120, -120, true, false, false, false},
        {"posit(2,3)", 2, 1, 1, 1, 0, 1, 0, 0, true, true, true, true},
        {"float32", 32, 4, 0x1.fffffep127, 0x1p-149, 0x1p-23, 24, 127, -149, true, true, false, false},
        {"float64", 64, 8, 0x1.fffffffffffffp1023, 0x1p-1074, 0x1p-52, 53, 1023, -1074, true, false, false, false},
        {"fp16", 16, 2, 65504, 0x1p-24, 0x1p-10, 11, 15, -24, true, true, false, true},
        {"bf16", 16, 2, 0x1.fep127, 0x1p-133, 0x1p-7, 8, 127, -133, true, true, true, false},
        {"e4m3", 8, 1, 448, 0x1p-9, 0.125, 4, 8, -9, true, true, true, true},
        {"e5m2", 8, 1, 57344, 0x1p-16, 0.25, 3, 15, -16, true, true, true, true},
        {"e3m2", 6, 1, 28, 0.0625, 0.25, 3, 4, -4, false, true, true, true},
        {"e2m1", 4, 1, 6, 0.5, 0.5, 2, 2, -1, false, true, true, true},
        {"e4m3fnuz", 8, 1, 240, 0x1p-10, 0.125, 4, 7, -10, true, true, true, true},
        {"e5m2fnuz", 8, 1, 57344, 0x1p-17, 0.25, 3, 15, -17, true, true, true, true},
        {"e8m0", 8, 1, 0x1p127, 0x1p-127, 1, 1, 127, -127, true, true, true, false},
        {"fixed(8,4)", 8, 1, 7.9375, 0.0625, 0.0625, 7, 2, -4, false, true, true, true},
        {"posit(8,1)*0.25", 8, 1, 1024, 0x1p-14, 0.125, 5, 10, -14, true, true, true, true},
        {"posit(8,0)*1024", 8, 1, 65536, 16, 15, 6, 16, 4, true, true, true, false},
        {"e4m3*0.0078125", 8, 1, 3.5, 0x1p-16, 0x1p-3, 4, 1, -16, true, true, true, true},
        {"posit(8,2)*1.329227995784916e+36", 8, 1, 0x1p144, 0x1p96, 0x1p96 - 1, 4, 144, 96, true, false, false, false},
        {"fixed(8,4)*0.25", 8, 1, 1.984375, 0x1p-6, 0x1p-6, 7, 0, -6, false, true, true, true},
        {"fixed(24,8,symmetric)", 24, 4, 32767.99609375, 0x1p-8, 0x1p-8, 23, 14, -8, false, true, false, false},
    };
    for (const Properties& p : rows) {
        const Format f = Format::parse(p.name);
        EXPECT_EQ(f.bits(), p.bits) << p.name;
        EXPECT_EQ(f.storage_bytes(), p.bytes) << p.name;
        EXPECT_EQ(f.max(), p.max) << p.name;
        EXPECT_EQ(f.min_positive(), p.min_positive) << p.name;
        EXPECT_EQ(f.epsilon(), p.epsilon) << p.name;
        EXPECT_EQ(f.significand_bits(), p.significand_bits) << p.name;
        EXPECT_EQ(f.max_exponent(), p.max_exponent) << p.name;
        EXPECT_EQ(f.min_exponent(), p.min_exponent) << p.name;
        EXPECT_EQ(f.has_nan(), p.nan) << p.name;
        EXPECT_EQ(f.exact_in_float32(), p.float32) << p.name;
        EXPECT_EQ(f.exact_in_bfloat16(), p.bfloat16) << p.name;
        EXPECT_EQ(f.exact_in_float16(), p.float16) << p.name;
        EXPECT_EQ(f.compute_type() == ComputeType::float32, p.float32) << p.name;
        EXPECT_FALSE(f.is_index()) << p.name;
    }
    EXPECT_TRUE(Format::int32().is_index() && Format::uint8().is_index());
}

// exact_in_float32, bfloat16 and float16 say what every code shows.
TEST(Formats, ExactInHostFloatsHoldsForEveryCode) {
    const Format fp16 = Format::parse("fp16"), bf16 = Format::parse("bf16");
    for (const char* name : {"posit(8,0)", "posit(8,1)", "posit(8,2)", "posit(8,4)", "posit(12,3)", "posit(16,1)", "posit(16,3)", "e4m3", "e5m2", "float(6,3)", "float(8,2)", "float(5,11)", "fixed(12,6)", "fixed(8,-8)", "fixed(8,-9)", "fixed(8,-9,symmetric)", "fixed(8,4)*4.253529586511731e+37", "posit(8,1)*7.52316384526264e-37",
                             "posit(8,1)*1.2676506002282294e+30", "posit(8,0)*5.877471754111438e-39", "e4m3*256"}) {
        const Format f = Format::parse(name);
        bool in_float = true, in_bf16 = true, in_fp16 = true;
        for (std::uint64_t c = 0; c < std::uint64_t{1} << f.bits(); ++c) {
            const double x = decode_one(f, c);
            if (!std::isfinite(x)) continue;
            in_float = in_float && static_cast<double>(static_cast<float>(x)) == x;
            in_bf16 = in_bf16 && decode_one(bf16, encode_one(bf16, x)) == x;
            in_fp16 = in_fp16 && decode_one(fp16, encode_one(fp16, x)) == x;
        }
        EXPECT_EQ(f.exact_in_float32(), in_float) << name;
        // The two shorter floats: the promise is one-way (significand and range are looked at apart).
        EXPECT_TRUE(in_bf16 || !f.exact_in_bfloat16()) << name;
        EXPECT_TRUE(in_fp16 || !f.exact_in_float16()) << name;
    }
}

TEST(Formats, DecoderRefusesWhatFloat32DoesNotHold) {
    try {
        Decoder decoder(Format::posit(32, 2));
        FAIL() << "no error";
    } catch (const Error& e) {
        EXPECT_STREQ(e.what(), "Decoder: float32 does not hold the values: posit(32,2) (want a format with exact_in_float32())");
    }
}

TEST(RoundingNames, RoundTrip) {
    for (const Rounding mode : {Rounding::nearest, Rounding::zero, Rounding::stochastic}) EXPECT_EQ(parse_rounding(name(mode)), mode);
    try {
        parse_rounding("up");
        FAIL() << "no error";
    } catch (const Error& e) {
        EXPECT_STREQ(e.what(), "rounding: unknown name: \"up\" (want nearest, zero or stochastic)");
    }
}

}  // namespace
}  // namespace taper::tests
